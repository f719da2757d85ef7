"""Signals and the kill-switch are wishes, told once; a wish ends a sleep."""

import os
import signal
import threading
import time
from pathlib import Path

from damosrl.daemon.control import Control


def test_each_wish_is_told_once(tmp_path: Path) -> None:
    """Each wish is told once."""
    control = Control(tmp_path / "stop")
    with control.listening():
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGHUP)
        assert (control.take_fallback(), control.take_reload()) == (True, True)
        assert (control.take_fallback(), control.take_reload()) == (False, False)


def test_handlers_are_as_before_afterwards(tmp_path: Path) -> None:
    """Handlers are as before afterwards."""
    before = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGHUP)]
    with Control(tmp_path / "stop").listening():
        assert signal.getsignal(signal.SIGHUP) is not before[1]
    assert [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGHUP)] == before


def test_a_wish_ends_a_long_sleep(tmp_path: Path) -> None:
    """A wish ends a long sleep."""
    control = Control(tmp_path / "stop")
    with control.listening():
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        began = time.monotonic()
        control.sleep(60.0)
        timer.join()
        assert time.monotonic() - began < 30.0
        assert control.take_fallback()


def test_a_flood_of_signals_is_one_wish(tmp_path: Path) -> None:
    """A flood of signals is one wish."""
    control = Control(tmp_path / "stop")
    with control.listening():
        for _ in range(70_000):
            signal.raise_signal(signal.SIGUSR1)
        assert control.take_fallback()
        assert not control.take_fallback()


def test_the_kill_switch_is_a_file(tmp_path: Path) -> None:
    """The kill switch is a file."""
    control = Control(tmp_path / "stop")
    assert not control.stopped
    (tmp_path / "stop").touch()
    assert control.stopped


def test_a_kill_switch_that_cannot_be_looked_at_is_on(tmp_path: Path) -> None:
    """A kill switch that cannot be looked at is on."""
    assert Control(tmp_path / ("x" * 300)).stopped
