"""Hosts with guests keep what they promise: sizes, blocks, time, and the fall-back when full."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.acma.blocks import BLOCK_BYTES, GIVEN
from damosrl.acma.config import host_config
from damosrl.acma.machine import AcmaHosts, new_knobs
from damosrl.acma.scaling import next_quota
from damosrl.acma.state import INTENDED, POSTED, QUOTAS
from damosrl.acma.workload import host_workload
from damosrl.errors import ConfigError, UnknownNameError

MakeHosts = Callable[..., AcmaHosts]
GUEST = {"memory_gib": 2.0}
NO_CHECKS = [HealthCheck.function_scoped_fixture]


def knobs(**values: Any) -> NDArray[np.void]:
    """Return the knobs of one machine, given by field."""
    records = new_knobs(1)
    for name, value in values.items():
        records[name] = value
    return records


def acma(**values: Any) -> NDArray[np.void]:
    """Return knobs under which ACMA runs as intended."""
    usual = {"rule": INTENDED, "target": 0.01, "minimum": 0.1, "maximum": 1.0, "reporting": 1}
    return knobs(**{**usual, **values})


KNOBS = st.fixed_dictionaries(
    {
        "rule": st.integers(0, 3),
        "target": st.floats(1e-4, 1.0),
        "minimum": st.floats(0.05, 0.6),
        "balloon": st.floats(0.0, 0.8),
        "unplug": st.floats(0.0, 0.8),
        "compaction_ms": st.floats(0.0, 100.0),
        "reporting": st.integers(0, 1),
        "reclaim_bytes": st.floats(0.0, 2.0**30),
    }
)


@settings(max_examples=25, deadline=None, suppress_health_check=NO_CHECKS)
@given(st.lists(KNOBS, min_size=1, max_size=6), st.integers(0, 1000))
def test_every_block_is_accounted_for_once(
    make_hosts: MakeHosts, choices: list[dict[str, Any]], seed: int
) -> None:
    """Under any sequence of knobs no block is lost, made, or both given and used."""
    hosts = make_hosts(
        {"guests": [GUEST, {"memory_gib": 1.0, "collaborative": False}]},
        {"curve": "burst", "low": 0.2, "high": 0.9, "period_s": 20, "churn": 0.02,
         "cma_every_s": 5},
        seed=seed,
    )  # fmt: skip
    for choice in choices:
        hosts.set_knobs(knobs(**choice, quota_ms=50.0))
        hosts.run(5.0)
        assert hosts.sound()


@settings(max_examples=15, deadline=None, suppress_health_check=NO_CHECKS)
@given(st.floats(0.1, 0.9), st.integers(0, 1000))
def test_the_minimum_is_never_crossed(make_hosts: MakeHosts, minimum: float, seed: int) -> None:
    """However much time the schemes get, ACMA leaves a guest its minimum."""
    hosts = make_hosts({"quota_ms": 1000.0}, {"high": 0.3, "low": 0.1}, seed=seed)
    hosts.set_knobs(acma(rule=QUOTAS, minimum=minimum, quota_ms=np.array([0.0, 1000.0, 0.0])))
    for _ in range(20):
        usable = hosts.run(1.0).gauges.usable_bytes[0, 0]
        assert usable >= minimum * 2 * 2**30


@settings(max_examples=15, deadline=None, suppress_health_check=NO_CHECKS)
@given(st.floats(0.3, 0.9), st.integers(0, 1000))
def test_the_maximum_is_never_crossed(make_hosts: MakeHosts, maximum: float, seed: int) -> None:
    """A guest that was brought below its maximum never grows above it again."""
    hosts = make_hosts({"quota_ms": 1000.0}, {"high": 0.2, "low": 0.1}, seed=seed)
    hosts.set_knobs(acma(maximum=maximum, minimum=0.05))
    hosts.run(30.0)
    hosts.set_knobs(
        acma(rule=QUOTAS, maximum=maximum, minimum=0.05, quota_ms=np.array([0.0, 0.0, 1000.0]))
    )
    for _ in range(20):
        usable = hosts.run(1.0).gauges.usable_bytes[0, 0]
        assert usable <= maximum * 2 * 2**30


def test_a_raised_minimum_is_met_at_once(make_hosts: MakeHosts) -> None:
    """A minimum above the present size brings the guest back up in the next second."""
    hosts = make_hosts({}, {"high": 0.2, "low": 0.1})
    hosts.set_knobs(acma(rule=QUOTAS, minimum=0.1, quota_ms=np.array([0.0, 500.0, 0.0])))
    assert hosts.run(20.0).gauges.usable_bytes[0, 0] < 0.8 * 2 * 2**30
    hosts.set_knobs(acma(minimum=0.8))
    assert hosts.run(1.0).gauges.usable_bytes[0, 0] >= 0.8 * 2 * 2**30


def test_guests_that_want_more_than_the_host_has_are_paged_out_by_it(
    make_hosts: MakeHosts,
) -> None:
    """Beyond the host's memory the host pages guests out: they slow down, none fails."""
    program = {"curve": "steady", "low": 0.8, "high": 0.8, "touch": 1.0, "skew": 1.0}
    scarce = make_hosts({"guests": [GUEST, GUEST], "host_share": 0.5}, program).run(10.0)
    ample = make_hosts({"guests": [GUEST, GUEST], "host_share": 1.0}, program).run(10.0)
    held = scarce.gauges.held_bytes.sum() - scarce.capacity_bytes[0]
    assert scarce.overrun_bytes[0] == pytest.approx(held, abs=BLOCK_BYTES)
    assert ample.overrun_bytes[0] == 0.0
    assert scarce.guests["slowdown"].min() > 1.5 * ample.guests["slowdown"].max()
    assert scarce.guests["failed_leaves"].sum() == 0


