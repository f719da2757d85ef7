"""Random schemes in the form of the trace cases, ordinary ones and those at the edges."""

from typing import Any

from damosrl.damon import U64_MAX, Action
from damosrl.emulator.conformance.dice import Dice

U32_MAX = (1 << 32) - 1
PAGE = 4096
MOST_PAGES_IN_SLICES = 96
"""Below this, a rest of quota may cut a region into page after page (semantics 2.5, 9)."""
ACTIONS = tuple(action.value for action in Action)

Json = dict[str, Any]


def random_scheme(
    dice: Dice, total_bytes: int, sample_us: int, aggr_us: int, duration_ms: int, targets: list[Any]
) -> Json:
    """Return a scheme.

    Args:
        dice: Source of all choices.
        total_bytes: Size of all targets.
        sample_us: Sampling interval.
        aggr_us: Aggregation interval.
        duration_ms: Length of the run.
        targets: Ranges by target, which address filters should meet.

    Filters and charges below the full size may cut a region into as many slices as it has pages
    while a quota lasts: they go with a quota only where there are few pages.
    """
    limited = dice.happens(75)
    sliced = not limited or total_bytes <= MOST_PAGES_IN_SLICES * PAGE
    marks = {"metric": "none", "interval_us": 0, "high": 0, "mid": 0, "low": 0}
    return {
        "action": dice.one_of(ACTIONS),
        "apply_interval_us": _apply_interval_us(dice, sample_us, aggr_us),
        "access_pattern": _pattern(dice, total_bytes),
        "quotas": _quotas(dice, limited, sliced, total_bytes, aggr_us, duration_ms),
        "watermarks": _watermarks(dice, sample_us) if dice.happens(25) else marks,
        "core_filters": _filters(dice, targets) if sliced and dice.happens(45) else [],
        "max_nr_snapshots": dice.between(1, 5) if dice.happens(25) else 0,
        "applied_fraction_percent": dice.one_of((100, 100, 100, 50, 33, 0, 150)),
    }


def _apply_interval_us(dice: Dice, sample_us: int, aggr_us: int) -> int:
    return dice.one_of(
        (
            0,
            0,
            0,
            aggr_us,
            sample_us // 2,
            sample_us * dice.between(1, 7),
            aggr_us * dice.between(2, 4),
            aggr_us + sample_us * dice.between(1, 3),
            U64_MAX if dice.happens(20) else 0,
        )
    )


def _bounds(dice: Dice, highest: int, limit: int) -> list[int]:
    """Return a closed range of counts or ages, some of it beyond 32 bit, where it is cut."""
    low = dice.below(highest + 1)
    return dice.one_of(
        (
            [0, limit],
            [0, limit],
            [0, U32_MAX],
            [0, 0],
            [1, U32_MAX],
            [low, U32_MAX],
            [0, low],
            [low, low + dice.below(highest + 1)],
            [0, (1 << 32) + low],
            [(1 << 32) + low, U64_MAX],
        )
    )


