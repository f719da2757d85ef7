"""Commands for a guest, as files in a folder that both sides see.

The host writes ``ID.cmd`` (by rename); the guest takes it as ``ID.run`` and starts it, its output
goes to ``ID.out`` and ``ID.err``, its process group to ``ID.pid``, and its status, when it has
ended, to ``ID.rc`` (by rename). Commands run side by side.
"""

import itertools
import os
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from damosrl.errors import VmError

IN_GUEST = "/tmp/exchange"  # noqa: S108  (the guest's own /tmp, not ours)
POLL_S = 0.03

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Result:
    """What a command of the guest printed, and its exit status."""

    stdout: str
    stderr: str
    status: int


@dataclass(frozen=True, slots=True)
class Channel:
    """The exchange folder of one guest.

    Args:
        folder: The folder on the host.
        alive: Tells whether the guest still runs.
    """

    folder: Path
    alive: Callable[[], bool]

    def start(
        self, words: Sequence[str], *, cwd: Path, environment: Mapping[str, str]
    ) -> "Command":
        """Start a command in the guest.

        Args:
            words: Program and arguments.
            cwd: Working folder, as on the host.
            environment: Variables to set.
        """
        name = f"{time.time_ns():x}-{os.getpid()}-{next(_numbers)}"
        draft = self.folder / f"{name}.tmp"
        draft.write_text(script(name, words, cwd, environment))
        draft.rename(self.folder / f"{name}.cmd")
        return Command(self, name)


def script(name: str, words: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> str:
    """Write the shell text that runs the words and nothing else."""
    exports = "".join(f"export {key}={shlex.quote(text)}\n" for key, text in environment.items())
    return (
        f"echo $$ > {IN_GUEST}/{name}.pid\n"
        f"{exports}cd {shlex.quote(str(cwd))} || exit 125\n"
        f"exec {shlex.join(words)}\n"
    )


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was started in a guest.

    Args:
        channel: Where it was started.
        name: Its files' common name.
    """

    channel: Channel
    name: str

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs."""
        try:
            return int(self._file("rc").read_text())
        except FileNotFoundError:
            return None

    def last_line(self, most_bytes: int = 65_536) -> str:
        """Return the last whole line printed so far, empty if there is none.

        Args:
            most_bytes: How much of the output's end is looked at.
        """
        try:
            with self._file("out").open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(end - most_bytes, 0))
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return ""
        return lines[-1].decode(errors="replace") if lines else ""

    def signal(self, name: str = "TERM") -> None:
        """Send a signal to the command and its children; one that has ended is left alone."""
        group = self._file("pid")
        if self.status is None and group.exists():
            kill = ["/bin/bash", "-c", f"kill -{name} -- -{int(group.read_text())} || true"]
            self.channel.start(kill, cwd=Path("/"), environment={}).wait(30.0)

    def wait(
        self,
        timeout_s: float | None = None,
        stdout: BinaryIO | None = None,
        stderr: BinaryIO | None = None,
    ) -> Result:
        """Wait until the command has ended; None waits for ever.

        Args:
            timeout_s: After this time the command is killed.
            stdout: Gets the output while it is printed.
            stderr: Gets the error output while it is printed.

        Raises:
            VmError: The time is over, or the guest ended before the command.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        places = {"out": 0, "err": 0}
        while True:
            status, alive = self.status, self.channel.alive()
            for kind, sink in (("out", stdout), ("err", stderr)):
                places[kind] = self._stream(kind, places[kind], sink)
            if status is not None:
                return Result(self._text("out"), self._text("err"), status)
            if not alive:
                raise VmError("the guest ended before the command", fix="see its console")
            if end is not None and time.monotonic() > end:
                self.signal("KILL")
                raise VmError(f"the command took longer than {timeout_s:g} s", got=self.name)
            time.sleep(POLL_S)

    def _stream(self, kind: str, place: int, sink: BinaryIO | None) -> int:
        if sink is None or not self._file(kind).exists():
            return place
        with self._file(kind).open("rb") as file:
            file.seek(place)
            data = file.read()
        sink.write(data)
        sink.flush()
        return place + len(data)

    def _text(self, kind: str) -> str:
        return self._file(kind).read_text(errors="replace")

    def _file(self, kind: str) -> Path:
        return self.channel.folder / f"{self.name}.{kind}"
