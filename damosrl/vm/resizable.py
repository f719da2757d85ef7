"""The devices that change a guest's size, on QEMU's command line.

A balloon that reports free pages and lets go before the guest runs out of memory; a virtio-mem
device; and room for memory blocks (pc-dimm) that are plugged in later. Sources: QEMU's
documentation, docs/memory-hotplug.txt, and the
properties that ``-device virtio-mem-pci,help`` lists.
"""

BALLOON_ID = "balloon0"
VIRTIO_MEM_ID = "vmem0"
BLOCK_MIB = 128
"""The smallest memory that the kernel plugs in or out, a memory block (x86-64 below 64 GiB)."""
SLOTS = 4
"""Memory blocks that can be plugged in. Each is one more region for each file server, and those
take eight in all (VHOST_MEMORY_BASELINE_NREGIONS)."""


def balloon_words() -> list[str]:
    """Build the words for one balloon.

    ``deflate-on-oom`` makes the balloon give pages back where a program would be killed.
    """
    options = "free-page-reporting=on,deflate-on-oom=on"
    return ["-device", f"virtio-balloon-pci,id={BALLOON_ID},{options}"]


def virtio_mem_words(size_mib: int) -> list[str]:
    """Build the words for one virtio-mem device, empty at boot.

    Args:
        size_mib: The most that it can give.
    """
    memory = f"memory-backend-memfd,id=vmem-mem0,size={size_mib}M,share=on"
    device = f"virtio-mem-pci,id={VIRTIO_MEM_ID},memdev=vmem-mem0,node=0,requested-size=0"
    return ["-object", memory, "-device", device]


def memory_words(boot_mib: int, virtio_mem_mib: int) -> str:
    """Build the value of ``-m``: memory at boot, and what may come.

    Args:
        boot_mib: Memory of the nodes.
        virtio_mem_mib: Size of the virtio-mem device; 0 is none, and then nothing can come.
    """
    if not virtio_mem_mib:
        return f"{boot_mib}M"
    most = boot_mib + virtio_mem_mib + SLOTS * BLOCK_MIB
    return f"{boot_mib}M,slots={SLOTS},maxmem={most}M"
