"""The balloon: memory that a guest gives to its host page by page, and gets back.

QEMU's machine protocol calls the guest's size without its balloon ``actual``. The guest's driver
moves towards the target by itself (drivers/virtio/virtio_balloon.c); it stops, and goes back, where
a program would be killed for want of memory (``deflate-on-oom``).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from damosrl.errors import VmError
from damosrl.vm import qmp
from damosrl.vm.memory_devices import MIB, memory_devices
from damosrl.vm.resizable import BALLOON_ID
from damosrl.vm.resize import Resize, follow

_PATH = f"/machine/peripheral/{BALLOON_ID}"


@dataclass(frozen=True, slots=True)
class BalloonStats:
    """What the guest's balloon driver tells about memory.

    Args:
        free_mib: Free memory.
        available_mib: Memory that programs could still get (``MemAvailable``).
        total_mib: All memory that the guest's kernel manages, balloon included.
        time_s: When it was told, s of the Unix epoch.
    """

    free_mib: int
    available_mib: int
    total_mib: int
    time_s: int


@dataclass(frozen=True, slots=True)
class Balloon:
    """The balloon of a running guest.

    Args:
        sock: The guest's control socket.

    Raises:
        VmError: From every method, if the guest has no balloon or QEMU does not answer.

    Example:
        >>> def take_a_quarter(guest: "Guest") -> float:
        ...     balloon = Balloon(guest.control)
        ...     return balloon.resize(3 * balloon.largest_mib() // 4).seconds
    """

    sock: Path

    def size_mib(self) -> int:
        """Return the guest's memory without what the balloon holds now."""
        answer = _mapping(qmp.execute(self.sock, "query-balloon"))
        return int(answer["actual"]) // MIB

    def largest_mib(self) -> int:
        """Return the size with an empty balloon: memory at boot, and memory blocks.

        Memory of a virtio-mem device does not count (QEMU 7.2, ``get_current_ram_size``).
        """
        boot = _mapping(qmp.execute(self.sock, "query-memory-size-summary"))
        blocks = [int(each["size"]) for each in memory_devices(self.sock) if "slot" in each]
        return (int(boot["base-memory"]) + sum(blocks)) // MIB

    def ask(self, size_mib: int) -> None:
        """Set the size that the balloon is to leave; the guest follows in its own time.

        Raises:
            VmError: The size is not above 0, or above the largest.
        """
        largest = self.largest_mib()
        if not 0 < size_mib <= largest:
            raise VmError(
                "a balloon cannot leave this size",
                got=f"{size_mib} MiB",
                allowed=f"1 .. {largest} MiB",
            )
        qmp.execute(self.sock, "balloon", {"value": size_mib * MIB})

    def hold(self, held_mib: int) -> None:
        """Set what the balloon is to hold, of whatever there is; it always leaves 1 MiB.

        Memory blocks come and go while it is asked. QEMU takes a size above the largest for an
        empty balloon (hw/virtio/virtio-balloon.c, virtio_balloon_to_target).
        """
        left_mib = max(self.largest_mib() - held_mib, 1)
        qmp.execute(self.sock, "balloon", {"value": left_mib * MIB})

    def resize(self, size_mib: int, timeout_s: float = 60.0) -> Resize:
        """Set the size and wait until it is reached or the time is over."""
        return follow(self.size_mib, self.ask, size_mib, timeout_s)

    def poll_stats(self, interval_s: int = 1) -> None:
        """Let QEMU ask the guest's driver for statistics every so many seconds; 0 ends it."""
        name = "guest-stats-polling-interval"
        values = {"path": _PATH, "property": name, "value": interval_s}
        qmp.execute(self.sock, "qom-set", values)

    def stats(self) -> BalloonStats:
        """Return the newest statistics.

        Raises:
            VmError: There are none yet: `poll_stats` was not called, or the guest has not answered.
        """
        values = {"path": _PATH, "property": "guest-stats"}
        answer = _mapping(qmp.execute(self.sock, "qom-get", values))
        told: dict[str, int] = answer["stats"]
        if not answer["last-update"]:
            raise VmError("the balloon has told nothing yet", fix="call poll_stats(1) and wait")
        return BalloonStats(
            told["stat-free-memory"] // MIB,
            told["stat-available-memory"] // MIB,
            told["stat-total-memory"] // MIB,
            int(answer["last-update"]),
        )


def _mapping(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise VmError("QEMU answered something else than expected", got=repr(answer)[:80])
    return answer