def test_a_program_that_outgrows_a_shrunken_guest_waits(make_hosts: MakeHosts) -> None:
    """A burst into a guest whose free memory is all given makes pressure; no block gets lost."""
    hosts = make_hosts({}, {"curve": "burst", "low": 0.1, "high": 0.95, "period_s": 60})
    hosts.set_knobs(knobs(rule=QUOTAS, target=1.0, minimum=0.1, maximum=1.0,
                          quota_ms=np.array([0.0, 1000.0, 0.0])))  # fmt: skip
    reading = hosts.run(60.0)
    assert reading.guests["pressure_us"].sum() > 0.0
    assert hosts.sound()


def test_a_balloon_below_the_working_set_stops_there(make_hosts: MakeHosts) -> None:
    """A balloon target below what is warm is a limit: no request of the program fails."""
    hosts = make_hosts({}, {"low": 0.5, "high": 0.5, "touch": 1.0, "skew": 2.0})
    hosts.set_knobs(knobs(balloon=0.8))
    reading = hosts.run(60.0)
    assert reading.guests["failed_leaves"].sum() == 0
    assert reading.gauges.balloon_bytes[0, 0] < 0.6 * 2 * 2**30


def test_pressure_rises_with_over_reclaim(make_hosts: MakeHosts) -> None:
    """Paging out warm memory makes the program wait; paging out nothing does not."""
    program = {"low": 0.8, "high": 0.8, "skew": 1.5, "touch": 0.04}
    still, pressed = make_hosts({}, program), make_hosts({}, program)
    pressed.set_knobs(knobs(reclaim_bytes=2.0**30))
    assert still.run(20.0).guests["pressure_us"].sum() == 0.0
    assert pressed.run(20.0).guests["pressure_us"].sum() > 0.0


def test_reclaim_with_nothing_cold_saves_nothing(make_hosts: MakeHosts) -> None:
    """Where all memory is touched within the aggregation interval nothing is paged out."""
    hosts = make_hosts({}, {"low": 0.5, "high": 0.5, "skew": 1.0, "touch": 1.0})
    hosts.set_knobs(knobs(reclaim_bytes=2.0**30))
    assert hosts.run(20.0).gauges.out_bytes.sum() == 0.0


def test_the_posted_rule_never_leaves_a_window_with_a_failed_block(make_hosts: MakeHosts) -> None:
    """One unmovable page in a window stops the posted code; the intended one goes on."""
    program = {"low": 0.2, "high": 0.2, "unmovable": 0.001, "unmovable_end": 0.1, "scatter": 1.0,
               "churn": 0.0}  # fmt: skip
    given = {}
    for rule in (POSTED, QUOTAS):
        hosts = make_hosts({"quota_ms": 1000.0}, program, seconds=20)
        hosts.run(20.0)
        grow = 1.0  # a target so high that only shrinking and reclaim are asked for
        hosts.set_knobs(acma(rule=rule, target=grow, quota_ms=np.array([0.0, 1000.0, 0.0])))
        hosts.state.guests["quota_bytes"] = (1.0, 2.0**31, 1.0)
        hosts.run(1.0)
        given[rule] = int(hosts.state.counts[0, 0, GIVEN])
    assert 0 < given[POSTED] < 64 < given[QUOTAS]


