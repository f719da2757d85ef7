"""One measured change of a guest's size: its time, what did not come, what free memory became."""

import time
from dataclasses import asdict, dataclass
from typing import Protocol

from damosrl.vm.guest_memory import GuestMemory
from damosrl.vm.listener import MemoryListener
from damosrl.vm.resize import Resize

MIB = 2**20
SEEN_RATIO = 0.9
"""Share of plugged memory that the guest's kernel has to count; it keeps some for descriptors."""


class Resizable(Protocol):
    """A device that changes a guest's size."""

    def size_mib(self) -> int:
        """Return its size now."""
        ...

    def resize(self, size_mib: int, timeout_s: float) -> Resize:
        """Ask for a size and wait until it is reached or the time is over."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A change of size, measured.

    Args:
        change_mib: What was asked for; negative shrinks the guest.
        device_s: Time until the device had the size, or was given up.
        usable_s: Time until the guest's kernel could use it too, where memory was plugged in.
        failed_ratio: Share of the change that did not come.
        whole_before_mib: Free memory in buddies of 2 MiB and more before it.
        whole_after_mib: The same afterwards.
        broken_before_ratio: Share of free memory in smaller pieces before it.
        broken_after_ratio: The same afterwards.
        moved_pages: Pages that the guest's kernel moved meanwhile.
        stalled_us: Time in which some task stalled for memory meanwhile.
    """

    change_mib: int
    device_s: float
    usable_s: float
    failed_ratio: float
    whole_before_mib: int
    whole_after_mib: int
    broken_before_ratio: float
    broken_after_ratio: float
    moved_pages: int
    stalled_us: int

    def row(self) -> dict[str, float]:
        """Return the numbers by name, rounded to what can be told apart."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def measure(
    device: Resizable, change_mib: int, listener: MemoryListener, *, plugs: bool, timeout_s: float
) -> Trial:
    """Change the size by so much and look at the guest before and after.

    Args:
        device: What changes it.
        change_mib: By how much; negative shrinks the guest.
        listener: Tells the guest's memory.
        plugs: Whether memory that comes has to be taken into use by the guest's kernel first.
        timeout_s: Time limit.

    Raises:
        VmError: The guest is silent or lost, or the device cannot have the size.
    """
    before = listener.fresh()  # of now, not of the last change
    begin = time.monotonic()
    done = device.resize(device.size_mib() + change_mib, timeout_s)
    after = listener.fresh()
    if plugs and change_mib > 0:
        wanted = before.total_bytes + int(SEEN_RATIO * change_mib * MIB)
        while after.total_bytes < wanted and time.monotonic() - begin < timeout_s:
            after = listener.after(after.uptime_s)
    usable_s = time.monotonic() - begin if plugs and change_mib > 0 else done.seconds
    return _trial(change_mib, done, usable_s, before, after)


def _trial(
    change_mib: int, done: Resize, usable_s: float, before: GuestMemory, after: GuestMemory
) -> Trial:
    return Trial(
        change_mib,
        done.seconds,
        usable_s,
        done.failed_ratio,
        before.whole_bytes // MIB,
        after.whole_bytes // MIB,
        before.broken_ratio,
        after.broken_ratio,
        after.migrated_pages - before.migrated_pages,
        after.some_us - before.some_us,
    )
