"""What the worst pattern does to the tuner, on seeds that nothing was chosen by."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from damosrl.experiment.attack.judge import Workload
from damosrl.experiment.attack.settings import AttackSettings
from damosrl.experiment.harm import harm_estimate
from damosrl.experiment.rollout import Row
from damosrl.experiment.settings import NOOP
from damosrl.experiment.statistics import RESAMPLES
from damosrl.experiment.summary import summarise
from damosrl.metrics import TaskMetrics


def verdict_summary(
    rows: Sequence[Row],
    metrics: TaskMetrics,
    settings: AttackSettings,
    pattern: Workload,
    trials: int,
) -> dict[str, Any]:
    """Build summary.json: scores as of a comparison, and under ``attack`` the harm done.

    Args:
        rows: Scored episodes of no-op, oracle and tuner on the pattern.
        metrics: What was measured.
        settings: What was asked for.
        pattern: The chosen pattern.
        trials: Patterns that were tried.
    """
    summary = summarise(rows, metrics, interval=True, resamples=RESAMPLES, monitor=settings.monitor)
    found = harm_estimate(rows, settings.target, NOOP, metrics.cost)
    summary["attack"] = {
        "tuner": settings.target,
        "harm": {"mean": found.value, "ci95": [found.low, found.high], "n": found.runs},
        "score": summary["scores"][settings.target],
        "trials": trials,
        "steps": settings.steps,
        "safety": settings.safety.get("name"),
        "pattern": pattern,
        "note": f"harm = {metrics.cost_words} of the tuner / {metrics.cost_words} of {NOOP} - 1, "
        "mean over fresh seeds; a search finds a lower bound of the worst case",
    }
    return summary


def worst_pattern_yaml(pattern: Workload, found: Mapping[str, Any], command: str) -> str:
    """Return the pattern as a workload's YAML, with what it does and how it was found."""
    harm, score = found["harm"], found["score"]
    header = (
        f"# The pattern that harms {found['tuner']} most of {found['trials']}, found by\n"
        f"#   {command}\n"
        f"# Harm {_interval(harm['mean'], harm['ci95'], 100.0)} % of no-op's cost, score "
        f"{_interval(score['iqm'], score['ci95'])},\n"
        f"# over {harm['n']} fresh seeds, 95 % intervals.\n"
    )
    return header + yaml.safe_dump(pattern, sort_keys=False)


def _interval(value: float, ends: Sequence[float], factor: float = 1.0) -> str:
    low, high = (factor * end for end in ends)
    return f"{factor * value:.2f} [{low:.2f}, {high:.2f}]"
