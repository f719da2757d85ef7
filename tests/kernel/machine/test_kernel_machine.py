"""The Machine protocol over a fake kernel."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.damon import AddressRange, Document
from damosrl.errors import KernelBusyError, KernelError
from damosrl.kernel.clock import Pace
from damosrl.kernel.config import kernel_machine
from damosrl.kernel.host.nodes import Node
from damosrl.kernel.placing import placed
from damosrl.machine import Plan, SchemeField, Setting, Source
from damosrl.testing.fake_host import FakeHost, FakeNode
from damosrl_tasks.tiering.config import TieringConfig
from damosrl_tasks.tiering.schemes import layout

GIB = 1 << 30
TEMPLATE = layout(TieringConfig(), TieringConfig().tiers(2)).document
SWAP_SOURCES = (Source.SWAP, Source.SWAP_POOL, Source.SWAPPING, Source.REFAULTS)
NODES = (
    Node(1, 4, True, (AddressRange(GIB, 2 * GIB), AddressRange(3 * GIB, 4 * GIB))),
    Node(0, 90, False, (AddressRange(0, GIB),)),
)


def _regions(document: Document, kdamond: int) -> list[tuple[int, int]]:
    (target,) = document.kdamonds[kdamond].contexts[0].targets
    return [(item.start, item.end) for item in target.regions]


def test_documents_are_put_onto_the_nodes_by_speed() -> None:
    """Node 0 of a document is the fastest of the machine, whatever its id; goals follow."""
    document = placed(TEMPLATE, NODES)
    assert _regions(document, 0) == [(GIB, 2 * GIB), (3 * GIB, 4 * GIB)]
    assert _regions(document, 1) == [(0, GIB)]
    demotion = document.kdamonds[0].contexts[0].schemes[0]
    promotion = document.kdamonds[1].contexts[0].schemes[0]
    assert (demotion.target_nid, promotion.target_nid) == (0, 1)
    assert [goal.nid for goal in (*demotion.quota.goals, *promotion.quota.goals)] == [1, 1]


def test_one_kdamond_watches_all_nodes() -> None:
    """Fewer kdamonds than nodes: each watches all memory, in order of addresses."""
    document = placed(Document(TEMPLATE.kdamonds[:1]), NODES)
    assert _regions(document, 0) == [(0, GIB), (GIB, 2 * GIB), (3 * GIB, 4 * GIB)]


def test_unknown_addresses_and_nodes_are_refused() -> None:
    """A node without blocks cannot be watched; a node that is not there cannot be named."""
    with pytest.raises(KernelError, match="addresses of node 0 are not known"):
        placed(TEMPLATE, (NODES[0], NODES[1]._replace(ranges=())))
    with pytest.raises(KernelError, match="names a node"):
        placed(TEMPLATE, NODES[:1])


def test_steps_end_on_time_and_late_ones_are_counted(kernel: Any) -> None:
    """Work shortens the sleep; a step that ends late moves the next one, without a burst."""
    clock = kernel.clock
    pace = Pace(clock)
    clock.now_s += 0.25
    pace.wait(1.0)
    assert clock.slept == [0.75]
    clock.now_s += 5.0
    pace.wait(1.0)
    assert (pace.overruns, len(clock.slept)) == (1, 1)
    pace.wait(1.0)
    assert clock.slept[1:] == [1.0]
    assert pace.elapsed_s == pytest.approx(7.0)


def test_telemetry_is_what_the_files_say(kernel: Any) -> None:
    """Bytes, counters, pressure and regions come from their files, with the units of telemetry."""
    with kernel_machine(
        kernel.config, files=kernel.tree, pipe=kernel.pipe, clock=kernel.clock
    ) as machine:
        machine.begin(TEMPLATE)
        kernel.trace()
        kernel.set_stats(demoted=4096, promoted=8192)
        kernel.host.set_node_free(0, GIB // 4)
        kernel.host.set_pressure(some_total_us=50, some_avg=(0.2, 0.1, 0.0))
        told = machine.run(1.0)
    assert told.time_s[0] == pytest.approx(1.0)
    assert told.node_total_bytes.tolist() == [[GIB, GIB]]
    assert told.node_free_bytes.tolist() == [[GIB / 4, GIB]]
    assert (told.migrated_down_bytes[0], told.migrated_up_bytes[0]) == (4096.0, 8192.0)
    assert told.stats.sz_tried[0].tolist() == [[8192], [16384]]
    assert told.stats.effective_bytes[0].tolist() == [[GIB], [2 * GIB]]
    assert told.pressure.some_total_us[0] == 50.0
    assert told.pressure.some_avg[0].tolist() == pytest.approx([0.2, 0.1, 0.0])
    assert told.snapshot.nr_regions.tolist() == [[2, 2]]
    assert told.snapshot.start[0, 1].tolist() == [GIB, GIB + GIB // 2]
    assert told.snapshot.nr_accesses[0].tolist() == [[12, 0], [12, 0]]
    assert told.samples_per_aggregation.tolist() == [[20, 20]]
    assert told.kdamond_cpu_us[0] == 2000.0
    assert math.isnan(told.latency_ns[0])
    assert told.missing == (Source.RETURNED, Source.LATENCY)


def test_what_is_not_there_is_said_to_be_missing(kernel: Any) -> None:
    """Without pressure, trace lines and CPU times the numbers are unknown, never zero."""
    kernel.tree.set_host(str(kernel.roots.procfs / "pressure/memory"), "nonsense\n")
    with kernel_machine(
        kernel.config, files=kernel.tree, pipe=kernel.pipe, clock=kernel.clock
    ) as machine:
        machine.begin(TEMPLATE)
        told = machine.run(1.0)
    assert math.isnan(told.pressure.some_total_us[0])
    assert math.isnan(told.kdamond_cpu_us[0])
    assert told.snapshot.nr_regions.tolist() == [[0, 0]]
    asked_by_nobody = {Source.MEMCGS}
    assert set(told.missing) == set(Source) - {Source.NODES, *SWAP_SOURCES} - asked_by_nobody


def test_what_guards_need_is_at_hand_after_a_look(kernel: Any) -> None:
    """Counters and swap of the last look are given without another read of the files."""
    kernel.host.set_vmstat(pswpin=3, oom_kill=1)
    kernel.host.add_swap(size_bytes=GIB, used_bytes=GIB // 4)
    with kernel_machine(kernel.config, files=kernel.tree, clock=kernel.clock) as machine:
        machine.begin(TEMPLATE)
        assert machine.host_sample is None
        machine.run(1.0)
        kernel.host.set_vmstat(oom_kill=2)
        sample = machine.host_sample
    assert sample is not None
    assert (sample.counters["pswpin"], sample.counters["oom_kill"]) == (3, 1)
    assert sample.swap == (GIB, GIB - GIB // 4, 0, 0)


def test_a_silent_tracer_ends_as_missing(kernel: Any) -> None:
    """The last picture counts for a few steps, then no more."""
    with kernel_machine(
        kernel.config, files=kernel.tree, pipe=kernel.pipe, clock=kernel.clock
    ) as machine:
        machine.begin(TEMPLATE)
        kernel.trace()
        seen = [Source.SNAPSHOT not in machine.run(1.0).missing for _ in range(7)]
    assert seen == [True] * 5 + [False] * 2


def test_only_changes_are_committed(kernel: Any) -> None:
    """A plan like the one in force writes nothing; another one writes what differs."""
    with kernel_machine(
        kernel.config, files=kernel.tree, pipe=kernel.pipe, clock=kernel.clock
    ) as machine:
        machine.begin(TEMPLATE)
        before = len(kernel.tree.writes)
        machine.commit(Plan(TEMPLATE, {}))
        assert len(kernel.tree.writes) == before
        quota = Setting(0, 0, SchemeField.QUOTA_BYTES)
        machine.commit(Plan(TEMPLATE, {quota: np.array([1 << 20])}))
        written = [(path.rpartition("/")[2], text) for path, text in kernel.tree.writes[before:]]
    assert written == [("bytes", "1048576"), ("state", "commit"), ("state", "commit")]


def test_the_tree_is_left_as_it_was_found(kernel: Any) -> None:
    """After an exception, and after an end in order, nothing of ours runs or stays."""
    for failure in (RuntimeError, None):
        try:
            with kernel_machine(
                kernel.config, files=kernel.tree, pipe=kernel.pipe, clock=kernel.clock
            ) as machine:
                machine.begin(TEMPLATE)
                if failure is not None:
                    raise failure
        except RuntimeError:
            pass
        assert kernel.tree.read(kernel.roots.damon / "kdamonds/nr_kdamonds") == "0\n"


def test_a_vanished_kdamond_ends_the_run(kernel: Any) -> None:
    """A kdamond that has ended by itself is an error that says so."""
    with kernel_machine(
        kernel.config, files=kernel.tree, pipe=kernel.pipe, clock=kernel.clock
    ) as machine:
        machine.begin(TEMPLATE)
        kernel.tree.end_kdamond(1)
        with pytest.raises(KernelError, match="kdamond 1"):
            machine.run(1.0)


def test_a_tree_in_use_is_refused(kernel: Any) -> None:
    """Somebody else's DAMON is not touched."""
    parameters = kernel.roots.sysfs / "module/damon_reclaim/parameters"
    kernel.tree.write(parameters / "enabled", "Y")
    writes = len(kernel.tree.writes)
    with (
        pytest.raises(KernelBusyError),
        kernel_machine(kernel.config, files=kernel.tree, clock=kernel.clock),
    ):
        pytest.fail("the session began")
    assert len(kernel.tree.writes) == writes


