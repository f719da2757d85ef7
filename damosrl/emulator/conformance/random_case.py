"""Random trace cases: small machines that together go through every rule (FORMAT section 1)."""

from damosrl.emulator.conformance.dice import Dice
from damosrl.emulator.conformance.random_scheme import PAGE, Json, random_scheme

WORK = 300
"""Regions times samples, roughly, that a case may take."""
SAMPLE_US = (1000, 5000, 5000, 700, 333, 20_000, 100_000)
SAMPLES = (1, 2, 3, 4, 4, 5, 6, 7, 8, 10, 13, 20)
MIB, TIB = 1 << 20, 1 << 40
NUMBER_OF_TARGETS = (1, 1, 1, 1, 1, 2, 2, 3)
NUMBER_OF_SCHEMES = (0, 1, 1, 1, 2, 2, 2, 3)


def random_case(seed: int, index: int) -> Json:
    """Return a trace case without ``expect``; equal arguments give the equal case.

    Args:
        seed: Number of the series.
        index: Place in the series.

    Example:
        >>> random_case(1, 2) == random_case(1, 2)
        True
    """
    dice = Dice(seed, index)
    targets = _targets(dice)
    attrs = _attrs(dice)
    sample_us, aggr_us = attrs["sample_us"], attrs["aggr_us"]
    regions = min(2 * attrs["min_nr_regions"], attrs["max_nr_regions"])
    samples = max(WORK // regions, 3 * (aggr_us // sample_us) + 1)
    duration_ms = samples * sample_us // 1000 + 1
    total_bytes = sum(end - start for ranges in targets for start, end in ranges)
    schemes = [
        random_scheme(dice, total_bytes, sample_us, aggr_us, duration_ms, targets)
        for _ in range(dice.one_of(NUMBER_OF_SCHEMES))
    ]
    return {
        "name": f"random-{seed}-{index}",
        "kernel": "7.3",
        "tags": ["random"],
        "note": f"damosrl conformance --random, seed {seed}, machine {index}",
        "seed": dice.word(),
        "targets": targets,
        "attrs": attrs,
        "access": _accesses(dice, targets, duration_ms),
        "free_mem_rate": _free_mem_rate(dice, duration_ms) if schemes else [],
        "schemes": schemes,
        "duration_ms": duration_ms,
    }


def _targets(dice: Dice) -> list[list[list[int]]]:
    """Return ranges by target: of some pages, or of MiB, GiB or TiB, also at high addresses."""
    scale = dice.below(100)
    if scale < 45:
        unit = PAGE
    elif scale < 75:
        unit = MIB
    elif scale < 90:
        unit = 1 << 30
    else:
        unit = TIB
    high = dice.one_of((0, 0, 0, 1 << 47, 1 << 62)) if dice.happens(30) else 0
    return [_ranges(dice, unit, high) for _ in range(dice.one_of(NUMBER_OF_TARGETS))]


def _ranges(dice: Dice, unit: int, high: int) -> list[list[int]]:
    """Return ranges in address order: touching, with holes, off the page borders."""
    ranges, border = [], high + unit * dice.below(4)
    for _ in range(dice.one_of((1, 1, 1, 2, 2, 3))):
        start = border + (unit * dice.between(1, 5) if dice.happens(60) else 0)
        end = start + unit * dice.between(1, 20) + PAGE * dice.below(3)
        border = end
        if dice.happens(20):  # cut outwards to the pages, which must not reach the next range
            start += dice.between(1, PAGE - 1)
            end -= dice.below(PAGE - 1) if end - start > PAGE else 0
        ranges.append([start, end])
    return ranges


def _attrs(dice: Dice) -> Json:
    sample_us = dice.one_of(SAMPLE_US)
    aggr_us = sample_us * dice.one_of(SAMPLES) + dice.one_of((0, 0, sample_us // 3))
    low = dice.one_of((3, 3, 3, 4, 5, 7))
    high = dice.one_of((low, low + 1, low + 2, 2 * low, 3 * low, 24))
    goal = {"access_bp": 0, "aggrs": 0, "min_sample_us": 0, "max_sample_us": 0}
    if dice.happens(25):
        goal = {
            "access_bp": dice.one_of((0, 1, 100, 400, 2500, 10_000, 30_000)),
            "aggrs": dice.between(1, 3),
            "min_sample_us": sample_us // dice.one_of((1, 1, 2, 3)),
            "max_sample_us": sample_us * dice.one_of((1, 2, 10, 100)),
        }
    return {
        "sample_us": sample_us,
        "aggr_us": aggr_us,
        "update_us": 60_000_000,
        "min_nr_regions": low,
        "max_nr_regions": high,
        "intervals_goal": goal,
    }


def _accesses(dice: Dice, targets: list[list[list[int]]], duration_ms: int) -> list[Json]:
    """Return accesses: standing, for a while, or a window that moves through a target."""
    accesses: list[Json] = []
    for _ in range(dice.below(4)):
        index = dice.below(len(targets))
        first, last = targets[index][0][0], targets[index][-1][1]
        size = max((last - first) // dice.between(1, 8), PAGE)
        start = first + (last - first) * dice.below(32) // 32
        if dice.happens(30):
            step_ms = max(duration_ms // dice.between(2, 5), 1)
            for step in range(4):
                moved = start + step * size // 2
                accesses.append(_access(index, moved, size, step * step_ms, (step + 1) * step_ms))
        elif dice.happens(50):
            accesses.append(_access(index, start, size, 0, None))
        else:
            from_ms = dice.below(duration_ms)
            accesses.append(_access(index, start, size, from_ms, from_ms + dice.below(duration_ms)))
    return accesses


def _access(target: int, start: int, size: int, from_ms: int, to_ms: int | None) -> Json:
    span = {"start": start, "end": start + size}
    return {"target": target, **span, "from_ms": from_ms, "to_ms": to_ms}


def _free_mem_rate(dice: Dice, duration_ms: int) -> list[list[int]]:
    times = [0, *sorted(dice.below(duration_ms) for _ in range(dice.below(5)))]
    return [[from_ms, dice.below(1001)] for from_ms in times[dice.below(2) :]]
