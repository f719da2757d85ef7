"""What systemd is told, seen at the other end of a real socket."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from damosrl.daemon.notify import Notifier
from damosrl.errors import ConfigError

Messages = Callable[[], list[str]]


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Messages]:
    """Listen where systemd would; return what takes the messages that came."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)

        def messages() -> list[str]:
            found = []
            while True:
                try:
                    found.append(listener.recv(4096).decode())
                except BlockingIOError:
                    return found

        yield messages


@pytest.fixture
def notifier(systemd: Messages) -> Iterator[Notifier]:
    """Return a notifier of a daemon that decides once per second."""
    assert systemd() == []
    opened = Notifier(interval_s=1.0)
    yield opened
    opened.close()


def test_each_sign_is_sent(systemd: Messages, notifier: Notifier) -> None:
    """Ready, alive and stopping are systemd's own words."""
    notifier.ready()
    notifier.alive()
    notifier.stopping()
    assert systemd() == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_reload_tells_when_it_began(systemd: Messages, notifier: Notifier) -> None:
    """Reloading carries the monotonic clock in microseconds, as systemd asks for."""
    before_us = time.monotonic_ns() // 1000
    notifier.reloading()
    first, second = systemd()[0].split("\n")
    assert first == "RELOADING=1"
    name, _, value = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before_us <= int(value) <= time.monotonic_ns() // 1000


def test_a_status_text_cannot_carry_commands(systemd: Messages, notifier: Notifier) -> None:
    """Line breaks in a text become spaces, so that it stays one field; other letters survive."""
    notifier.status("refused:\nWATCHDOG=trigger 3é中")
    assert systemd() == ["STATUS=refused: WATCHDOG=trigger 3??"]


@pytest.mark.parametrize(
    ("watchdog_us", "interval_s", "asked"),
    [("60000000", 1.0, []), ("10000000", 5.0, ["WATCHDOG_USEC=15000000"]), (None, 500.0, [])],
)
def test_a_watchdog_waits_for_three_steps(
    systemd: Messages,
    monkeypatch: pytest.MonkeyPatch,
    watchdog_us: str | None,
    interval_s: float,
    asked: list[str],
) -> None:
    """A watchdog that is shorter than three decision intervals is lengthened, and no other."""
    if watchdog_us is not None:
        monkeypatch.setenv("WATCHDOG_USEC", watchdog_us)
    notifier = Notifier(interval_s)
    notifier.ready()
    notifier.close()
    assert systemd() == ["READY=1", *asked]


def test_a_systemd_that_does_not_listen_delays_little(
    systemd: Messages, notifier: Notifier
) -> None:
    """When the socket's queue is full, a message is lost after a fifth of a second."""
    for _ in range(2000):
        begin = time.monotonic()
        notifier.alive()
        if time.monotonic() - begin > 0.1:
            break
    else:
        pytest.fail("the queue never was full")
    assert time.monotonic() - begin < 2.0
    assert set(systemd()) == {"WATCHDOG=1"}


def test_nothing_is_said_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside a unit no message is sent, and sdnotify is not even imported."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setitem(sys.modules, "sdnotify", None)
    notifier = Notifier(1.0)
    notifier.ready()
    notifier.status("text")
    notifier.close()


def test_a_unit_without_the_package_is_refused(
    systemd: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Started by systemd without sdnotify, the daemon says what to install."""
    monkeypatch.setitem(sys.modules, "sdnotify", None)
    with pytest.raises(ConfigError, match=r"damosrl\[daemon\]"):
        Notifier(1.0)
    assert systemd() == []
