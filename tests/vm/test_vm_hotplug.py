"""Memory blocks and virtio-mem over a control socket that behaves as QEMU's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from damosrl.errors import VmError
from damosrl.vm.memory_blocks import MemoryBlocks
from damosrl.vm.virtio_mem import VirtioMem
from tests.vm.fake_qmp import FakeQemu, serve


@pytest.fixture
def qemu() -> FakeQemu:
    """Give a guest whose virtio-mem device cannot get below 10 MiB."""
    return FakeQemu(stuck_mib=10)


@pytest.fixture
def sock(qemu: FakeQemu, tmp_path: Path) -> Iterator[Path]:
    """Give its control socket."""
    with serve(tmp_path / "qmp.sock", qemu) as path:
        yield path


def test_blocks_come_and_go_and_can_come_again(sock: Path, qemu: FakeQemu) -> None:
    """What an unplugged block left behind does not stand in the way of the next one."""
    blocks = MemoryBlocks(sock)
    assert blocks.resize(512).complete
    assert qemu.blocks == ["block0", "block1", "block2", "block3"]
    assert blocks.resize(128).complete
    assert qemu.blocks == ["block0"]
    assert blocks.resize(256).complete
    assert qemu.blocks == ["block0", "block1"]


def test_a_block_that_the_guest_keeps_makes_the_change_partial(sock: Path, qemu: FakeQemu) -> None:
    """Half of what was asked for came: no error, a share."""
    blocks = MemoryBlocks(sock)
    blocks.resize(256)
    qemu.held_blocks.add("block0")
    stuck = blocks.resize(0, timeout_s=0.1)
    assert (stuck.after_mib, stuck.failed_ratio, stuck.complete) == (128, 0.5, False)
    assert stuck.seconds > 0.1


@pytest.mark.parametrize("size_mib", [-128, 100, 640])
def test_sizes_that_blocks_cannot_make_are_refused(sock: Path, size_mib: int) -> None:
    """Whole blocks, and only as many as there are slots."""
    with pytest.raises(VmError, match="steps of 128 MiB"):
        MemoryBlocks(sock).ask(size_mib)
    assert MemoryBlocks(sock).size_mib() == 0


def test_virtio_mem_reaches_a_size_or_tells_what_is_left(sock: Path) -> None:
    """A few pages that cannot move keep the last blocks."""
    device = VirtioMem(sock, 512)
    assert device.resize(512).complete
    stuck = device.resize(0, timeout_s=0.1)
    assert (stuck.after_mib, stuck.failed_ratio) == (10, 10 / 512)


@pytest.mark.parametrize("size_mib", [-2, 3, 514])
def test_sizes_that_virtio_mem_cannot_give_are_refused(sock: Path, size_mib: int) -> None:
    """Steps of 2 MiB up to the device's own size."""
    with pytest.raises(VmError, match=r"0 \.\. 512 MiB in steps of 2 MiB"):
        VirtioMem(sock, 512).ask(size_mib)