def test_nodes_of_one_machine_by_tier(kernel: Any) -> None:
    """The faster tier comes first, though its node has the higher id."""
    FakeHost(kernel.roots, kernel.tree.set_host, (FakeNode(GIB, 0, 90), FakeNode(GIB, 0, 4, "0")))
    for tier in (4, 90):
        path = kernel.roots.sysfs / f"devices/virtual/memory_tiering/memory_tier{tier}/nodelist"
        kernel.tree.set_host(str(path), "1\n" if tier == 4 else "0\n")
    with kernel_machine(kernel.config, files=kernel.tree, clock=kernel.clock) as machine:
        assert [node.nid for node in machine.nodes] == [1, 0]


def test_a_dry_run_prints_every_write_and_makes_none(
    kernel: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole start and a change are told; the tree, the lock and the state stay untouched."""
    config = replace(kernel.config, dry_run=True)
    with kernel_machine(config, files=kernel.tree, clock=kernel.clock) as machine:
        machine.begin(TEMPLATE)
        quota = Setting(1, 0, SchemeField.QUOTA_BYTES)
        machine.commit(Plan(TEMPLATE, {quota: np.array([1 << 20])}))
        machine.run(1.0)
    lines = capsys.readouterr().out.splitlines()
    assert kernel.tree.writes == []
    assert not Path(config.state_dir).exists()
    assert any("nr_kdamonds" in line and "2" in line for line in lines)
    assert any("kdamonds/1/contexts/0/schemes/0/quotas/bytes" in line for line in lines)
