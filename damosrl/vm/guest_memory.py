"""What a guest's kernel says about its memory: free, in which pieces, stalls, kills.

The files are those of Documentation/filesystems/proc.rst and Documentation/accounting/psi.rst.
"""

import json
import re
from dataclasses import dataclass

import numpy as np

from damosrl.errors import VmError

PAGE_BYTES = 4096
HUGE_ORDER = 9
"""Order of 2 MiB in 4 KiB pages."""
_COUNTER = re.compile(r"^(\w+) (\d+)$", re.MULTILINE)
_MEMINFO = re.compile(r"^([\w()]+): +(\d+) kB$", re.MULTILINE)
_STALL = re.compile(r"^(some|full) .*total=(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GuestMemory:
    """One look at a guest's memory.

    Args:
        uptime_s: Time since the guest booted.
        total_bytes: What its kernel manages.
        free_bytes: Free memory.
        available_bytes: What programs could still get.
        buddies: Free buddies by order 0..10, all zones together.
        blocks: Blocks of 2 MiB, all zones together.
        unmovable_blocks: Of those, such as the kernel keeps for pages that cannot move.
        some_us: Time since the boot in which some task stalled for memory.
        full_us: The same for all tasks at once.
        oom_kills: Programs killed for want of memory, since the boot.
        migrated_pages: Pages moved since the boot, by compaction and unplugging too.
        swapped_out_pages: Pages paged out since the boot.
        refaulted_pages: Pages that came back soon after they were taken.
    """

    uptime_s: float
    total_bytes: int
    free_bytes: int
    available_bytes: int
    buddies: tuple[int, ...]
    blocks: int
    unmovable_blocks: int
    some_us: int
    full_us: int
    oom_kills: int
    migrated_pages: int
    swapped_out_pages: int
    refaulted_pages: int

    @property
    def whole_bytes(self) -> int:
        """Free memory in buddies of 2 MiB or more."""
        orders = range(HUGE_ORDER, len(self.buddies))
        return sum(self.buddies[order] * (PAGE_BYTES << order) for order in orders)

    @property
    def broken_ratio(self) -> float:
        """Share of the buddies' free memory that lies in smaller pieces; 0 if nothing is free."""
        free = sum(count * (PAGE_BYTES << order) for order, count in enumerate(self.buddies))
        return 1.0 - self.whole_bytes / free if free else 0.0


def parse(line: str) -> GuestMemory:
    """Read a line of `damosrl.vm.teller`.

    Raises:
        VmError: It is no such line.
    """
    try:
        told = json.loads(line)
        kib = {name: int(value) for name, value in _MEMINFO.findall(told["meminfo"])}
        counted = {name: int(value) for name, value in _COUNTER.findall(told["vmstat"])}
        stalls = {name: int(value) for name, value in _STALL.findall(told["pressure"])}
        blocks, unmovable = _block_types(told["pagetypeinfo"])
        return GuestMemory(
            float(told["uptime"].split()[0]),
            1024 * kib["MemTotal"],
            1024 * kib["MemFree"],
            1024 * kib["MemAvailable"],
            _buddies(told["buddyinfo"]),
            blocks,
            unmovable,
            stalls["some"],
            stalls["full"],
            counted["oom_kill"],
            counted["pgmigrate_success"],
            counted["pswpout"],
            counted["workingset_refault_anon"] + counted["workingset_refault_file"],
        )
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise VmError("the guest tells its memory in another form", got=repr(line)[:80]) from error


def _buddies(text: str) -> tuple[int, ...]:
    """Add up the zones of ``/proc/buddyinfo``."""
    zones = [[int(word) for word in line.split()[4:]] for line in text.splitlines()]
    return tuple(int(count) for count in np.sum(zones, axis=0))


def _block_types(text: str) -> tuple[int, int]:
    """Count blocks, and unmovable or reclaimable ones, at the end of ``/proc/pagetypeinfo``."""
    _, _, table = text.partition("Number of blocks type")
    lines = table.splitlines()
    kinds = lines[0].split()
    counts = np.sum(
        [[int(word) for word in line.split()[4:]] for line in lines[1:] if line], axis=0
    )
    by_kind = dict(zip(kinds, counts.tolist(), strict=True))
    return int(sum(by_kind.values())), int(by_kind["Unmovable"] + by_kind["Reclaimable"])
