"""The command lines of QEMU and of the file server, as lists of words.

QEMU names sockets and files relative to the guest's folder, in which it runs. The file server locks
its socket by the name it is given, so that guests side by side need whole paths there.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from damosrl.vm.cxl import cxl_words
from damosrl.vm.lab import BootFiles
from damosrl.vm.machine import GuestMachine, Node
from damosrl.vm.packages import HOST_PROGRAMS
from damosrl.vm.resizable import balloon_words, memory_words, virtio_mem_words

CONSOLE = "console.log"
QMP = "qmp.sock"
SHARES = {"host": ("/", "always"), "exchange": ("exchange", "none")}
"""virtiofs tags: folder on the host (from the guest's), and the guest's caching of contents."""

KERNEL_ARGUMENTS = (
    "console=ttyS0",
    "panic=-1",
    "quiet",
    "nokaslr",
    "mitigations=off",
    "pti=on",  # the emulated TLB is flushed at kernel entries only; DAMON sees nothing without
    "tsc=reliable",  # one boot in ten dies early without
    "damon_stat.enabled=0",  # it would hold the only kdamond
    "numa_balancing=disable",  # it would move pages beside DAMOS
)

_KVM_CREATE_VM = 0xAE01


def has_kvm(device: Path = Path("/dev/kvm")) -> bool:
    """Whether hardware virtualisation can be used: a virtual machine can be created."""
    try:
        handle = os.open(device, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.close(fcntl.ioctl(handle, _KVM_CREATE_VM, 0))
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def qemu_words(
    machine: GuestMachine, files: BootFiles, *, kvm: bool, arguments: Sequence[str] = ()
) -> list[str]:
    """Build QEMU's command line.

    Args:
        machine: Processors and memory.
        files: Kernel and initrd.
        kvm: Use hardware virtualisation; otherwise the processor is emulated.
        arguments: More words for the kernel, after `KERNEL_ARGUMENTS`.
    """
    return [
        str(HOST_PROGRAMS["qemu-system-x86"]),
        *("-M", f"q35,hmat=on{',cxl=on' if machine.cxl_mib else ''}"),
        *(*_processor(kvm=kvm), "-smp", str(machine.num_cpus)),
        *("-m", memory_words(machine.memory_mib, machine.hotplug_mib)),
        *_memory(machine),
        *(cxl_words(machine.cxl_mib) if machine.cxl_mib else ()),
        *(balloon_words() if machine.balloon else ()),
        *(virtio_mem_words(machine.hotplug_mib) if machine.hotplug_mib else ()),
        *("-kernel", str(files.kernel), "-initrd", str(files.initrd)),
        *("-append", " ".join((*KERNEL_ARGUMENTS, *arguments))),
        *("-nographic", "-nodefaults", "-no-reboot", "-serial", f"file:{CONSOLE}"),
        *("-qmp", f"unix:{QMP},server=on,wait=off"),
        *(word for tag in SHARES for word in _share(tag)),
    ]


def virtiofsd_words(tag: str, folder: Path) -> list[str]:
    """Build the file server's command line for one share; it ends with its guest.

    Args:
        tag: A name of `SHARES`.
        folder: The guest's folder.
    """
    source, cache = SHARES[tag]
    return [
        *(str(HOST_PROGRAMS["qemu-utils"]), f"--socket-path={folder / tag}.sock"),
        *("-o", f"source={folder / source}", "-o", f"cache={cache}", "-o", "sandbox=chroot"),
    ]


def _processor(*, kvm: bool) -> list[str]:
    if kvm:
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", "max"]


def _memory(machine: GuestMachine) -> list[str]:
    """Describe the nodes; memory is shared, since the file server reads and writes it."""
    words: list[str] = []
    for index, node in enumerate(machine.nodes):
        home = f"cpus=0-{machine.num_cpus - 1}" if index == 0 else "initiator=0"
        backend = f"memory-backend-memfd,id=m{index},size={node.size_mib}M,share=on"
        words += ["-object", backend, "-numa", f"node,nodeid={index},memdev=m{index},{home}"]
    for index, node in enumerate(machine.nodes):
        words += _distances(index, machine.nodes)
        target = f"hmat-lb,initiator=0,target={index},hierarchy=memory"
        words += ["-numa", f"{target},data-type=access-latency,latency={node.latency_ns}"]
        words += ["-numa", f"{target},data-type=access-bandwidth,bandwidth={node.bandwidth_gib_s}G"]
    return words


def _distances(index: int, nodes: Sequence[Node]) -> list[str]:
    """Say how far later nodes are; the way back is the same."""
    words: list[str] = []
    for other in range(index + 1, len(nodes)):
        distance = nodes[other].distance
        words += ["-numa", f"dist,src={index},dst={other},val={distance}"]
    return words


def _share(tag: str) -> list[str]:
    device = f"vhost-user-fs-pci,chardev={tag},tag={tag}"
    return ["-chardev", f"socket,id={tag},path={tag}.sock", "-device", device]
