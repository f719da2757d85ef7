"""Numbers sent to a Unix datagram socket."""

import contextlib
import math
import socket
import stat
import struct
import time
from pathlib import Path

from damosrl.errors import KernelBusyError, KernelError
from damosrl.kernel.latency.probe import LONGEST_TEXT_BYTES, Sample, number_of

MOST_AT_ONCE = 1000
"""Datagrams taken in one step, so that a flood cannot keep it."""
_SO_TIMESTAMPNS = 35
"""Asks the kernel for the wall time of arrival (include/uapi/asm-generic/socket.h)."""
_TIMESPEC = struct.Struct("@qq")


class SocketSource:
    """A socket to which programs send numbers as text, one a datagram.

    Those that came since the last step are averaged.

    Args:
        path: Where the socket is made; removed at the end. What a killed process left is replaced.
        mode: Who may send, as for `os.chmod`.

    Raises:
        KernelBusyError: Another process has a socket there.
        KernelError: It cannot be made.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     source = SocketSource(Path(folder) / "latency")
        ...     with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        ...         _ = [sender.sendto(text, str(source.path)) for text in (b"10", b"20")]
        ...     sample = source.poll()
        ...     source.close()
        >>> sample.value
        15.0
    """

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        self.path = path
        _remove_dead(path)
        self._socket = socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.bind(str(path))
            path.chmod(mode)
            self._inode = path.stat().st_ino
        except OSError as error:
            self._socket.close()
            raise KernelError(
                f"the socket {path} cannot be made",
                got=error.strerror or error,
                allowed="a path of at most 107 bytes in a folder that is there",
                fix="give another path",
            ) from error

    def poll(self) -> Sample | None:
        """See `Source.poll`."""
        values: list[float] = []
        newest_s = -math.inf
        for _ in range(MOST_AT_ONCE):
            try:
                text, extra, _, _ = self._socket.recvmsg(LONGEST_TEXT_BYTES + 1, 64)
            except BlockingIOError:
                break
            except OSError as error:
                raise KernelError(f"{self.path} is closed", got=error.strerror) from error
            value = number_of(text, self.path)
            if value is not None:
                values.append(value)
                newest_s = max(newest_s, _arrival_s(extra))
        if not values:
            return None
        return Sample(math.fsum(values) / len(values), abs(time.time() - newest_s))

    def close(self) -> None:
        """See `Source.close`."""
        if self._socket.fileno() < 0:
            return
        with contextlib.suppress(OSError):
            # an open socket keeps its inode, so that no other file can have the number
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()
        self._socket.close()


def _arrival_s(extra: list[tuple[int, int, bytes]]) -> float:
    """Return when a datagram came, by its time stamp; now where it has none."""
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS) and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return float(seconds + nanoseconds / 1e9)
    return time.time()


def _remove_dead(path: Path) -> None:
    """Remove a socket without an owner; refuse anything else that is there."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return  # nothing there, or bind says why not
    if not is_socket:
        raise KernelError(f"{path} is there and no socket", fix="give another path, or remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as other:
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise KernelError(f"the socket {path} cannot be used", got=error.strerror) from error
    raise KernelBusyError(f"another process has the socket {path}", fix="give another path")
