"""Tuners cannot tell the fast monitor from the exact one: what they decide has one distribution."""

import math
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from damosrl.config import load_choice
from damosrl.experiment.plugins import load_environments
from damosrl.registry import make_tuner

MACHINES = 160
STEPS = 12
LOOKS = (3, 7, 11)
FAMILY_WISE = 1e-4
Columns = dict[str, NDArray[np.float64]]
TUNERS = ("pi", "quantile", "hysteresis")


def _decisions(tuner: str, monitor: str, first_seed: int, **task: Any) -> Columns:
    """Run a tuner on many machines; return what it decided and what came of it, per look."""
    load_environments()
    envs = gymnasium.make_vec(
        "damosrl/Tiering-v0",
        num_envs=MACHINES,
        workload={**load_choice("workload", "shifting_hot"), "footprint": "1 GiB"},
        task={**load_choice("task", "tiering"), "max_nr_regions": 60, **task},
        monitor=monitor,
        steps=STEPS + 1,
    )
    observations, _ = envs.reset(seed=first_seed)
    spec = envs.unwrapped.task_spec  # type: ignore[attr-defined]
    tuners = [make_tuner(tuner) for _ in range(MACHINES)]
    for index, one in enumerate(tuners):
        one.reset(spec, first_seed + index)
    seen: Columns = {}
    for step in range(STEPS):
        actions = np.array(
            [one.act(row) for one, row in zip(tuners, observations, strict=True)], np.float32
        )
        observations, _, _, _, info = envs.step(actions)
        if step in LOOKS:
            columns = dict(zip(spec.knobs.names, info["applied_action"].T, strict=True))
            columns |= dict(zip(spec.observation.names, observations.T, strict=True))
            columns |= {name: info[name] for name in ("slowdown", "promoted_bytes")}
            seen |= {f"{name} at {step}": np.asarray(row, float) for name, row in columns.items()}
    return seen


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the two-sample Kolmogorov-Smirnov distance."""
    both = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (one, other)]
    return float(np.max(np.abs(shares[0] - shares[1])))


def _told_apart(
    one: dict[str, NDArray[np.float64]], other: dict[str, NDArray[np.float64]]
) -> set[str]:
    """Return what differs beyond sqrt(ln(2 m / alpha) / n), which bounds the family-wise error."""
    bound = math.sqrt(math.log(2 * len(one) / FAMILY_WISE) / MACHINES)
    return {name for name in one if _distance(one[name], other[name]) > bound}


@pytest.mark.parametrize("tuner", TUNERS)
def test_tuners_decide_alike_on_both_monitors(tuner: str) -> None:
    """Applied knobs, all features and the outcome have equal distributions, at three steps.

    Two-sample Kolmogorov-Smirnov with 160 machines each on different seeds, 141 comparisons; the
    family-wise error is below 1e-4 per tuner.
    """
    exact, fast = _decisions(tuner, "exact", 0), _decisions(tuner, "fast", 10_000)
    assert _told_apart(exact, fast) == set()


def test_another_monitor_is_told_apart() -> None:
    """The comparison has power: samples of 6 instead of 5 ms change what the tuner sees."""
    exact = _decisions("quantile", "exact", 0)
    other = _decisions("quantile", "fast", 10_000, sample_us=6_000, aggr_us=120_000)
    assert _told_apart(exact, other)
