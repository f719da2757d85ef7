"""The devices of one guest behind one size: what is plugged in, what the balloon holds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from damosrl.vm.balloon import Balloon
from damosrl.vm.guest import Guest
from damosrl.vm.memory_blocks import MemoryBlocks
from damosrl.vm.resizable import BLOCK_MIB, SLOTS
from damosrl.vm.virtio_mem import VirtioMem
from damosrl_envs.acma.guest.config import Hotplug
from damosrl_envs.acma.guest.sizing import Sizes

HOTPLUG_MIB = SLOTS * BLOCK_MIB
"""What either kind can plug in: the guest's virtio-mem device is as large as all blocks."""


class Plugged(Protocol):
    """Memory that can be plugged in and out."""

    def size_mib(self) -> int:
        """Return how much is plugged in."""
        ...

    def ask(self, size_mib: int) -> None:
        """Ask for a size and return at once."""
        ...


HOTPLUGS: dict[Hotplug, Callable[[Guest], Plugged]] = {
    "virtio_mem": lambda guest: VirtioMem(guest.control, HOTPLUG_MIB),
    "blocks": lambda guest: MemoryBlocks(guest.control),
}


@dataclass
class Devices:
    """Balloon and plugged memory of a guest.

    Args:
        balloon: Its balloon.
        hotplug: Its plugged memory.
        boot_mib: Memory at boot.
    """

    balloon: Balloon
    hotplug: Plugged
    boot_mib: int

    def sizes(self) -> Sizes:
        """Look now."""
        taken = max(self.balloon.largest_mib() - self.balloon.size_mib(), 0)
        return Sizes(self.boot_mib + self.hotplug.size_mib(), taken)

    def ask(self, wanted: Sizes) -> None:
        """Ask for sizes and return at once.

        Memory comes before the balloon takes some of it, so that the guest is never short.
        """
        hot = wanted.plugged - self.boot_mib
        if hot != self.hotplug.size_mib():
            self.hotplug.ask(hot)
        self.balloon.hold(wanted.ballooned)
