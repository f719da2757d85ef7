"""What systemd is told of the daemon (sd_notify(3)): ready, alive, reloading, stopping."""

import os
import time
from importlib import import_module
from typing import Protocol

from damosrl.errors import ConfigError

STALL_S = 0.2
"""Longest wait for systemd to take a message; one that it does not take is lost."""
MISSED_STEPS = 3
"""Decision intervals without a sign of life until systemd ends the daemon, at least."""


class _Socket(Protocol):
    def settimeout(self, seconds: float, /) -> None: ...

    def close(self) -> None: ...


class _Sender(Protocol):
    socket: _Socket | None

    def notify(self, state: str) -> None: ...


class Notifier:
    """Tells systemd; does nothing where the daemon was not started by it.

    Args:
        interval_s: Decision interval. If the unit's watchdog is shorter than three of them, systemd
            is asked to wait that long.

    Raises:
        ConfigError: Started by a unit of Type=notify without the package sdnotify: such a unit
            would wait for a sign in vain.

    Example:
        >>> Notifier(interval_s=1.0).ready()
    """

    def __init__(self, interval_s: float) -> None:
        self._sender = _sender() if os.environ.get("NOTIFY_SOCKET") else None
        self._interval_s = interval_s
        self._watchdog_us = _whole(os.environ.get("WATCHDOG_USEC"))

    def ready(self) -> None:
        """Say that the first decision can be made, or that a reload is done."""
        self._send("READY=1")
        least_us = round(MISSED_STEPS * self._interval_s * 1e6)
        if 0 < self._watchdog_us < least_us:
            self._send(f"WATCHDOG_USEC={least_us}")

    def alive(self) -> None:
        """Say that a step has really ended; without this the watchdog ends the daemon."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Say that a new bundle is being read; `ready` ends this."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the configuration is being restored and the daemon ends."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Show one line in ``systemctl status``."""
        line = " ".join(text.split()).encode("ascii", "replace").decode()
        self._send(f"STATUS={line}")

    def close(self) -> None:
        """Say nothing more."""
        if self._sender is not None and self._sender.socket is not None:
            self._sender.socket.close()
        self._sender = None

    def _send(self, state: str) -> None:
        if self._sender is not None:
            self._sender.notify(state)


def _sender() -> _Sender:
    try:
        module = import_module("sdnotify")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the daemon was started by systemd with Type=notify, and cannot answer",
            got="no package sdnotify",
            fix="pip install 'damosrl[daemon]'",
        ) from error
    sender: _Sender = module.SystemdNotifier()
    if sender.socket is not None:
        sender.socket.settimeout(STALL_S)
    return sender


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