def _pattern(dice: Dice, total_bytes: int) -> Json:
    everything = dice.happens(40)
    size = dice.below(total_bytes // 4 + 1)
    sizes = dice.one_of(
        ([0, U64_MAX], [0, U64_MAX], [PAGE, U64_MAX], [size, U64_MAX], [0, size], [PAGE, PAGE])
    )
    return {
        "sz_bytes": [0, U64_MAX] if everything else sizes,
        "nr_accesses": [0, U32_MAX] if everything else _bounds(dice, 8, U64_MAX),
        "age": [0, U32_MAX] if everything else _bounds(dice, 6, U64_MAX),
    }


def _weight(dice: Dice) -> int:
    return dice.one_of((0, 1, 1, 100, dice.between(0, 1000), dice.between(0, U32_MAX), 1 << 31))


def _quotas(
    dice: Dice, limited: bool, sliced: bool, total_bytes: int, aggr_us: int, duration_ms: int
) -> Json:
    quotas: Json = {
        "ms": 0,
        "bytes": 0,
        "reset_interval_ms": _reset_interval_ms(dice, aggr_us),
        "weights": {"sz": dice.below(1000), "nr_accesses": _weight(dice), "age": _weight(dice)},
        "goals": [],
        "goal_tuner": dice.one_of(("consist", "consist", "temporal")),
        "fail_charge_num": 0,
        "fail_charge_denom": 0,
    }
    if limited:
        kinds = dice.between(1, 15)
        if kinds & 1 or kinds & 8:
            quotas["bytes"] = _quota_bytes(dice, total_bytes)
        if kinds & 2:
            quotas["goals"] = [_goal(dice, duration_ms) for _ in range(dice.between(1, 2))]
        if kinds & 4 and dice.happens(40):
            quotas["ms"] = dice.one_of((1, 3, 100, 1 << 42, U64_MAX))
    if sliced and dice.happens(50):
        quotas["fail_charge_num"] = dice.one_of((0, 1, 1, 3, U32_MAX))
        quotas["fail_charge_denom"] = dice.one_of((1, 2, 1024, U32_MAX))
    return quotas


def _reset_interval_ms(dice: Dice, aggr_us: int) -> int:
    window_ms = aggr_us // 1000
    wraps = (U64_MAX, (1 << 32) + 3 * window_ms, 1 << 32, 1 << 31, (1 << 31) - 1)
    ordinary = (0, 1, window_ms, 2 * window_ms, 3 * window_ms + 1, 5 * window_ms)
    return dice.one_of(wraps) if dice.happens(15) else dice.one_of(ordinary)


def _quota_bytes(dice: Dice, total_bytes: int) -> int:
    part = total_bytes // dice.between(2, 12)
    edge = dice.one_of((1, PAGE - 1, PAGE, total_bytes, 3 * total_bytes, 1 << 60, U64_MAX))
    return edge if dice.happens(20) else part + dice.one_of((0, 1, PAGE - 1))


def _goal(dice: Dice, duration_ms: int) -> Json:
    target_value = dice.one_of((1, 100, 10000, 1 << 40, U64_MAX))
    values = (0, target_value // 2, target_value, target_value // 100 * 97, target_value // 10 * 11)
    if not dice.happens(50):
        current: Any = min(dice.one_of((*values, 2 * target_value, U64_MAX)), U64_MAX)
    else:
        times = sorted(dice.below(duration_ms + 1) for _ in range(dice.between(1, 4)))
        current = [[from_ms, min(dice.one_of(values), U64_MAX)] for from_ms in times]
    return {"metric": "user_input", "target_value": target_value, "current_value": current}


def _watermarks(dice: Dice, sample_us: int) -> Json:
    levels = [dice.below(1001) for _ in range(3)]
    if not dice.happens(15):  # the kernel does not ask for their order
        levels.sort(reverse=True)
    high, mid, low = levels
    return {
        "metric": "free_mem_rate",
        "interval_us": 0 if dice.happens(30) else sample_us * dice.between(1, 9) + dice.below(2),
        "high": high,
        "mid": mid,
        "low": low,
    }


def _filters(dice: Dice, targets: list[Any]) -> list[Json]:
    return [_filter(dice, targets) for _ in range(dice.between(1, 3))]


def _filter(dice: Dice, targets: list[Any]) -> Json:
    condition: Json = {"matching": dice.happens(70), "allow": dice.happens(50)}
    if dice.happens(25):
        return condition | {"type": "target", "target_idx": dice.below(len(targets) + 1)}
    ranges = dice.one_of(targets)
    first, last = ranges[0][0], ranges[-1][1]
    size = last - first
    start = max(0, first - size // 8) + int(size * 1.25 * dice.below(64) / 64)
    end = start + int(size * dice.below(64) / 96) + dice.below(PAGE)
    return condition | {"type": "addr", "start": start, "end": end}
