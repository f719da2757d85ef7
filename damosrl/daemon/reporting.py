"""Which metrics were asked for; prometheus-client is imported only if any were."""

from pathlib import Path
from typing import Protocol

from damosrl.daemon.decision import Decision
from damosrl.daemon.tally import Counters
from damosrl.errors import ConfigError


class Reporter(Protocol):
    """Takes every decision; never raises, and never keeps one waiting for a network or a disk."""

    def observe(self, decision: Decision, counters: Counters) -> None:
        """Take a decision and what was counted until it."""

    def close(self) -> None:
        """Give up socket and thread, or write the last numbers."""


def start_reporting(address: str | None, text_file: Path | None) -> Reporter | None:
    """Start metrics for Prometheus.

    Args:
        address: ``PORT`` or ``127.0.0.1:PORT`` to be scraped at, or None.
        text_file: File for the text-file collector of node_exporter (its name ends in ``.prom``),
            or None.

    Returns:
        What takes the decisions; None if nothing was asked for.

    Raises:
        ConfigError: Both were asked for, the address is not loopback, the port is taken, the file
            cannot be written, or prometheus-client is missing.

    Example:
        >>> start_reporting(None, None)
    """
    if address is None and text_file is None:
        return None
    if address is not None and text_file is not None:
        raise ConfigError("metrics go to a port or to a file", fix="leave one of the two out")
    try:
        from damosrl.daemon.metrics import ServedMetrics, WrittenMetrics  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigError(
            "metrics need a package that is missing",
            got=error.name,
            fix="pip install 'damosrl[daemon]', or ask for no metrics",
        ) from error
    if text_file is not None:
        return WrittenMetrics(text_file)
    return ServedMetrics(str(address))
