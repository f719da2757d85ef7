"""Whether a daemon lives and works, judged from outside by its status file."""

from enum import StrEnum
from pathlib import Path

import msgspec

from damosrl.daemon.status import Phase, Status, read_status, since_boot_s, this_boot
from damosrl.errors import ConfigError
from damosrl.process import Process

LATE_STEPS = 3
"""Decision intervals without a decision after which a daemon counts as hanging."""
LATE_AT_LEAST_S = 2.0
"""Shortest age that counts as late, however short the interval is."""


class State(StrEnum):
    """What is to be said of a daemon."""

    RUNNING = "running"
    STARTING = "starting"
    HANGING = "hanging"
    """The process lives, and its last decision is too old."""
    ENDED = "ended"
    """It ended in order, and restored what it had found."""
    DIED = "died"
    """The process is gone and did not say so: killed, or crashed."""
    REBOOTED = "rebooted"
    """The file is of an earlier boot."""
    DAMAGED = "damaged"
    """The file cannot be understood."""
    NONE = "none"
    """There is no file."""


ALIVE = (State.RUNNING, State.STARTING)


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """A judgement.

    Args:
        state: In one word.
        advice: What it means and what to do; "" if all is well.
        age_s: Age of the file; None if that cannot be told.
        status: What the file says; None if there is none to be understood.
    """

    state: State
    advice: str
    age_s: float | None = None
    status: Status | None = None


def examine(path: Path) -> Health:
    """Judge a daemon by its status file.

    Raises:
        ConfigError: The file may not be read.
    """
    try:
        return judge(read_status(path), since_boot_s(), this_boot())
    except FileNotFoundError:
        return Health(state=State.NONE, advice=f"no daemon has run here: {path} does not exist")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Health(
            state=State.DAMAGED,
            advice=f"{path} is damaged or of another version of damosrl ({error}); "
            "a running daemon replaces it at its next step",
        )
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read",
            got=error.strerror,
            fix="run as the daemon's user (root), or give another --state-dir",
        ) from error


def judge(status: Status, now_s: float, boot_id: str) -> Health:
    """Judge a daemon by what it said last.

    Args:
        status: What it said.
        now_s: Time since the boot.
        boot_id: Of this boot.
    """
    identity = status.identity
    if identity.boot_id != boot_id:
        advice = "this machine was booted since; start the daemon anew"
        return Health(state=State.REBOOTED, advice=advice, status=status)
    age_s = max(0.0, now_s - status.written_s)
    state, advice = _state(status, age_s)
    return Health(state=state, advice=advice, age_s=age_s, status=status)


def _state(status: Status, age_s: float) -> tuple[State, str]:
    if status.phase is Phase.ENDED:
        return State.ENDED, "it restored what it had found and ended in order"
    if not Process(status.identity.pid, status.identity.start_ticks).alive:
        return State.DIED, (
            "its process is gone without an order to end; the kernel keeps the last whole "
            "configuration. Start it anew, or bring back what it found: damosrl doctor --restore"
        )
    if age_s > max(LATE_AT_LEAST_S, LATE_STEPS * status.identity.interval_s):
        return State.HANGING, (
            f"its process lives, but the last step is older than {LATE_STEPS} intervals of "
            f"{status.identity.interval_s:g} s; the kernel may be slow to answer"
        )
    return (State.STARTING if status.phase is Phase.STARTING else State.RUNNING), ""
