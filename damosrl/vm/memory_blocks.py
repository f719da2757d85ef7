"""Memory in blocks of 128 MiB (pc-dimm): plugged in and out as a server's modules are.

The guest's firmware interface (ACPI) asks its kernel to let a whole block go; one page that cannot
move keeps all of it. Blocks of movable memory only (``ONLINE_MOVABLE``) have few such pages.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from damosrl.errors import VmError
from damosrl.vm import qmp
from damosrl.vm.memory_devices import MIB, memory_devices
from damosrl.vm.resizable import BLOCK_MIB, SLOTS
from damosrl.vm.resize import Resize, follow

ONLINE_MOVABLE = "memhp_default_state=online_movable"
"""For the guest's kernel command line: plugged memory takes movable pages only."""
ONLINE_ANY = "memhp_default_state=online"
"""The same: plugged memory takes the kernel's own pages too, and is harder to get back."""
_PREFIX = "block"


@dataclass(frozen=True, slots=True)
class MemoryBlocks:
    """Memory blocks of a running guest.

    Args:
        sock: The guest's control socket.

    Raises:
        VmError: From every method, if QEMU does not answer.

    Example:
        >>> def one_more(guest: "Guest") -> bool:
        ...     blocks = MemoryBlocks(guest.control)
        ...     return blocks.resize(blocks.size_mib() + 128).complete
    """

    sock: Path

    @property
    def most_mib(self) -> int:
        """The most that can be plugged in."""
        return SLOTS * BLOCK_MIB

    def size_mib(self) -> int:
        """Return how much is plugged in; a block that the guest still holds counts."""
        return BLOCK_MIB * len(self._plugged())

    def ask(self, size_mib: int) -> None:
        """Plug blocks in, or ask the guest to let the newest go.

        Raises:
            VmError: Blocks cannot make this size.
        """
        if not 0 <= size_mib <= self.most_mib or size_mib % BLOCK_MIB:
            raise VmError(
                "memory blocks cannot make this size",
                got=f"{size_mib} MiB",
                allowed=f"0 .. {self.most_mib} MiB in steps of {BLOCK_MIB} MiB",
            )
        plugged, wanted = self._plugged(), size_mib // BLOCK_MIB
        for number in _free_numbers(plugged, wanted - len(plugged)):
            self._plug(number)
        for number in plugged[wanted:]:
            qmp.execute(self.sock, "device_del", {"id": f"{_PREFIX}{number}"})

    def resize(self, size_mib: int, timeout_s: float = 30.0) -> Resize:
        """Ask for a size and wait until it is reached or the time is over."""
        return follow(self.size_mib, self.ask, size_mib, timeout_s)

    def _plugged(self) -> list[int]:
        ids = [str(device.get("id", "")) for device in memory_devices(self.sock)]
        return sorted(int(each.removeprefix(_PREFIX)) for each in ids if each.startswith(_PREFIX))

    def _plug(self, number: int) -> None:
        memory = f"{_PREFIX}-memory{number}"
        with contextlib.suppress(VmError):  # what an unplugged block left behind
            qmp.execute(self.sock, "object-del", {"id": memory})
        values = {"qom-type": "memory-backend-memfd", "id": memory, "share": True}
        qmp.execute(self.sock, "object-add", values | {"size": BLOCK_MIB * MIB})
        device = {"driver": "pc-dimm", "id": f"{_PREFIX}{number}", "memdev": memory, "node": 0}
        qmp.execute(self.sock, "device_add", device)


def _free_numbers(used: list[int], count: int) -> Iterator[int]:
    free = [number for number in range(SLOTS) if number not in used]
    yield from free[: max(count, 0)]
