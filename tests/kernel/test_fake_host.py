"""The fake host tells what it was set to, to the readers that read a kernel."""

from pathlib import Path

import pytest

from damosrl.damon import AddressRange
from damosrl.errors import KernelError
from damosrl.kernel.files import OsFiles
from damosrl.kernel.host.nodes import memory_nodes, node_counters, node_memory
from damosrl.kernel.host.pressure import pressure_file, read_pressure
from damosrl.kernel.host.telemetry import HostTelemetry
from damosrl.kernel.roots import Roots
from damosrl.testing.fake_host import GIB, FakeHost, FakeNode, put_file
from damosrl.testing.fake_tree import FakeTree


def test_nodes_lie_one_after_the_other(tree: FakeTree, roots: Roots) -> None:
    """Ranges, tiers and CPUs are those of the nodes given."""
    FakeHost(roots, tree.set_host)
    fast, slow = memory_nodes(tree, roots)
    assert fast.ranges == (AddressRange(0, GIB),)
    assert slow.ranges == (AddressRange(GIB, 2 * GIB),)
    assert (fast.tier, slow.tier) == (4, 90)
    assert (fast.has_cpus, slow.has_cpus) == (True, False)


def test_a_host_without_tiers_lists_none(tree: FakeTree, roots: Roots) -> None:
    """A node of no tier stands in no list of nodes."""
    FakeHost(roots, tree.set_host, [FakeNode(GIB, GIB, tier=None)])
    assert [node.tier for node in memory_nodes(tree, roots)] == [None]


def test_changes_show_at_once(tree: FakeTree, roots: Roots) -> None:
    """Free memory, pressure, counters and CPU time are read back as they were set."""
    host = FakeHost(roots, tree.set_host)
    telemetry = HostTelemetry(roots, tree, nids=[0, 1])
    host.set_node_free(1, GIB // 4)
    host.set_pressure(some_total_us=70, full_total_us=30, some_avg=(0.25, 0.125, 0.5))
    host.set_vmstat(pswpin=3)
    host.set_vmstat(pgmigrate_success=9)
    host.set_cpu_time(77, 1234)
    sample = telemetry.sample([77])
    assert sample.missing == ()
    assert sample.nodes is not None
    assert [node.free_bytes for node in sample.nodes] == [GIB // 2, GIB // 4]
    assert sample.pressure is not None
    assert sample.pressure.some.average == (0.25, 0.125, 0.5)
    assert (sample.pressure.some.total_us, sample.pressure.full.total_us) == (70, 30)
    assert (sample.counters["pswpin"], sample.counters["pgmigrate_success"]) == (3, 9)
    assert sample.kdamond_cpu_us == 1234.0


def test_node_counters_and_control_groups_are_apart(tree: FakeTree, roots: Roots) -> None:
    """One node's counters are not another's; a control group's pressure is not the machine's."""
    host = FakeHost(roots, tree.set_host)
    host.set_node_counters(1, pgmigrate_success=5)
    host.set_pressure(some_total_us=8, cgroup="/jobs/one")
    counts = [node_counters(tree, roots, nid)["pgmigrate_success"] for nid in (0, 1)]
    assert counts == [0, 5]
    machine, group = (
        read_pressure(tree, pressure_file(roots, path)) for path in (None, "jobs/one")
    )
    assert machine is not None
    assert group is not None
    assert (machine.some.total_us, group.some.total_us) == (0, 8)


def test_a_node_has_no_more_free_than_it_has(tree: FakeTree, roots: Roots) -> None:
    """Impossible free memory is refused with the bounds."""
    host = FakeHost(roots, tree.set_host)
    with pytest.raises(KernelError, match=r"allowed: 0\.\.1073741824"):
        host.set_node_free(0, 2 * GIB)


def test_a_host_can_be_real_files(tmp_path: Path) -> None:
    """In a directory the same readers see the same host."""
    roots = Roots(tmp_path / "sys", tmp_path / "proc", tmp_path / "trace", tmp_path / "cgroup")
    FakeHost(roots, put_file)
    assert node_memory(OsFiles(), roots, 0).free_bytes == GIB // 2
    assert [node.nid for node in memory_nodes(OsFiles(), roots)] == [0, 1]
