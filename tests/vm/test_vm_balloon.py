"""The balloon over a control socket that behaves as QEMU's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from damosrl.errors import VmError
from damosrl.vm.balloon import Balloon
from tests.vm.fake_qmp import FakeQemu, serve


@pytest.fixture
def qemu() -> FakeQemu:
    """Give a guest of 1 GiB."""
    return FakeQemu()


@pytest.fixture
def balloon(qemu: FakeQemu, tmp_path: Path) -> Iterator[Balloon]:
    """Give its balloon."""
    with serve(tmp_path / "qmp.sock", qemu) as sock:
        yield Balloon(sock)


def test_a_size_that_the_guest_follows_is_reached(balloon: Balloon) -> None:
    """Down and up again, and both are complete."""
    down, up = balloon.resize(768), balloon.resize(1024)
    assert (down.before_mib, down.after_mib, down.failed_ratio) == (1024, 768, 0.0)
    assert (up.before_mib, up.after_mib, up.complete) == (768, 1024, True)


def test_memory_blocks_enlarge_what_the_balloon_can_leave(balloon: Balloon, qemu: FakeQemu) -> None:
    """QEMU counts them to the guest's size."""
    qemu.blocks.append("block0")
    assert balloon.largest_mib() == 1152
    assert balloon.resize(1152).complete


@pytest.mark.parametrize("size_mib", [0, -128, 1025])
def test_sizes_outside_the_guests_memory_are_refused(balloon: Balloon, size_mib: int) -> None:
    """The message names the largest, and nothing has changed."""
    with pytest.raises(VmError, match=r"allowed: 1 \.\. 1024 MiB"):
        balloon.ask(size_mib)
    assert balloon.size_mib() == 1024


def test_statistics_need_polling_and_come_in_mib(balloon: Balloon) -> None:
    """Before the guest has told anything there is nothing to return."""
    with pytest.raises(VmError, match=r"call poll_stats\(1\)"):
        balloon.stats()
    balloon.poll_stats(2)
    stats = balloon.stats()
    assert (stats.free_mib, stats.available_mib, stats.total_mib, stats.time_s) == (512,) * 3 + (
        14,
    )


def test_a_guest_that_is_gone_is_told(tmp_path: Path) -> None:
    """Nobody listens at the socket."""
    with pytest.raises(VmError, match="does not answer"):
        Balloon(tmp_path / "qmp.sock").size_mib()


def test_a_balloon_holds_what_it_is_told_of_whatever_there_is(
    balloon: Balloon, qemu: FakeQemu
) -> None:
    """Blocks change what is left, not what is held; something is always left."""
    for blocks, held_mib in ((0, 300), (2, 300), (2, 0), (0, 5000)):
        qemu.blocks = [f"block{number}" for number in range(blocks)]
        balloon.hold(held_mib)
        largest = 1024 + 128 * blocks
        assert balloon.size_mib() == max(largest - held_mib, 1)
