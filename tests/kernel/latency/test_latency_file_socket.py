"""Numbers from files and sockets."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from damosrl.errors import KernelBusyError, KernelError
from damosrl.kernel.latency.file_source import FileSource
from damosrl.kernel.latency.socket_source import MOST_AT_ONCE, SocketSource


def test_a_file_is_as_old_as_its_last_change(tmp_path: Path) -> None:
    """Its value is the number, its age that of the file; the future is as bad as the past."""
    path = tmp_path / "p99"
    path.write_text("120\n", encoding="ascii")
    sample = FileSource(path).poll()
    assert sample is not None
    assert sample.value == 120.0
    fresh_s = sample.age_s
    changed_s = path.stat().st_mtime
    for shift_s in (-1000.0, 1000.0):
        os.utime(path, (changed_s + shift_s, changed_s + shift_s))
        sample = FileSource(path).poll()
        assert sample is not None
        assert sample.age_s > fresh_s + 900.0


def test_a_file_that_is_being_written_is_nothing_new(tmp_path: Path) -> None:
    """Truncated and not yet filled is neither a number nor a failure."""
    path = tmp_path / "p99"
    path.touch()
    assert FileSource(path).poll() is None


def test_what_is_no_readable_file_fails_without_waiting(tmp_path: Path) -> None:
    """An absent file, a folder, and a pipe that nobody writes."""
    os.mkfifo(tmp_path / "pipe")
    for name, why in (
        ("absent", "No such file"),
        (".", "no plain file"),
        ("pipe", "no plain file"),
    ):
        with pytest.raises(KernelError, match=why):
            FileSource(tmp_path / name).poll()


def test_a_long_file_is_no_number(tmp_path: Path) -> None:
    """Only its beginning is read, and refused."""
    path = tmp_path / "p99"
    path.write_text("1" * 10**6, encoding="ascii")
    with pytest.raises(KernelError, match="no latency"):
        FileSource(path).poll()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[SocketSource]:
    """Return a socket."""
    made = SocketSource(tmp_path / "latency")
    yield made
    made.close()


def _send(source: SocketSource, *texts: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        for text in texts:
            sender.sendto(text, str(source.path))


def test_datagrams_since_the_last_step_are_averaged(source: SocketSource) -> None:
    """Each step sees what came since the step before."""
    _send(source, b"10", b"30")
    first = source.poll()
    assert first is not None
    assert first.value == 20.0
    assert source.poll() is None
    _send(source, b"5")
    second = source.poll()
    assert second is not None
    assert second.value == 5.0


def test_a_datagram_is_as_old_as_its_arrival(
    source: SocketSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waited in the queue is old when it is read."""
    _send(source, b"10")
    monkeypatch.setattr("time.time", lambda: 4e9)
    sample = source.poll()
    assert sample is not None
    assert sample.age_s > 1e9


def test_a_datagram_that_is_no_number_is_refused(source: SocketSource) -> None:
    """The message shows it; the next one counts again."""
    _send(source, b"fast")
    with pytest.raises(KernelError, match="'fast'"):
        source.poll()
    _send(source, b"1")
    assert source.poll() is not None


def test_a_flood_ends_a_step(source: SocketSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than a bounded number of datagrams is taken at once."""
    taken = []

    class Endless:
        """A socket that always has more."""

        def recvmsg(self, size: int, extra: int) -> tuple[bytes, list[bytes], int, None]:
            """Return one more number."""
            taken.append((size, extra))
            return b"1", [], 0, None

        def close(self) -> None:
            """Hold nothing."""

    real = source._socket
    monkeypatch.setattr(source, "_socket", Endless())
    assert source.poll() is not None
    assert len(taken) == MOST_AT_ONCE
    real.close()


def test_only_its_owner_may_send_unless_asked(tmp_path: Path) -> None:
    """Mode 0600 by default; another one is taken as given."""
    for name, mode in (("own", 0o600), ("all", 0o666)):
        made = SocketSource(tmp_path / name, mode)
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
        made.close()


def test_closing_removes_the_socket_and_nothing_else(tmp_path: Path) -> None:
    """What somebody has put in its place stays, and closing again is harmless."""
    path = tmp_path / "latency"
    for replaced_before in (True, False):
        made = SocketSource(path)
        if replaced_before:
            path.unlink()
        else:
            made.close()
            assert not path.exists()
        path.write_text("mine", encoding="ascii")
        made.close()
        assert path.read_text(encoding="ascii") == "mine"
        with pytest.raises(KernelError, match="closed"):
            made.poll()
        path.unlink()


def test_a_socket_left_by_a_killed_process_is_replaced(tmp_path: Path) -> None:
    """Nobody listens there any more."""
    path = tmp_path / "latency"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(path))
    made = SocketSource(path)
    _send(made, b"1")
    assert made.poll() is not None
    made.close()


def test_a_socket_in_use_is_not_taken(source: SocketSource) -> None:
    """The other one keeps working."""
    with pytest.raises(KernelBusyError, match="another process"):
        SocketSource(source.path)
    _send(source, b"1")
    assert source.poll() is not None


@pytest.mark.parametrize("name", ["x" * 200, "absent/latency", "file"])
def test_a_socket_that_cannot_be_made_says_why(tmp_path: Path, name: str) -> None:
    """Too long a path, no folder, and a file in the way, which stays."""
    (tmp_path / "file").write_text("mine", encoding="ascii")
    with pytest.raises(KernelError, match="fix: give another path"):
        SocketSource(tmp_path / name)
    assert (tmp_path / "file").read_text(encoding="ascii") == "mine"
