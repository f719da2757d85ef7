"""Machine descriptions and the command lines made of them."""

from itertools import pairwise
from pathlib import Path

import pytest

from damosrl.errors import UnknownNameError, VmError
from damosrl.vm.cxl import require_cxl
from damosrl.vm.lab import BootFiles
from damosrl.vm.machine import GuestMachine, Node
from damosrl.vm.qemu import has_kvm, qemu_words, virtiofsd_words

FILES = BootFiles("7.3", Path("/lab/vmlinuz"), Path("/lab/initrd.gz"))


def _line(name: str, *, kvm: bool = False) -> str:
    return " ".join(qemu_words(GuestMachine.preset(name), FILES, kvm=kvm, arguments=["one=1"]))


def test_nodes_become_backends_latencies_and_distances() -> None:
    """Node 0 has the processors; the others name it as their initiator."""
    line = _line("three-tier")
    assert "-m 2304M" in line
    assert "-numa node,nodeid=0,memdev=m0,cpus=0-1" in line
    assert "-numa node,nodeid=2,memdev=m2,initiator=0" in line
    assert "target=2,hierarchy=memory,data-type=access-latency,latency=1000" in line
    assert "target=1,hierarchy=memory,data-type=access-bandwidth,bandwidth=20G" in line
    assert "dist,src=0,dst=2,val=60" in line


def test_all_memory_is_shared_with_the_file_server() -> None:
    """A private backend would hang the guest."""
    backends = [word for word in _line("two-tier").split() if word.startswith("memory-backend")]
    assert len(backends) == 2
    assert all("memfd" in word and word.endswith("share=on") for word in backends)


def test_the_kernel_gets_what_damon_needs_and_the_callers_words() -> None:
    """Page-table isolation makes accessed bits seen; NUMA balancing must not interfere."""
    words = qemu_words(GuestMachine.preset("two-tier"), FILES, kvm=False, arguments=["one=1"])
    append = words[words.index("-append") + 1].split()
    assert {"pti=on", "tsc=reliable", "numa_balancing=disable"} <= set(append)
    assert append[-1] == "one=1"


@pytest.mark.parametrize(("kvm", "start"), [(True, "-accel kvm"), (False, "-accel tcg")])
def test_the_processor_is_virtual_only_when_asked(kvm: bool, start: str) -> None:
    """One accelerator is named."""
    line = _line("two-tier", kvm=kvm)
    assert start in line
    assert line.count("-accel") == 1


def test_only_the_exchange_folder_is_served_uncached() -> None:
    """Both sides write there; the rest of the host is read-only and may be kept."""
    assert "cache=none" in virtiofsd_words("exchange", Path("/lab/g"))
    assert "source=/lab/g/exchange" in virtiofsd_words("exchange", Path("/lab/g"))
    assert "source=/" in virtiofsd_words("host", Path("/lab/g"))


def test_a_device_that_is_no_kvm_is_not_used(tmp_path: Path) -> None:
    """Being able to open a file is not enough."""
    (tmp_path / "kvm").touch()
    assert not has_kvm(tmp_path / "kvm")
    assert not has_kvm(tmp_path / "none")


def test_a_cxl_device_hangs_on_its_own_bridge_and_port() -> None:
    """The window, the bridge, the port, the device and its memory name one another."""
    words = qemu_words(GuestMachine.preset("cxl"), FILES, kvm=False)
    pairs = [
        (word, dict(part.partition("=")[::2] for part in text.split(",")))
        for word, text in pairwise(words[1:])
        if word in ("-device", "-object", "-M", "-m")
    ]
    (bridge,) = (given for word, given in pairs if "pxb-cxl" in given)
    (port,) = (given for word, given in pairs if "cxl-rp" in given)
    (device,) = (given for word, given in pairs if "cxl-type3" in given)
    (memory,) = (given for word, given in pairs if given.get("id") == device["volatile-memdev"])
    board, window = (given for word, given in pairs if word == "-M")
    assert (board["cxl"], bridge["bus"], port["bus"]) == ("on", "pcie.0", bridge["id"])
    assert device["bus"] == port["id"]
    assert (memory["size"], memory["share"]) == ("1024M", "on")
    assert window == {"cxl-fmw.0.targets.0": bridge["id"], "cxl-fmw.0.size": "1024M"}
    assert ("-m", {"1024M": ""}) in pairs


def test_a_machine_without_cxl_names_nothing_of_it() -> None:
    """Older versions of QEMU refuse words that they do not know."""
    assert "cxl" not in _line("three-tier")


@pytest.mark.parametrize("told", ["8.1.0", "8.2.2 (Debian 1:8.2.2)", "10.0.3", "9.0"])
def test_cxl_is_taken_by_the_versions_that_have_it(told: str) -> None:
    """Also where the first number has two digits."""
    require_cxl(f"QEMU emulator version {told}\nCopyright (c) 2003-2023 ...\n")


@pytest.mark.parametrize("told", ["QEMU emulator version 7.2.22 (Debian)", "8.0.5", ""])
def test_cxl_is_refused_by_older_versions_with_a_way_out(told: str) -> None:
    """The message says what was found, what is needed and what to take instead."""
    with pytest.raises(VmError, match=r"QEMU 8\.1 or newer.*take two-tier"):
        require_cxl(told)


@pytest.mark.parametrize("size_mib", [-256, 100, 1000])
def test_sizes_that_no_cxl_device_has_are_refused(size_mib: int) -> None:
    """A window maps steps of 256 MiB."""
    with pytest.raises(VmError, match="256 MiB steps"):
        GuestMachine((Node(1024, 1, 1),), cxl_mib=size_mib)


def test_an_unknown_machine_gets_the_nearest_name() -> None:
    """A slip of the finger is told."""
    with pytest.raises(UnknownNameError, match="did you mean 'two-tier'"):
        GuestMachine.preset("two-teir")


@pytest.mark.parametrize(
    ("nodes", "cpus"),
    [((), 2), ((Node(128, 1, 1),), 2), ((Node(1000, 1, 1),), 2), ((Node(1024, 1, 1),), 0)],
)
def test_machines_that_cannot_boot_are_refused(nodes: tuple[Node, ...], cpus: int) -> None:
    """No node, too small a node, half a memory block, no processor."""
    with pytest.raises(VmError):
        GuestMachine(nodes, cpus)


def test_a_resizable_guest_has_a_balloon_and_room_for_memory() -> None:
    """Room for the device and all blocks; everything shared; nothing plugged in at boot."""
    line = _line("resizable")
    assert "-m 1024M,slots=4,maxmem=2048M" in line
    assert "virtio-balloon-pci,id=balloon0,free-page-reporting=on,deflate-on-oom=on" in line
    assert "memory-backend-memfd,id=vmem-mem0,size=512M,share=on" in line
    assert "virtio-mem-pci,id=vmem0,memdev=vmem-mem0,node=0,requested-size=0" in line


@pytest.mark.parametrize("name", ["two-tier", "three-tier", "cxl"])
def test_other_guests_have_no_devices_that_resize_them(name: str) -> None:
    """Their command lines are as they were."""
    line = _line(name)
    assert "balloon" not in line
    assert "virtio-mem" not in line
    assert "maxmem" not in line


@pytest.mark.parametrize("size_mib", [-128, 100])
def test_hotplug_sizes_are_whole_memory_blocks(size_mib: int) -> None:
    """The kernel plugs in 128 MiB at a time."""
    with pytest.raises(VmError, match="128 MiB steps"):
        GuestMachine((Node(1024, 1, 1),), hotplug_mib=size_mib)
