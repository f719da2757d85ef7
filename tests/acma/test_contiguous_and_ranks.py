"""Contiguous requests come from the stack where there is one; clean ranks of it go dark."""

from collections.abc import Callable

import numpy as np
import pytest

from damosrl.acma.config import host_config
from damosrl.acma.hosting import VMEMMAP_SHARE, unplugged_ranks, whole_units
from damosrl.acma.machine import AcmaHosts, new_knobs
from damosrl.acma.state import INTENDED, QUOTAS

MakeHosts = Callable[..., AcmaHosts]
DEVICE = {"low": 0.3, "high": 0.3, "cma_every_s": 2.0, "cma_mib": 32, "cma_s": 1.0}


def shrunk(make_hosts: MakeHosts, program: dict[str, float], seconds: float = 30.0) -> AcmaHosts:
    """Run a guest that gives all it may for a while."""
    hosts = make_hosts({"rank_gib": 0.25}, program)
    knobs = new_knobs(1)
    knobs["rule"], knobs["target"], knobs["minimum"] = QUOTAS, 1.0, 0.4
    knobs["quota_ms"] = (0.0, 100.0, 0.0)
    hosts.set_knobs(knobs)
    hosts.run(seconds)
    return hosts


def test_the_stack_serves_contiguous_requests_faster(make_hosts: MakeHosts) -> None:
    """From the stack all requests are served, each in less time than by moving pages away."""
    stack = shrunk(make_hosts, DEVICE).state.guests[0, 0]
    plain = make_hosts({}, DEVICE)
    middle = plain.run(30.0).guests[0, 0]
    assert stack["cma_from_stack"] > 0
    assert stack["cma_served"] == stack["cma_requests"]
    assert middle["cma_from_stack"] == 0
    assert middle["cma_requests"] > 0
    assert stack["cma_us"] / stack["cma_served"] < middle["cma_us"] / middle["cma_served"]


def test_unmovable_pages_make_plain_requests_fail(make_hosts: MakeHosts) -> None:
    """Where kernel memory has spread, ranges without an unmovable page get rare."""
    program = {**DEVICE, "unmovable": 0.001, "unmovable_end": 0.25, "scatter": 1.0}
    guest = make_hosts({}, program).run(60.0).guests[0, 0]
    assert 0 < guest["cma_served"] < guest["cma_requests"]


def test_clean_ranks_go_dark_and_wake(make_hosts: MakeHosts) -> None:
    """A guest that gives a quarter of a GiB darkens a rank; growing again wakes it."""
    hosts = shrunk(make_hosts, {"low": 0.2, "high": 0.2, "unmovable_end": 0.01})
    assert hosts.state.guests["dark_ranks"][0, 0] >= 4.0
    knobs = new_knobs(1)
    knobs["rule"], knobs["target"], knobs["minimum"] = INTENDED, 1.0, 0.9
    hosts.set_knobs(knobs)
    guest = hosts.run(2.0).guests[0, 0]
    assert guest["dark_ranks"] < 4.0
    assert guest["rank_exits"] >= 4.0


@pytest.mark.parametrize(("stranded", "units"), [(0, 8.0), (1, 7.0), (2, 6.125)])
def test_blocks_left_behind_cost_whole_units(
    make_hosts: MakeHosts, stranded: int, units: float
) -> None:
    """Of 8 units one stray block spoils 1, two spoil 1.875 on average: 8 (1 - 1/8)^s remain."""
    hosts = make_hosts({"guests": [{"memory_gib": 2.0}]})
    counts, guest = hosts.state.counts[0, 0], hosts.state.guests[0, 0]
    counts[-1], guest["stranded"] = 8 * 64 - stranded, stranded
    assert whole_units(counts, guest, 64) == pytest.approx(units)


def test_unplugged_memory_lies_anywhere(make_hosts: MakeHosts) -> None:
    """With half of memory unplugged, a rank of two memory blocks is dark in one case of four."""
    hosts = make_hosts({"rank_gib": 0.25, "hotplug_mib": 128})
    guest = hosts.state.guests[0, 0]
    guest["unplugged"] = guest["blocks"] // 2
    assert unplugged_ranks(guest, hosts.state.hosts[0]) == pytest.approx(8 * 0.25)


def test_page_descriptors_of_whole_windows_are_given_back() -> None:
    """A wholly given window saves 1/64 more: 64 bytes per page; without vmemmap it does not."""
    held = {}
    for vmemmap in (True, False):
        values = {"name": "one", "kind": "acma", "guests": [{"memory_gib": 1.0}]}
        hosts = AcmaHosts([host_config({**values, "vmemmap": vmemmap})])
        hosts.state.counts[0, 0] = 0
        hosts.state.counts[0, 0, [0, -1]] = 512 - 128, 128
        held[vmemmap] = float(hosts.read().gauges.held_bytes[0, 0])
    assert held[False] - held[True] == pytest.approx(2 * 128 * 2**20 * VMEMMAP_SHARE)
    assert np.isclose(VMEMMAP_SHARE, 64 / 4096)
