"""Memory nodes of hosts made of files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.damon import AddressRange
from damosrl.errors import KernelError
from damosrl.kernel.files import OsFiles
from damosrl.kernel.host.nodes import memory_nodes, node_counters, node_memory
from damosrl.kernel.host.tables import number_list, numbers
from damosrl.kernel.roots import Roots

BLOCK = 128 << 20
COUNTS = st.integers(0, 2**63)
Put = Callable[[str, str], None]


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    """Return roots of an empty host."""
    return Roots(tmp_path / "sys", tmp_path / "proc", tmp_path / "trace", tmp_path / "cgroup")


@pytest.fixture
def put(roots: Roots) -> Put:
    """Return a writer of files below sysfs."""

    def write(path: str, text: str) -> None:
        file = roots.sysfs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    return write


def _two_tiers(put: Put) -> None:
    put("devices/system/node/has_memory", "0-1\n")
    put("devices/system/memory/block_size_bytes", "8000000\n")
    put("devices/virtual/memory_tiering/memory_tier90/nodelist", "0\n")
    put("devices/virtual/memory_tiering/memory_tier4/nodelist", "1\n")
    put("devices/system/node/node0/cpulist", "\n")
    put("devices/system/node/node1/cpulist", "0-1\n")
    for nid, blocks in ((0, (8, 9)), (1, (0, 1, 2, 4, 10))):
        for block in blocks:
            put(f"devices/system/node/node{nid}/memory{block}/state", "online\n")
    put("devices/system/node/node1/memory10/state", "offline\n")


def test_nodes_come_the_fastest_first(roots: Roots, put: Put) -> None:
    """The lower tier number is the faster; CPUs and ranges are each node's own."""
    _two_tiers(put)
    fast, slow = memory_nodes(OsFiles(), roots)
    assert (fast.nid, fast.tier, fast.has_cpus) == (1, 4, True)
    assert (slow.nid, slow.tier, slow.has_cpus) == (0, 90, False)


def test_ranges_join_neighbours_and_leave_out_what_is_offline(roots: Roots, put: Put) -> None:
    """Blocks that touch are one range; holes and offline blocks belong to none."""
    _two_tiers(put)
    fast, slow = memory_nodes(OsFiles(), roots)
    assert slow.ranges == (AddressRange(8 * BLOCK, 10 * BLOCK),)
    assert fast.ranges == (AddressRange(0, 3 * BLOCK), AddressRange(4 * BLOCK, 5 * BLOCK))


def test_nodes_without_tiers_and_blocks_keep_their_order(roots: Roots, put: Put) -> None:
    """A kernel without tiers or hotplug still has nodes; what it does not tell is none."""
    put("devices/system/node/has_memory", "0,2\n")
    nodes = memory_nodes(OsFiles(), roots)
    assert [(node.nid, node.tier, node.ranges) for node in nodes] == [(0, None, ()), (2, None, ())]


def test_a_kernel_without_nodes_is_an_error(roots: Roots) -> None:
    """No list of nodes: the file is named."""
    with pytest.raises(KernelError, match="has_memory is missing"):
        memory_nodes(OsFiles(), roots)


@pytest.mark.parametrize("text", ["", "Node 0 MemTotal: 5 kB\n", "garbage\n"])
def test_incomplete_meminfo_is_an_error(roots: Roots, put: Put, text: str) -> None:
    """Free memory is never guessed."""
    put("devices/system/node/node0/meminfo", text)
    with pytest.raises(KernelError, match="meminfo cannot be read"):
        node_memory(OsFiles(), roots, 0)


def test_node_files_give_bytes_and_pages(roots: Roots, put: Put) -> None:
    """Meminfo's kB become bytes; counters stay pages, of both files."""
    put("devices/system/node/node3/meminfo", "Node 3 MemTotal: 8 kB\nNode 3 MemFree: 3 kB\n")
    put("devices/system/node/node3/vmstat", "pgpromote_success 5\n")
    put("devices/system/node/node3/numastat", "numa_hit 7\n")
    assert node_memory(OsFiles(), roots, 3) == (8192, 3072)
    assert node_counters(OsFiles(), roots, 3) == {"pgpromote_success": 5, "numa_hit": 7}


def test_garbage_block_size_is_an_error(roots: Roots, put: Put) -> None:
    """A block size that is no number names its file."""
    _two_tiers(put)
    put("devices/system/memory/block_size_bytes", "many\n")
    with pytest.raises(KernelError, match="block_size_bytes cannot be read"):
        memory_nodes(OsFiles(), roots)


def test_lists_and_tables() -> None:
    """Lists may be empty or have ranges; what is no number of a table is passed over."""
    assert number_list("\n") == ()
    assert number_list("0,3-5\n") == (0, 3, 4, 5)
    assert numbers("a 1\nb -2\nc x\nd\n\ne: 3 kB\n") == {"a": 1, "e": 3072}
    assert numbers(f"a {'9' * 5000}\n") == {}
    with pytest.raises(KernelError, match="list of numbers"):
        number_list("0-x")


@given(
    table=st.dictionaries(st.from_regex(r"[a-z_][a-z_0-9()]{0,20}", fullmatch=True), COUNTS),
    wanted=st.lists(
        st.sampled_from(["pswpin", "MemFree", "Active(anon)"]), unique=True, min_size=1
    ),
    form=st.sampled_from(["{} {}\n", "{}: {:>8} kB\n", "Node 1 {}: {:>9} kB\n"]),
)
def test_wanted_numbers_are_those_of_the_whole_table(
    table: dict[str, int], wanted: list[str], form: str
) -> None:
    """In every form of the kernel, names are taken whole and the others passed over."""
    table |= {"pswpin": 1, "pswpin_more": 2, "MemFree": 3}
    text = "".join(form.format(*row) for row in table.items())
    unit = 1024 if "kB" in form else 1
    whole = numbers(text)
    assert whole == {name: value * unit for name, value in table.items()}
    assert numbers(text, tuple(wanted)) == {
        name: value for name, value in whole.items() if name in wanted
    }


@pytest.mark.parametrize("text", ["0-99999999999", "5-2", "9" * 5000])
def test_a_list_that_no_kernel_writes_is_refused(text: str) -> None:
    """A damaged or backward range neither fills memory nor breaks the reader."""
    with pytest.raises(KernelError, match="list of numbers"):
        number_list(text)
