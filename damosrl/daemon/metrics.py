"""Metrics for Prometheus: scraped on loopback, or written for the text-file collector.

Needs the package prometheus-client (extra ``daemon``); `damosrl.daemon.reporting` imports this
only if metrics are asked for.
"""

from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from damosrl.daemon.decision import Decision
from damosrl.daemon.loopback import LoopbackServer
from damosrl.daemon.metric_families import DecisionCollector
from damosrl.daemon.tally import Counters
from damosrl.daemon.whole_file import EVERYBODY_READS, replace_file
from damosrl.errors import ConfigError

DECISION_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 10.0)
"""Around the target of 5 ms for a decision, up to a kernel that hangs for 10 s."""
POLICY_BUCKETS_S = (20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 0.001, 0.005)
"""Around the target of 0.2 ms for the policy alone."""
WRITE_EVERY_S = 5.0
"""Least time between two writes of a text file; Prometheus asks four times a minute or less."""


class Metrics:
    """Numbers of all decisions, in a registry of their own.

    Besides `damosrl.daemon.metric_families` there are histograms of the time of a decision and of
    the policy, and the process's own CPU time, memory and handles.

    Example:
        >>> Metrics().text().splitlines()[0]
        '# HELP damosrl_decision_seconds From the first read of telemetry to the end of the commit.'
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._latest: tuple[Decision, Counters] | None = None
        self._decision_s = Histogram(
            "damosrl_decision_seconds",
            "From the first read of telemetry to the end of the commit.",
            buckets=DECISION_BUCKETS_S,
            registry=self.registry,
        )
        self._policy_s = Histogram(
            "damosrl_policy_seconds",
            "The policy alone.",
            buckets=POLICY_BUCKETS_S,
            registry=self.registry,
        )
        self.registry.register(DecisionCollector(lambda: self._latest))
        ProcessCollector(registry=self.registry)

    def observe(self, decision: Decision, counters: Counters) -> None:
        """Take a decision and what was counted until it."""
        self._decision_s.observe(decision.decision_us * 1e-6)
        self._policy_s.observe(decision.policy_us * 1e-6)
        self._latest = (decision, counters)

    def text(self) -> str:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self.registry).decode()


class ServedMetrics:
    """Metrics at ``http://127.0.0.1:PORT/metrics``, from a thread that only reads snapshots.

    Args:
        address: ``PORT`` or ``127.0.0.1:PORT``.

    Raises:
        ConfigError: The address is not loopback, or the port is taken.
    """

    def __init__(self, address: str) -> None:
        self._metrics = Metrics()
        self._server = LoopbackServer(address, self._metrics.registry)
        self.url = self._server.url

    def observe(self, decision: Decision, counters: Counters) -> None:
        """Take a decision and what was counted until it."""
        self._metrics.observe(decision, counters)

    def close(self) -> None:
        """End the thread and free the port."""
        self._server.close()


class WrittenMetrics:
    """Metrics in a file, written whole at most every five seconds, and readable by everybody.

    Args:
        path: The file; node_exporter takes names that end in ``.prom``.

    Raises:
        ConfigError: The file cannot be written now. Later failures are counted in `failures`.
    """

    def __init__(self, path: Path) -> None:
        self._metrics = Metrics()
        self._path = path
        self._written_s = float("-inf")
        self.failures = 0
        """Writes that did not succeed, since the start."""
        try:
            self._write()
        except OSError as error:
            raise ConfigError(
                f"the metrics file {path} cannot be written",
                got=error.strerror,
                fix="give a file in a folder that exists and that this user may write",
            ) from error

    def observe(self, decision: Decision, counters: Counters) -> None:
        """Take a decision and what was counted until it."""
        self._metrics.observe(decision, counters)
        if decision.uptime_s - self._written_s >= WRITE_EVERY_S:
            self._written_s = decision.uptime_s
            self._try_to_write()

    def close(self) -> None:
        """Write the last numbers."""
        self._try_to_write()

    def _try_to_write(self) -> None:
        try:
            self._write()
        except OSError:
            self.failures += 1

    def _write(self) -> None:
        replace_file(self._path, self._metrics.text().encode(), EVERYBODY_READS)
