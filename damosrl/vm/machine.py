"""What a guest's hardware is: processors and memory nodes with their speeds."""

from dataclasses import dataclass

from damosrl.errors import UnknownNameError, VmError
from damosrl.vm.resizable import BLOCK_MIB

CXL_STEP_MIB = 256
"""Windows and devices of CXL are multiples of this (CXL 2.0, section 8.2.5.12)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A memory node.

    Args:
        size_mib: Its memory.
        latency_ns: Access latency told to the guest (ACPI HMAT), from which the kernel makes
            memory tiers. It is not emulated: all nodes are equally fast.
        bandwidth_gib_s: Access bandwidth told to the guest.
        distance: NUMA distance from node 0 (10 is local).
    """

    size_mib: int
    latency_ns: int
    bandwidth_gib_s: int
    distance: int = 10


@dataclass(frozen=True, slots=True)
class GuestMachine:
    """A guest's processors and memory; node 0 holds the processors and is the fastest.

    Args:
        nodes: Memory nodes, fastest first.
        num_cpus: Processors.
        cxl_mib: Memory of one CXL type-3 device, which becomes a node only when the guest makes a
            region of it; 0 is no device.
        balloon: Whether there is a balloon, which takes memory and gives it back.
        hotplug_mib: Size of a virtio-mem device; with one, memory blocks can be plugged in too.

    Raises:
        VmError: There is no node, one is too small to boot from, or a size is none that the
            hardware could have.

    Example:
        >>> GuestMachine.preset("two-tier").memory_mib
        2048
    """

    nodes: tuple[Node, ...]
    num_cpus: int = 2
    cxl_mib: int = 0
    balloon: bool = False
    hotplug_mib: int = 0

    def __post_init__(self) -> None:
        if not self.nodes or self.nodes[0].size_mib < 256:
            raise VmError(
                "the guest's first node is too small", allowed=">= 256 MiB", fix="make it larger"
            )
        if any(node.size_mib % BLOCK_MIB for node in self.nodes):
            raise VmError("a node's size is no multiple of a memory block", allowed="128 MiB steps")
        if self.cxl_mib < 0 or self.cxl_mib % CXL_STEP_MIB:
            raise VmError(
                "a CXL device cannot have this size",
                got=f"{self.cxl_mib} MiB",
                allowed=f"{CXL_STEP_MIB} MiB steps",
            )
        if self.hotplug_mib < 0 or self.hotplug_mib % BLOCK_MIB:
            raise VmError(
                "memory cannot be plugged in at this size",
                got=f"{self.hotplug_mib} MiB",
                allowed=f"{BLOCK_MIB} MiB steps",
            )
        if self.num_cpus < 1:
            raise VmError("the guest has no processor", got=self.num_cpus, allowed=">= 1")

    @property
    def memory_mib(self) -> int:
        """All memory of the guest's nodes; that of a CXL device is not in it."""
        return sum(node.size_mib for node in self.nodes)

    @classmethod
    def preset(cls, name: str) -> "GuestMachine":
        """Return a machine by name: ``two-tier``, ``three-tier``, ``cxl`` or ``resizable``.

        Raises:
            UnknownNameError: Any other name.
        """
        if name not in PRESETS:
            raise UnknownNameError("guest machine", name, PRESETS)
        return PRESETS[name]


PRESETS = {
    "two-tier": GuestMachine((Node(1024, 100, 100), Node(1024, 400, 20, 30))),
    "three-tier": GuestMachine(
        (Node(768, 100, 100), Node(768, 400, 20, 30), Node(768, 1000, 5, 60))
    ),
    "cxl": GuestMachine((Node(1024, 100, 100),), cxl_mib=1024),
    "resizable": GuestMachine((Node(1024, 100, 100),), balloon=True, hotplug_mib=512),
}
"""Guests known by name; the latencies make the kernel's tiers 4, 90 (and 900)."""
