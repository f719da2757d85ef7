"""Numbers from commands that run beside us."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from damosrl.errors import ConfigError, KernelError
from damosrl.kernel.latency.command_source import CommandSource
from damosrl.kernel.latency.probe import Sample

SH = "/bin/sh"
PATIENCE_S = 60.0


class Clock:
    """A clock that is set by hand."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now_s


def _until(found: Callable[[], object]) -> object:
    """Ask until there is an answer."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.01)
    raise TimeoutError


def _ended(pid: int) -> bool:
    """Tell whether a process has ended, reaped or not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def test_a_command_runs_again_and_again() -> None:
    """Each run gives a number of age 0; the next starts when its time has come."""
    clock = Clock()
    source = CommandSource([SH, "-c", "echo 42"], every_s=10.0, clock=clock)
    assert _until(source.poll) == Sample(42.0, 0.0)
    assert [source.poll() for _ in range(5)] == [None] * 5
    clock.now_s += 10.0
    assert _until(source.poll) == Sample(42.0, 0.0)
    source.close()


def test_words_are_no_shell_text() -> None:
    """What a shell would expand stays as it is."""
    code = "import sys; print(len(sys.argv[1]))"
    source = CommandSource([sys.executable, "-c", code, "$HOME; echo 1"])
    assert _until(source.poll) == Sample(13.0, 0.0)
    source.close()


def test_a_slow_command_is_killed_with_its_children(tmp_path: Path) -> None:
    """After its time limit nothing of it is left, no step waited, and it runs again later."""
    clock = Clock()
    child = tmp_path / "child"
    script = f"sleep 600 & echo $! > {child}.part; mv {child}.part {child}; wait"
    source = CommandSource([SH, "-c", script], every_s=0.0, time_limit_s=3.0, clock=clock)
    assert source.poll() is None
    _until(child.exists)
    clock.now_s += 3.1
    with pytest.raises(KernelError, match="no end within"):
        source.poll()
    pid = int(child.read_text(encoding="ascii"))
    _until(lambda: _ended(pid))
    child.unlink()
    _until(lambda: [source.poll(), child.exists()][1])
    source.close()


def test_closing_ends_the_command(tmp_path: Path) -> None:
    """A command in progress is killed; closing again is harmless, and nothing starts any more."""
    mine = tmp_path / "pid"
    script = f"echo $$ > {mine}.part; mv {mine}.part {mine}; exec sleep 600"
    source = CommandSource([SH, "-c", script], every_s=0.0)
    _until(mine.exists)
    pid = int(mine.read_text(encoding="ascii"))
    assert not _ended(pid)
    source.close()
    assert _ended(pid)
    source.close()
    mine.unlink()
    assert [source.poll() for _ in range(3)] == [None] * 3
    assert not mine.exists()


def test_a_command_that_leaves_children_behind_is_cleaned_up(tmp_path: Path) -> None:
    """Its number counts, and what it started ends with it."""
    child = tmp_path / "child"
    source = CommandSource([SH, "-c", f"sleep 600 & echo $! > {child}; echo 5"])
    assert _until(source.poll) == Sample(5.0, 0.0)
    pid = int(child.read_text(encoding="ascii"))
    _until(lambda: _ended(pid))
    source.close()


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 1; exit 3", "exit status 3"),
        ("echo fast", "'fast"),
        ("true", "prints nothing"),
        ("yes", "prints more than a number"),
        ("kill -9 $$", "exit status -9"),
    ],
)
def test_a_command_without_a_number_fails(script: str, why: str) -> None:
    """Failure, words, silence and floods are told; none is a latency."""
    source = CommandSource([SH, "-c", script])
    with pytest.raises(KernelError, match=why):
        _until(source.poll)
    source.close()


def test_a_program_that_is_not_there_is_refused_at_once() -> None:
    """The user's mistake shows before anything is tuned."""
    with pytest.raises(KernelError, match="cannot be started"):
        CommandSource([f"/absent-{os.getpid()}"])


@pytest.mark.parametrize(
    "arguments",
    [{"words": []}, {"words": ["true"], "every_s": -1.0}, {"words": ["true"], "time_limit_s": 0.0}],
)
def test_senseless_arguments_are_refused(arguments: dict[str, object]) -> None:
    """No words, and times that are none."""
    with pytest.raises(ConfigError):
        CommandSource(**arguments)  # type: ignore[arg-type]
