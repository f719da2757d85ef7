"""What a host tells of its swap space, and what is unknown where a file is missing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.kernel.host.swap import read_swap
from damosrl.kernel.roots import Roots
from damosrl.testing.fake_host import GIB, FakeHost, Put
from damosrl.testing.fake_tree import FakeTree

ROOTS = Roots(Path("/tree/sys"), Path("/tree/proc"), Path("/tree/trace"), Path("/tree/cgroup"))
KIB = 1024
AREAS = "Filename\tType\tSize\tUsed\tPriority\n"
MEMINFO = "SwapCached: 3 kB\nSwapTotal: 100 kB\nSwapFree: 40 kB\n"


@pytest.fixture
def tree() -> FakeTree:
    """Return files without a host."""
    return FakeTree(ROOTS)


def _put(tree: FakeTree, **texts: str) -> None:
    put: Put = tree.set_host
    places = {
        "meminfo": ROOTS.procfs / "meminfo",
        "swaps": ROOTS.procfs / "swaps",
        "zram0": ROOTS.sysfs / "block/zram0/mm_stat",
        "zram1": ROOTS.sysfs / "block/zram1/mm_stat",
    }
    for name, text in texts.items():
        put(str(places[name]), text)


@given(size=st.integers(1, 2**40), used=st.floats(0.0, 1.0), pool=st.integers(0, 2**40))
def test_a_zram_area_reads_as_it_was_set(size: int, used: float, pool: int) -> None:
    """Size and use survive the way through the files in whole KiB, the pool to the byte."""
    tree = FakeTree(ROOTS)
    host = FakeHost(ROOTS, tree.set_host)
    size_bytes = size * KIB
    used_bytes = int(size * used) * KIB
    host.add_swap("/dev/zram0", size_bytes, used_bytes, pool)
    swap = read_swap(tree, ROOTS)
    assert swap is not None
    assert (swap.total_bytes, swap.used_bytes, swap.pool_bytes) == (size_bytes, used_bytes, pool)


def test_a_host_without_swap_has_none_in_use() -> None:
    """No area: nothing is used and nothing taken, which is known."""
    tree = FakeTree(ROOTS)
    FakeHost(ROOTS, tree.set_host)
    assert read_swap(tree, ROOTS) == (0, 0, 0, 0)


def test_pages_that_are_back_are_not_out(tree: FakeTree) -> None:
    """What is cached is in memory, though it still has its place in the swap space."""
    _put(tree, meminfo=MEMINFO, swaps=AREAS)
    swap = read_swap(tree, ROOTS)
    assert swap is not None
    assert swap.used_bytes == 57 * KIB


def test_all_stores_in_memory_add_up(tree: FakeTree) -> None:
    """The pool is that of every zram device that is swapped to, and that of zswap."""
    areas = f"{AREAS}/dev/zram0 partition 9 0 5\n/dev/zram1 partition 9 0 5\n/dev/sda2 file 9 0 1\n"
    _put(tree, meminfo=f"{MEMINFO}Zswap: 2 kB\n", swaps=areas)
    _put(tree, zram0="900 300 4000 0 0 0 0 0 0\n", zram1="90 30 500 0 0 0 0 0 0\n")
    swap = read_swap(tree, ROOTS)
    assert swap is not None
    assert swap.pool_bytes == 4000 + 500 + 2 * KIB


def test_a_disk_takes_no_memory() -> None:
    """Swap on a disk has a pool of nothing, whatever a zram device nobody swaps to holds."""
    tree = FakeTree(ROOTS)
    host = FakeHost(ROOTS, tree.set_host)
    host.add_swap("/dev/nvme0n1p2", GIB, GIB // 2)
    _put(tree, zram0="900 300 4000 0 0 0 0 0 0\n")
    swap = read_swap(tree, ROOTS)
    assert swap is not None
    assert (swap.used_bytes, swap.pool_bytes) == (GIB // 2, 0)


@pytest.mark.parametrize("mm_stat", [None, "", "900 300\n", "900 300 many 0\n"])
def test_a_silent_device_leaves_the_pool_unknown(tree: FakeTree, mm_stat: str | None) -> None:
    """Use is known without the pool; the pool is unknown, not zero."""
    _put(tree, meminfo=MEMINFO, swaps=f"{AREAS}/dev/zram0 partition 100 57 5\n")
    if mm_stat is not None:
        _put(tree, zram0=mm_stat)
    assert read_swap(tree, ROOTS) == (100 * KIB, 40 * KIB, 3 * KIB, None)


def test_without_a_list_of_areas_the_pool_is_unknown(tree: FakeTree) -> None:
    """Who does not know where pages go does not know what they take."""
    _put(tree, meminfo=MEMINFO)
    assert read_swap(tree, ROOTS) == (100 * KIB, 40 * KIB, 3 * KIB, None)


@pytest.mark.parametrize("meminfo", ["", "MemTotal: 8 kB\n", "SwapTotal: 6 kB\n"])
def test_a_kernel_without_swap_tells_nothing(tree: FakeTree, meminfo: str) -> None:
    """Without both sizes there is no number at all."""
    _put(tree, meminfo=meminfo, swaps=AREAS)
    assert read_swap(tree, ROOTS) is None
