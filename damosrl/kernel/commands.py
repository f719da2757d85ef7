"""Commands to a kdamond, each bounded in time (semantics 4.2)."""

import time
from enum import StrEnum
from pathlib import Path

from damosrl.errors import KernelError
from damosrl.kernel.files import Files
from damosrl.kernel.staging import BUSY_READ_S, retry_busy
from damosrl.kernel.writer import BoundedWriter, LateError

SETTLED = ("on", "off")
"""What a state file reads when no command is in progress."""


class Command(StrEnum):
    """The words of a kdamond's ``state`` file, kernel 7.3."""

    ON = "on"
    OFF = "off"
    COMMIT = "commit"
    COMMIT_GOALS = "commit_schemes_quota_goals"
    UPDATE_STATS = "update_schemes_stats"
    UPDATE_EFFECTIVE = "update_schemes_effective_quotas"
    UPDATE_INTERVALS = "update_tuned_intervals"
    UPDATE_TRIED_BYTES = "update_schemes_tried_bytes"
    UPDATE_TRIED = "update_schemes_tried_regions"
    CLEAR_TRIED = "clear_schemes_tried_regions"


def send(
    writer: BoundedWriter, files: Files, state: Path, command: Command, time_limit_s: float
) -> None:
    """Give a command to a kdamond and wait until the kernel has served it.

    EBUSY is retried. A write that blocks cannot be interrupted: it goes on in the writer's thread
    when the time is over.

    Args:
        writer: Makes the write; the same for all commands to one tree.
        files: Where the tree is.
        state: The kdamond's ``state`` file.
        command: What it is to do.
        time_limit_s: Longest time to wait.

    Raises:
        KernelError: Refused (the error number is in ``number`` of a `FileError`), or not served
            in time.
        KernelBusyError: Somebody else's command held the tree all the time.
    """
    end = time.monotonic() + time_limit_s
    retry_busy(lambda: _bounded_write(writer, files, state, command, end), time_limit_s)
    if settled_state(files, state, end - time.monotonic()) not in SETTLED:
        raise _too_late(state, command)


def settled_state(files: Files, state: Path, time_limit_s: float = 1.0) -> str:
    """Return what a state file reads; wait where a served tree still shows a command.

    A kernel shows ``on`` or ``off`` at any time.
    """
    end = time.monotonic() + time_limit_s
    while (text := _read(files, state)) not in SETTLED and time.monotonic() < end:
        time.sleep(0.001)
    return text


def _read(files: Files, state: Path) -> str:
    return retry_busy(lambda: files.read(state), BUSY_READ_S).strip()


def _bounded_write(
    writer: BoundedWriter, files: Files, state: Path, command: Command, end: float
) -> None:
    try:
        writer.run(lambda: files.write(state, command), end - time.monotonic())
    except LateError as error:
        if error.begun:
            raise _too_late(state, command) from error
        raise KernelError(
            f"{state} was not given {command!s}",
            got="an earlier command that still waits in the kernel and holds the tree",
            fix="see whether a kdamond is stuck; after it this command may be given again",
        ) from error


def _too_late(state: Path, command: Command) -> KernelError:
    return KernelError(
        f"{state} did not serve {command!s} in time",
        got="a write that still waits in the kernel and cannot be interrupted",
        fix="see whether the kdamond is stuck, or allow more time (a command waits for the next "
        "sample, tried regions for the longest apply interval)",
    )
