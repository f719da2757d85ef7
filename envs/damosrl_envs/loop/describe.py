"""The task in words: tables generated from the code that runs."""

from collections.abc import Mapping
from typing import Any

from damosrl.knobs import Quantity, QuantitySet
from damosrl.task import TaskSpec
from damosrl_tasks.bound import Bound
from damosrl_tasks.reward import Measure, RewardConfig

HEADER = ("name", "unit", "range", "scale", "meaning")


def describe(
    spec: TaskSpec,
    reward: RewardConfig | None = None,
    measures: Mapping[str, Measure[Any]] | None = None,
) -> str:
    """Return knobs, observation and reward of a task as aligned text tables.

    Args:
        spec: The task.
        reward: Its reward, described when given.
        measures: What the reward can weigh, by name.

    Example:
        >>> from damosrl_tasks.tiering.task import TieringTask
        >>> task = TieringTask(num_machines=1, num_nodes=2)
        >>> "promotion_quota" in describe(task.spec)
        True
    """
    parts = [
        f"{spec.task}: a decision every {spec.decision_interval_s:g} s",
        _table(f"Knobs (action, {len(spec.knobs)} values in [-1, 1])", spec.knobs),
        _table(f"Observation ({len(spec.observation)} values in [-1, 1])", spec.observation),
    ]
    if reward is not None and measures is not None:
        parts.append(_reward(reward, measures))
    return "\n\n".join(parts)


def _table(title: str, quantities: QuantitySet) -> str:
    rows = [HEADER, *(_row(item) for item in quantities.items)]
    return f"{title}\n{_align(rows)}"


def _row(item: Quantity) -> tuple[str, ...]:
    scale = item.scale if item.off_below is None else f"{item.scale}, 0 below {item.off_below:g}"
    bounds = f"{_number(item.low, item.unit)} .. {_number(item.high, item.unit)}"
    return item.name, item.unit, bounds, scale, item.meaning


def _number(value: float, unit: str) -> str:
    if unit == "bytes/s" and value >= 2**20:
        return f"{value / 2**20:g} Mi"
    return f"{value:g}"


def _reward(reward: RewardConfig, measures: Mapping[str, Measure[Any]]) -> str:
    rows = [("term", "weight", "limit", "scale", "unit", "meaning")]
    for name, term in reward.terms.items():
        measure = measures[term.measure or name]
        sign = "+" if measure.sign > 0 else "-"
        target = f" Perfect at {term.target:g}." if term.target else ""
        rows.append(
            (
                name,
                f"{sign}{term.weight:g}",
                f"{term.limit:g}",
                f"{term.scale:g}",
                measure.unit,
                measure.meaning + target,
            )
        )
    truth = "uses ground truth" if reward.ground_truth else "uses only what a kernel can tell"
    formula = "term = weight x clip((|measure - target| - limit) / scale, 0, 1); reward = sum"
    text = f"Reward {reward.name}: {reward.meaning} ({truth})\n{formula}\n{_align(rows)}"
    return text if reward.bound is None else f"{text}\n{_bound(reward.bound, measures)}"


def _bound(bound: Bound, measures: Mapping[str, Measure[Any]]) -> str:
    moves = "is fixed" if bound.rate_per_s == 0.0 else f"follows by {bound.rate_per_s:g}/s"
    return (
        f"bound = -multiplier x clip(({bound.measure} - {bound.limit:g}) / {bound.scale:g}, -1, 1) "
        f"in {measures[bound.measure].unit}; the multiplier starts at {bound.multiplier:g}, "
        f"{moves}, lies in 0..{bound.most:g} and is in the info"
    )


def _align(rows: list[tuple[str, ...]] | list[tuple[str, str, str, str, str, str]]) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)
