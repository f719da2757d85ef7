"""What a guest's kernel tells about memory, as text of a real one (7.3.4, shortened)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import VmError
from damosrl.vm.guest_memory import GuestMemory, parse
from damosrl.vm.teller import FILES

TOLD = {
    "meminfo": "MemTotal:         917816 kB\nMemFree:          878780 kB\n"
    "MemAvailable:     810072 kB\nActive(anon):       1000 kB\n",
    "buddyinfo": "Node 0, zone      DMA      0      0      0      0      0      1      1      1"
    "      0      1      3 \n"
    "Node 0, zone    DMA32      1      1      3      2      1      1      2      1      2      2"
    "    209 \n",
    "pagetypeinfo": "Page block order: 9\n\nNumber of blocks type     Unmovable      Movable"
    "  Reclaimable   HighAtomic          CMA      Isolate \n"
    "Node 0, zone      DMA            1            7            0            0            0"
    "            0 \n"
    "Node 0, zone    DMA32           13          490            1            0            0"
    "            0 \n",
    "pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=70\n"
    "full avg10=0.00 avg60=0.00 avg300=0.00 total=30\n",
    "vmstat": "pgmigrate_success 24\npswpout 5\nworkingset_refault_anon 2\n"
    "workingset_refault_file 9\noom_kill 1\n",
    "uptime": "12.50 20.00\n",
}


def test_every_number_comes_from_its_file() -> None:
    """Zones are added up; blocks of the kernel are the unmovable and the reclaimable ones."""
    look = parse(json.dumps(TOLD))
    assert (look.uptime_s, look.total_bytes) == (12.5, 917816 * 1024)
    assert (look.free_bytes, look.available_bytes) == (878780 * 1024, 810072 * 1024)
    assert look.buddies == (1, 1, 3, 2, 1, 2, 3, 2, 2, 3, 212)
    assert look.whole_bytes == (3 * 2 + 212 * 4) << 20
    assert (look.blocks, look.unmovable_blocks) == (512, 15)
    assert (look.some_us, look.full_us, look.oom_kills) == (70, 30, 1)
    assert (look.migrated_pages, look.swapped_out_pages, look.refaulted_pages) == (24, 5, 11)


@given(st.lists(st.integers(0, 1 << 20), min_size=11, max_size=11))
def test_the_broken_share_is_a_share_of_all_free_memory(buddies: list[int]) -> None:
    """Whole and broken memory together are all that is free."""
    look = GuestMemory(0.0, 0, 0, 0, tuple(buddies), 0, 0, 0, 0, 0, 0, 0, 0)
    free = sum(count << (12 + order) for order, count in enumerate(buddies))
    assert 0.0 <= look.broken_ratio <= 1.0
    assert free * (1.0 - look.broken_ratio) == pytest.approx(look.whole_bytes if free else 0.0)


@pytest.mark.parametrize("missing", sorted(FILES))
def test_a_file_that_is_missing_is_an_error_of_the_lab(missing: str) -> None:
    """Nothing is invented."""
    told = {name: text for name, text in TOLD.items() if name != missing}
    with pytest.raises(VmError, match="in another form"):
        parse(json.dumps(told))


@pytest.mark.parametrize("line", ["", "[]", "{", '{"meminfo": 3}', "null"])
def test_a_line_that_is_none_is_an_error_of_the_lab(line: str) -> None:
    """No traceback of a parser."""
    with pytest.raises(VmError, match="in another form"):
        parse(line)
