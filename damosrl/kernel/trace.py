"""A private instance of the kernel's tracer that watches DAMON's tracepoints.

Nobody else's tracing is touched: the instance has its own buffers, its own enabled events and its
own pipe, and it is removed on every exit. Facts: semantics 4.5, Documentation/trace/ftrace.rst.
"""

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from damosrl.errors import KernelError, KernelFeatureError
from damosrl.kernel.roots import Roots

AGGREGATED, BEFORE_APPLY, ESZ = "damon_aggregated", "damos_before_apply", "damos_esz"
INTERVALS = "damon_monitor_intervals_tune"
SINCE = {AGGREGATED: "5.15", BEFORE_APPLY: "6.7", ESZ: "6.17", INTERVALS: "6.17"}
"""First kernel with each event."""
BUFFER_KB = 4096
"""Buffer per CPU: 30,000 lines, which is three seconds of 10 snapshots/s of 1000 regions."""
CHUNK_BYTES = 65536
LARGEST_READ_BYTES = 2**24
"""Most that one `TraceInstance.read` returns, so that a flood cannot keep its caller forever."""

_OWNED = re.compile(r"damosrl-(\d+)")
"""Names of our instances; the number is the owner's process id."""


class TraceInstance:
    """Events of DAMON's tracepoints as text lines, while the body of a ``with`` runs.

    Args:
        roots: Where tracefs is.
        events: Names of `SINCE`; an optional one that this kernel lacks is left out.
        required: Events without which there is no point.
        buffer_kb: Buffer per CPU, KiB.
        name: Of the instance; None names it after this process.

    Raises:
        KernelError: tracefs is not mounted or may not be used; the message says the command.
        KernelFeatureError: A required event is missing.

    Example:
        >>> def lines(roots: Roots) -> bytes:
        ...     with TraceInstance(roots) as trace:
        ...         return trace.read()
    """

    def __init__(
        self,
        roots: Roots,
        events: Sequence[str] = (AGGREGATED,),
        required: Sequence[str] = (AGGREGATED,),
        buffer_kb: int = BUFFER_KB,
        name: str | None = None,
    ) -> None:
        self._roots = roots
        self.root = roots.tracefs
        self.folder = roots.tracefs / "instances" / (name or f"damosrl-{os.getpid()}")
        self.events: tuple[str, ...] = ()
        self._wanted, self._required, self._buffer_kb = events, required, buffer_kb
        self._pipe: int | None = None

    def __enter__(self) -> Self:
        require_tracefs(self.root)
        self.events = self._present_events()
        remove_stale(self._roots)
        with _telling(self.folder):
            with contextlib.suppress(FileExistsError):  # left by a killed process of this number
                self.folder.mkdir()
            try:
                self._set_up()
            except BaseException:
                self._remove()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _telling(self.folder):
            self._remove()

    def read(self) -> bytes:
        """Return what has come since the last call, without waiting; lines may be cut.

        Raises:
            KernelError: The instance has vanished.
        """
        if self._pipe is None:
            raise KernelError(
                "the trace instance is not open", fix="use it as `with TraceInstance(...)`"
            )
        chunks: list[bytes] = []
        room = LARGEST_READ_BYTES
        with _telling(self.folder), contextlib.suppress(BlockingIOError):
            while room > 0 and (chunk := os.read(self._pipe, min(CHUNK_BYTES, room))):
                chunks.append(chunk)
                room -= len(chunk)
        return b"".join(chunks)

    def _present_events(self) -> tuple[str, ...]:
        folder = self.root / "events/damon"
        present = tuple(name for name in self._wanted if (folder / name).is_dir())
        for name in self._required:
            if name not in present:
                raise KernelFeatureError(
                    f"this kernel has no tracepoint damon:{name}",
                    allowed=f"a kernel since {SINCE[name]} with CONFIG_DAMON and CONFIG_TRACING",
                    fix="boot such a kernel, or record with --method tried_regions",
                )
        return present

    def _set_up(self) -> None:
        for file, value in self._settings():
            (self.folder / file).write_text(value, encoding="ascii")
        self._pipe = os.open(self.folder / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)

    def _settings(self) -> Iterator[tuple[str, str]]:
        yield "trace_clock", "mono"
        yield "buffer_size_kb", str(self._buffer_kb)
        for name in self.events:
            yield f"events/damon/{name}/enable", "1"
        yield "tracing_on", "1"

    def _remove(self) -> None:
        """Undo everything; what has vanished already needs no undoing."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        for name in self.events:
            with contextlib.suppress(OSError):
                (self.folder / f"events/damon/{name}/enable").write_text("0", encoding="ascii")
        with contextlib.suppress(FileNotFoundError):
            self.folder.rmdir()


def remove_stale(roots: Roots) -> tuple[str, ...]:
    """Remove what killed processes of ours have left in the tracer: instances with dead owners.

    An instance keeps its buffers and its events until somebody removes it.

    Args:
        roots: Where tracefs and procfs are; without both nothing is done.

    Returns:
        Names of what was removed.
    """
    folder = roots.tracefs / "instances"
    try:
        names = sorted(item.name for item in folder.iterdir())
    except OSError:  # no tracefs, or no rights: then nothing of it is ours to remove
        return ()
    removed = []
    for name in names:
        owner = _OWNED.fullmatch(name)
        if owner is None or not _has_ended(roots, owner[1]):
            continue
        with contextlib.suppress(OSError):  # in use, or another process was faster
            (folder / name).rmdir()
            removed.append(name)
    return tuple(removed)


def _has_ended(roots: Roots, pid: str) -> bool:
    """Tell whether a process is gone; where procfs cannot tell, it is taken to live."""
    return (roots.procfs / "self").exists() and not (roots.procfs / pid).exists()


def require_tracefs(root: Path) -> None:
    """Refuse a machine whose tracefs cannot be used.

    Raises:
        KernelError: It is not mounted, or this user may not make instances.
    """
    instances = root / "instances"
    try:
        there = instances.is_dir()
    except PermissionError:
        raise _no_rights(root) from None
    if not there and (root.is_dir() and not os.access(root, os.R_OK | os.X_OK)):
        raise _no_rights(root)
    if not there:
        raise KernelError(
            f"tracefs is not mounted at {root}",
            allowed="a folder with `instances` in it",
            fix=f"run `mount -t tracefs nodev {root}` as root, or give --tracefs-root",
        )
    if not os.access(instances, os.W_OK | os.X_OK):
        raise _no_rights(root)


def _no_rights(root: Path) -> KernelError:
    return KernelError(
        f"tracefs at {root} may not be used by this user",
        got=f"user id {os.geteuid()}",
        fix=f"run as root, or as root `mount -o remount,gid=GROUP {root}`",
    )


@contextlib.contextmanager
def _telling(folder: Path) -> Iterator[None]:
    """Tell failures of tracefs as errors of the kernel."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        gone = error.errno in (errno.ENOENT, errno.ENODEV)
        raise KernelError(
            f"the trace instance {folder} cannot be used",
            got=f"{error.strerror} at {error.filename or 'trace_pipe'}",
            fix="see whether another process removed it" if gone else "see `dmesg`",
        ) from error
