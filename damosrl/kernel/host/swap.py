"""Swap space: how much there is, what is in it, and the memory that its copies take.

``SwapTotal``, ``SwapFree`` and ``SwapCached`` of ``/proc/meminfo`` are of all areas together
(Documentation/filesystems/proc.rst). Two stores keep swapped pages in memory: zram, whose third
number in ``mm_stat`` is the memory it has taken (Documentation/admin-guide/blockdev/zram.rst), and
zswap, whose pool is meminfo's ``Zswap``.
"""

from pathlib import Path
from typing import NamedTuple

from damosrl.kernel.files import Files
from damosrl.kernel.host.tables import numbers, read_if_there, to_number
from damosrl.kernel.roots import Roots

TOTAL, FREE, CACHED, ZSWAP = "SwapTotal", "SwapFree", "SwapCached", "Zswap"
TAKEN = 2
"""Place of ``mem_used_total`` in a zram device's ``mm_stat``."""


class SwapMemory(NamedTuple):
    """All swap areas together, bytes; a machine without any has zeros."""

    total_bytes: int
    free_bytes: int
    cached_bytes: int
    """Of what is in use: pages that are back in memory, and still have their place."""
    pool_bytes: int | None
    """Memory that swapped pages take; None where a store does not tell."""

    @property
    def used_bytes(self) -> int:
        """Pages that are swapped out, by their size in memory."""
        return max(self.total_bytes - self.free_bytes - self.cached_bytes, 0)


def read_swap(files: Files, roots: Roots) -> SwapMemory | None:
    """Return the swap space; None where the kernel does not tell."""
    text = read_if_there(files, roots.procfs / "meminfo") or ""
    found = numbers(text, (TOTAL, FREE, CACHED, ZSWAP))
    if TOTAL not in found or FREE not in found:
        return None
    taken = _taken_by_zram(files, roots)
    pool = None if taken is None else taken + found.get(ZSWAP, 0)
    return SwapMemory(found[TOTAL], found[FREE], found.get(CACHED, 0), pool)


def _taken_by_zram(files: Files, roots: Roots) -> int | None:
    """Add up the memory of zram devices that are swapped to; None where one does not tell."""
    areas = read_if_there(files, roots.procfs / "swaps")
    if areas is None:
        return None
    places = [row.split()[0] for row in areas.splitlines()[1:] if row.strip()]
    names = [Path(place).name for place in places if Path(place).name.startswith("zram")]
    sizes = [_taken(read_if_there(files, roots.sysfs / f"block/{name}/mm_stat")) for name in names]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _taken(mm_stat: str | None) -> int | None:
    words = (mm_stat or "").split()
    return to_number(words[TAKEN]) if len(words) > TAKEN else None
