"""The fast monitor is equal to the exact one in distribution, and is one and the same machine."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Intervals,
    Ops,
    Quota,
    Range,
    Scheme,
    Target,
    Weights,
)
from damosrl.emulator.engine import run_until
from damosrl.emulator.loading import load_context
from damosrl.emulator.scripted import ScriptedWorld, empty_script
from damosrl.emulator.state import EXACT, FAST, EngineState, allocate

MIB = 1 << 20
SIZE = 1024 * MIB
SEEDS = 400
AGGREGATIONS = 6
MEASURES = 5


def _context() -> Context:
    scheme = Scheme(
        action=Action.MIGRATE_HOT,
        access_pattern=AccessPattern(nr_accesses=Range(5, 2**32 - 1)),
        apply_interval_us=250_000,
        quota=Quota(
            sz_bytes=64 * MIB,
            reset_interval_ms=250,
            weights=Weights(nr_accesses_permil=100, age_permil=100),
        ),
    )
    attrs = Attrs(Intervals(5000, 100_000), min_nr_regions=6, max_nr_regions=40)
    target = Target(regions=(AddressRange(0, SIZE),))
    return Context(Ops.PADDR, (target,), attrs, (scheme,))


def _world(width_mib: int = 29) -> ScriptedWorld:
    """Hot blocks whose borders do not meet region borders, so that most regions are mixed."""
    low = np.arange(0, 12, dtype=np.uint64) * np.uint64(83 * MIB)
    high = low + np.uint64(width_mib * MIB)
    forever = np.full_like(low, 2**64 - 1)
    span = np.stack([low, high, np.zeros_like(low), forever], axis=1)
    return empty_script()._replace(access_target=np.zeros(12, np.int64), access_span=span)


def _machines(monitor: int, number: int = SEEDS) -> EngineState:
    state = allocate(number, region_capacity=128)
    for c in range(number):
        load_context(state, c, _context(), 7919 * c + monitor, monitor=monitor)
    return state


def _measures(monitor: int, world: ScriptedWorld) -> NDArray[np.float64]:
    """Return, per seed and aggregation, regions, counted bytes, age, and bytes applied."""
    state = _machines(monitor)
    rows = []
    for aggregation in range(AGGREGATIONS):
        run_until(state, world, 0, SEEDS, np.full(SEEDS, (aggregation + 1) * 100_000))
        regions = state.regions
        used = np.arange(regions.start.shape[1]) < regions.nr_regions[:, None]
        sizes = np.where(used, regions.end - regions.start, 0).astype(float)
        counted = (sizes * regions.last_nr_accesses).sum(axis=1)
        age = (sizes * regions.age).sum(axis=1)
        spread = (sizes * regions.last_nr_accesses.astype(float) ** 2).sum(axis=1)
        applied = state.schemes["sz_applied"][:, 0].astype(float)
        rows.append([regions.nr_regions.astype(float), counted, spread, age, applied])
    return np.array(rows)


def _kolmogorov(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    both = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(x), both, side="right") / len(x) for x in (one, other)]
    return float(np.max(np.abs(shares[0] - shares[1])))


def _largest_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return max(
        _kolmogorov(one[i, j], other[i, j]) for i in range(AGGREGATIONS) for j in range(MEASURES)
    )


BOUND = math.sqrt(math.log(2 * AGGREGATIONS * MEASURES / 1e-4) / SEEDS)


def test_fast_equals_exact_in_distribution() -> None:
    """Regions, counts, their spread, ages and bytes applied have the same distribution.

    Two-sample Kolmogorov-Smirnov over 400 seeds each, 6 aggregations x 5 measures; the bound
    sqrt(ln(2 m / alpha) / n) with m = 30 tests gives a family-wise error below alpha = 1e-4.
    """
    exact, fast = _measures(EXACT, _world()), _measures(FAST, _world())
    assert _largest_distance(exact, fast) < BOUND


def test_wrong_probability_is_noticed() -> None:
    """The comparison has power: hot blocks of 28 instead of 29 MiB are told apart."""
    exact, fast = _measures(EXACT, _world()), _measures(FAST, _world(width_mib=28))
    assert _largest_distance(exact, fast) > BOUND


def test_both_modes_keep_the_same_time() -> None:
    """Sampling intervals passed and time are equal, wherever the calls end."""
    states, world = [_machines(EXACT, 1), _machines(FAST, 1)], _world()
    for until_us in (3_000, 99_999, 100_000, 250_001, 1_000_000, 1_003_000):
        for state in states:
            run_until(state, world, 0, 1, np.array([until_us]))
        one, other = (state.contexts[0] for state in states)
        assert (one["now_us"], one["passed"]) == (other["now_us"], other["passed"])
        assert until_us <= one["now_us"] < until_us + 5000


@pytest.mark.parametrize("monitor", [EXACT, FAST])
def test_batch_equals_single_contexts(monitor: int) -> None:
    """A context of a batch goes the same way as alone, in whatever chunks the batch is run."""
    number, world, until = 5, _world(), np.full(5, 2_000_000)
    batch, chunks = _machines(monitor, number), _machines(monitor, number)
    run_until(batch, world, 0, number, until)
    for first, last in ((3, 5), (0, 1), (1, 3)):
        run_until(chunks, world, first, last, until)
    assert np.array_equal(batch.contexts, chunks.contexts)
    assert np.array_equal(batch.schemes, chunks.schemes)
    assert np.array_equal(batch.regions.start, chunks.regions.start)
    assert np.array_equal(batch.regions.age, chunks.regions.age)
    alone = _machines(monitor, 1)
    run_until(alone, world, 0, 1, until)
    assert alone.contexts[0] == batch.contexts[0]


def test_samples_cost_two_draws_of_the_context() -> None:
    """The fast monitor draws the start of one stream, however many regions and samples there are.

    So what the context's generator gives next does not depend on what was accessed.
    """
    for width_mib in (0, 29):
        state = _machines(FAST, 1)
        run_until(state, _world(width_mib), 0, 1, np.array([90_000]))
        assert int(state.contexts["draws"][0]) == 2
