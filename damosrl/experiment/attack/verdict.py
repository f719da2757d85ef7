"""What the worst pattern does to the tuner, on seeds that nothing was chosen by."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import yaml

from damosrl.experiment.attack.judge import Workload, harm_of
from damosrl.experiment.attack.settings import AttackSettings
from damosrl.experiment.rollout import Row
from damosrl.experiment.settings import NOOP
from damosrl.experiment.statistics import bootstrap, means
from damosrl.experiment.summary import BOOTSTRAP_SEED, summarise
from damosrl.knobs import FloatArray
from damosrl.metrics import TaskMetrics

RESAMPLES = 2000


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
    harm = harm_of(_costs(rows, settings.target, metrics.cost), _costs(rows, NOOP, metrics.cost))
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    found = bootstrap(harm[None, :], rng, means, RESAMPLES)
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


def _costs(rows: Sequence[Row], tuner: str, column: str) -> FloatArray:
    return np.array([row[column] for row in rows if row["tuner"] == tuner])
