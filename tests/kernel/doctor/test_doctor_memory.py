"""Nodes, tiers, and what else moves pages."""

import pytest

from damosrl.errors import KernelError
from damosrl.kernel.doctor import memory
from damosrl.kernel.doctor.finding import Machine, State
from damosrl.testing.fake_host import GIB, FakeHost, FakeNode
from damosrl.testing.fake_tree import FakeTree
from tests.kernel.doctor.conftest import Refusing

FAST, SLOW = FakeNode(GIB, GIB // 4, 4, "0-3"), FakeNode(2 * GIB, GIB, 90)


def _with_nodes(machine: Machine, *nodes: FakeNode) -> Machine:
    """Return a machine of these nodes only."""
    tree = FakeTree(machine.roots)
    FakeHost(machine.roots, tree.set_host, nodes)
    return Machine(machine.roots, tree, machine.state_dir)


def test_nodes_are_told_with_their_memory(machine: Machine) -> None:
    """Sizes, free memory and CPUs, the fastest node first."""
    found = memory.nodes(_with_nodes(machine, SLOW, FAST))
    assert found.state is State.OK
    assert found.found == ("node 1: 1024 MiB, 256 free, CPUs; node 0: 2048 MiB, 1024 free, no CPU")


def test_one_node_cannot_tier(machine: Machine) -> None:
    """Nothing migrates on one node; that is a warning, since monitoring works."""
    single = _with_nodes(machine, FAST)
    assert memory.nodes(single).state is State.WARNING
    assert "one node" in memory.tiers(single).why


def test_tiers_are_listed_by_node(machine: Machine) -> None:
    """Two tiers are as they should be."""
    found = memory.tiers(_with_nodes(machine, FAST, SLOW, SLOW))
    assert (found.state, found.found) == (State.OK, "tier 4: node 0; tier 90: nodes 1, 2")


def test_all_nodes_in_one_tier_is_a_trap(machine: Machine) -> None:
    """Demotion then silently does nothing, which the warning says."""
    found = memory.tiers(_with_nodes(machine, FAST, FAST))
    assert found.state is State.WARNING
    assert found.found == "all 2 nodes are in one tier (tier 4: nodes 0, 1)"
    assert "silently do nothing" in found.why


def test_nodes_without_tiers_are_not_in_one(machine: Machine) -> None:
    """A kernel that tells no tiers is not said to have put all nodes in one."""
    found = memory.tiers(_with_nodes(machine, FAST, FakeNode(GIB, GIB, tier=None)))
    assert found.state is State.WARNING
    assert "no tier: node 1" in found.found
    assert "by hand" in found.why


def test_a_kernel_without_nodes_is_an_error_that_names_the_file(
    machine: Machine, files: Refusing
) -> None:
    """The report turns it into a finding."""
    files.refuse(machine.roots.sysfs / "devices/system/node")
    with pytest.raises(KernelError, match="has_memory is missing"):
        memory.nodes(machine)


def test_movers_beside_the_tuner_are_warned_of(machine: Machine, host: FakeHost) -> None:
    """Demotion by reclaim and NUMA balancing are fine while off, and named when on."""
    assert memory.demotion(machine).state is State.OK
    assert memory.numa_balancing(machine).state is State.OK
    host.set_demotion(enabled=True)
    host.set_numa_balancing(2)
    assert memory.demotion(machine).state is State.WARNING
    found = memory.numa_balancing(machine)
    assert (found.state, found.found) == (State.WARNING, "2 (memory tiering)")
    assert "sysctl kernel.numa_balancing=0" in found.fix


def test_kernels_without_the_movers_have_none(machine: Machine, files: Refusing) -> None:
    """No file, no mover; demotion is missing, NUMA balancing is not missed."""
    files.refuse(machine.roots.sysfs / "kernel/mm/numa")
    files.refuse(machine.roots.procfs / "sys/kernel")
    assert memory.demotion(machine).state is State.MISSING
    assert memory.numa_balancing(machine).state is State.OK


def test_an_unknown_mode_of_balancing_is_shown_as_it_is(machine: Machine, host: FakeHost) -> None:
    """A later kernel's number is on all the same."""
    host.set_numa_balancing(9)
    assert (memory.numa_balancing(machine).state, memory.numa_balancing(machine).found) == (
        State.WARNING,
        "9",
    )


def test_swap_is_told_with_its_use(machine: Machine, host: FakeHost) -> None:
    """Kind, size and use, MiB."""
    host.add_swap("/dev/zram0", size_bytes=GIB, used_bytes=GIB // 4)
    found = memory.swap(machine)
    assert (found.state, found.found) == (State.OK, "zram0 (partition, 1024 MiB, 256 used)")


def test_no_swap_is_a_warning_that_names_idle_zram(machine: Machine, host: FakeHost) -> None:
    """A zram device that is not swapped on does not count."""
    assert memory.swap(machine).found == "none in use"
    host.put(machine.roots.sysfs / "block/zram0/disksize", "0")
    found = memory.swap(machine)
    assert found.state is State.WARNING
    assert found.found == "none in use, though there is zram0"
    assert "`zramctl --size 1G /dev/zram0`, `mkswap /dev/zram0`, `swapon /dev/zram0`" in found.fix


def test_a_zram_device_with_somebodys_data_is_not_proposed(
    machine: Machine, host: FakeHost
) -> None:
    """The hint names the first without a size; where each has one, a new device is asked for."""
    host.put(machine.roots.sysfs / "block/zram0/disksize", str(GIB))
    assert "`device=$(zramctl --find --size 1G)`, `mkswap $device`" in memory.swap(machine).fix
    host.put(machine.roots.sysfs / "block/zram2/disksize", "0")
    assert "`mkswap /dev/zram2`" in memory.swap(machine).fix


@pytest.mark.parametrize("text", ["", "garbage", "Filename\nx y z w v\n", "Filename\ncut\n"])
def test_a_damaged_list_of_swaps_counts_as_none(
    machine: Machine, host: FakeHost, text: str
) -> None:
    """Lines that are no swap area are passed over."""
    host.put(machine.roots.procfs / "swaps", text)
    assert memory.swap(machine).state is State.WARNING
