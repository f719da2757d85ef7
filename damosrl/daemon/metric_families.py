"""What Prometheus is told of the last decision and of all until it."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from damosrl.daemon.decision import Decision, Mode
from damosrl.daemon.tally import Counters


class DecisionCollector(Collector):
    """Turns one snapshot into metrics, whenever it is asked.

    Knobs and features that a new bundle no longer has are gone with the next decision.

    Args:
        latest: Returns the last decision and its counters; None before the first one. What it
            returns is never changed, so that it may be asked from any thread.
    """

    def __init__(self, latest: Callable[[], tuple[Decision, Counters] | None]) -> None:
        self._latest = latest

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of now; none before the first decision."""
        latest = self._latest()
        if latest is None:
            return []
        decision, counters = latest
        return [*_counts(counters), *_state(decision), *_values(decision)]


def _counts(counters: Counters) -> list[Metric]:
    return [
        _counter("decisions", "Decisions since the daemon's start.", counters.steps),
        _counter("overruns", "Steps that ended after their deadline.", counters.overruns),
        _counter("refused_commits", "Commits that the kernel did not take.", counters.refused),
        _counter("stops", "How often the kill-switch file was found anew.", counters.stops),
        _counter(
            "dropped_log_lines",
            "Decisions missing in the journal: no room, or no folder.",
            counters.dropped_log_lines,
        ),
        _labelled(
            CounterMetricFamily(
                "damosrl_fallbacks",
                "How often the kernel's own loop took over, by what began it.",
                labels=["reason"],
            ),
            counters.fallbacks,
        ),
        _labelled(
            CounterMetricFamily(
                "damosrl_vetoes",
                "Knobs changed between the policy's wish and the kernel, by kind.",
                labels=["kind"],
            ),
            counters.vetoes,
        ),
    ]


def _state(decision: Decision) -> list[Metric]:
    modes = {str(mode): float(mode is decision.mode) for mode in Mode}
    known = [
        _labelled(_gauge("mode", "1 for who is at the wheel, 0 for all others.", "mode"), modes),
        _single("uptime_seconds", "Age of the daemon at its last decision.", decision.uptime_s),
        _single("guards_breached", "Guards that are breached now.", float(len(decision.guards))),
    ]
    if decision.outside_ratio is not None:
        text = "Share of known features outside the range seen in training."
        known.append(_single("outside_ratio", text, decision.outside_ratio))
    return known


def _values(decision: Decision) -> list[Metric]:
    return [
        _labelled(
            _gauge("knob_applied", "What is in force, in the knob's own unit.", "knob"),
            decision.applied,
        ),
        _labelled(
            _gauge("knob_requested", "What the policy asked for, in the knob's own unit.", "knob"),
            decision.requested,
        ),
        _labelled(
            _gauge("feature", "What the policy saw, in the feature's own unit.", "feature"),
            decision.features,
        ),
    ]


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(f"damosrl_{name}", text, value=value)


def _single(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"damosrl_{name}", text, value=value)


def _gauge(name: str, text: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"damosrl_{name}", text, labels=[label])


def _labelled(
    family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[str, float | None]
) -> Metric:
    """Add one sample per label; what was not measured has none."""
    for label, value in values.items():
        if value is not None:
            family.add_metric([label], value)
    return family
