"""Memory by a virtio-mem device: the guest plugs and unplugs 2 MiB at a time as it is asked to.

A block with a page that cannot move stays; the guest goes on with others and tries again
(drivers/virtio/virtio_mem.c), so sizes between the old one and the one asked for are normal.
"""

from dataclasses import dataclass
from pathlib import Path

from damosrl.errors import VmError
from damosrl.vm import qmp
from damosrl.vm.memory_devices import MIB, memory_devices
from damosrl.vm.resizable import VIRTIO_MEM_ID
from damosrl.vm.resize import Resize, follow

STEP_MIB = 2


@dataclass(frozen=True, slots=True)
class VirtioMem:
    """The virtio-mem device of a running guest.

    Args:
        sock: The guest's control socket.
        most_mib: Size of the device.

    Raises:
        VmError: From every method, if the guest has no such device or QEMU does not answer.
    """

    sock: Path
    most_mib: int

    def size_mib(self) -> int:
        """Return how much is plugged in now."""
        for device in memory_devices(self.sock):
            if device["id"] == VIRTIO_MEM_ID:
                return int(device["size"]) // MIB
        raise VmError("the guest has no virtio-mem device", fix="boot it with --machine resizable")

    def ask(self, size_mib: int) -> None:
        """Ask for a size; the guest follows in its own time.

        Raises:
            VmError: The device cannot have this size.
        """
        if not 0 <= size_mib <= self.most_mib or size_mib % STEP_MIB:
            raise VmError(
                "a virtio-mem device cannot give this size",
                got=f"{size_mib} MiB",
                allowed=f"0 .. {self.most_mib} MiB in steps of {STEP_MIB} MiB",
            )
        values = {
            "path": f"/machine/peripheral/{VIRTIO_MEM_ID}",
            "property": "requested-size",
            "value": size_mib * MIB,
        }
        qmp.execute(self.sock, "qom-set", values)

    def resize(self, size_mib: int, timeout_s: float = 60.0) -> Resize:
        """Ask for a size and wait until it is reached or the time is over."""
        return follow(self.size_mib, self.ask, size_mib, timeout_s)