def test_the_goal_loop_is_the_kernels() -> None:
    """Quotas double without pressure, stay at the target, and fall to one byte at its double."""
    assert next_quota(1024.0, 0.0) == 2048.0
    assert next_quota(1024.0, 0.5) == 1536.0
    assert next_quota(1024.0, 1.0) == 1024.0
    assert next_quota(1024.0, 1.5) == 512.0
    assert next_quota(1024.0, 7.0) == 1.0


def test_as_intended_growing_follows_pressure_and_as_posted_its_absence(
    make_hosts: MakeHosts,
) -> None:
    """Without pressure the growing quota stays at one byte as intended, and doubles as posted."""
    quotas = {}
    for rule in (INTENDED, POSTED):
        hosts = make_hosts({}, {"low": 0.2, "high": 0.2})
        hosts.set_knobs(acma(rule=rule))
        hosts.run(10.0)
        quotas[rule] = float(hosts.state.guests["quota_bytes"][0, 0, 2])
    assert quotas == {INTENDED: 1.0, POSTED: 1024.0}


def test_equal_seeds_give_equal_runs_alone_and_in_a_batch() -> None:
    """A machine does the same next to others, in another thread, as alone."""
    config = host_config("acma_host")
    loads = host_workload("acma_burst").draw(np.random.default_rng(3), 3, 60)
    alone, batch = AcmaHosts([config]), AcmaHosts([config] * 3, threads=2)
    alone.load(0, loads, seed=5)
    for place in range(3):
        batch.load(place, loads, seed=4 + place)
    records = new_knobs(3)
    records["rule"], records["target"], records["maximum"] = INTENDED, 0.001, 1.0
    alone.set_knobs(records[:1])
    batch.set_knobs(records)
    alone.run(60.0)
    batch.run(60.0)
    assert np.array_equal(alone.state.counts[0], batch.state.counts[1])
    assert not np.array_equal(alone.state.counts[0], batch.state.counts[0])


def test_a_step_costs_the_same_at_any_size() -> None:
    """Counting by class makes 16 TiB cost what 64 GiB costs; a factor of 2 allows for noise."""
    best = {64.0: np.inf, 16.0 * 1024.0: np.inf}
    for _ in range(5):
        for memory_gib, before in best.items():
            best[memory_gib] = min(before, _cpu_s(memory_gib))
    small, large = best.values()
    assert large < 2.0 * small


def _cpu_s(memory_gib: float) -> float:
    """Return the CPU time of 100 s on eight hosts with one guest each."""
    guest = {"memory_gib": memory_gib}
    hosts = AcmaHosts([host_config({"name": "one", "kind": "acma", "guests": [guest]})] * 8)
    loads = host_workload("acma_server").draw(np.random.default_rng(0), 1, 300)
    records = new_knobs(8)
    records["rule"], records["target"], records["maximum"] = INTENDED, 0.001, 1.0
    records["reporting"], records["compaction_ms"] = 1, 5.0
    for place in range(8):
        hosts.load(place, loads, seed=place)
    hosts.set_knobs(records)
    begin = time.process_time()
    hosts.run(100.0)
    return time.process_time() - begin


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"minimum": 0.8, "maximum": 0.5}, "minimum memory is above maximum"),
        ({"rule": INTENDED, "target": 0.0}, "pressure target is out of range"),
        ({"rule": INTENDED, "target": 1.5}, "pressure target is out of range"),
    ],
)
def test_contradicting_knobs_are_refused(
    make_hosts: MakeHosts, values: dict[str, Any], words: str
) -> None:
    """A minimum above the maximum, or a pressure target of 0 or above 100 %, is an error."""
    with pytest.raises(ConfigError, match=words):
        make_hosts().set_knobs(knobs(**values))


def test_other_machines_and_workloads_are_refused() -> None:
    """A tiered machine is no host with guests, a tiering workload is none of theirs."""
    with pytest.raises(ConfigError, match="no host with guests"):
        host_config("dram_cxl")
    with pytest.raises(ConfigError, match="not for a host"):
        host_workload("zipf")
    with pytest.raises(UnknownNameError, match="acma_host"):
        host_config("acma_hots")


def test_batches_of_unequal_hosts_are_refused() -> None:
    """All machines of a batch have the same number of guests."""
    one = host_config({"name": "one", "kind": "acma", "guests": [GUEST]})
    two = host_config({"name": "two", "kind": "acma", "guests": [GUEST, GUEST]})
    with pytest.raises(ConfigError, match="number of guests"):
        AcmaHosts([one, two])
