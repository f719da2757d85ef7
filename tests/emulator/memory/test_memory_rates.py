"""Rates keep their mean on the machine's grid, and prefix sums answer any range of frames."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.emulator.jit import kernel
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.rate_store import GridModel, RateStore, first_gap, to_grid
from damosrl.emulator.rates import hits_up_to, update_sums
from damosrl.emulator.workload.model import AccessModel

PAGE = 4096


@kernel
def hits_between(world: MemoryWorld, node: int, low: float, high: float) -> float:
    """Sum hit probability between two points of a node."""
    update_sums(world, 0, node, 0.005)
    return hits_up_to(world, 0, node, high) - hits_up_to(world, 0, node, low)


@settings(deadline=None, max_examples=100)
@given(points=st.tuples(st.floats(0.0, 12.0), st.floats(0.0, 12.0)))
def test_prefix_sums_equal_a_sum_over_frames(
    make_world: Callable[..., MemoryWorld],
    two_tiers: MachineConfig,
    points: tuple[float, float],
) -> None:
    """The sum over any part of a node is that of its frames, fractions of frames included."""
    frames, rates = (3, 1, 5), (600.0, 0.0, 20.0)
    world = make_world(two_tiers, frames, (12, 4, 0), (9, 0, 0), rates)
    low, high = sorted(points)
    speed = float(world.machines["speed"][0])
    hit = np.concatenate(
        [np.repeat(1.0 - np.exp(-np.array(rates) * speed * 0.005), frames), [0] * 3]
    )
    overlap = np.clip(np.minimum(np.arange(1, 13), high) - np.maximum(np.arange(12), low), 0, None)
    assert math.isclose(hits_between(world, 0, low, high), float(hit @ overlap), abs_tol=1e-12)


@settings(deadline=None, max_examples=100)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    granule_pages=st.sampled_from([1, 4, 16]),
    seed=st.integers(0, 2**32 - 1),
)
def test_grid_keeps_all_accesses(sizes: list[int], granule_pages: int, seed: int) -> None:
    """Rounding borders to frames loses no access: rate times bytes stays the same."""
    borders = np.concatenate([[0], np.cumsum(sizes)]) * PAGE
    rates = np.random.default_rng(seed).uniform(0, 100, (2, len(sizes))).astype(np.float32)
    access = AccessModel(borders, np.array([0.0, 1.0]), rates)
    granule = granule_pages * PAGE
    grid = to_grid(access, granule)
    assert np.all(grid.piece_frames >= 1)
    assert grid.piece_frames.sum() == -(-borders[-1] // granule)
    before = rates @ np.diff(borders)
    assert np.allclose(grid.rate_hz @ (grid.piece_frames * granule), before, rtol=1e-5)


def test_grid_leaves_aligned_pieces_alone() -> None:
    """Pieces of whole frames stay the pieces they are."""
    access = AccessModel(
        np.array([0, 2, 6]) * PAGE, np.zeros(1), np.array([[1.0, 2.0]], np.float32)
    )
    grid = to_grid(access, 2 * PAGE)
    assert grid.piece_frames.tolist() == [1, 2]
    assert grid.rate_hz is access.rate_hz


@pytest.mark.parametrize("period_s", [30.0, 47.0])
@pytest.mark.parametrize("start_s", [0.0, 12.3, 100.0])
def test_expected_rate_is_the_discounted_future(period_s: float, start_s: float) -> None:
    """The closed form equals numerical integration of the periodic rates to come."""
    model = GridModel(
        np.ones(3, np.int64),
        np.array([[1, 0, 5], [0, 2, 5], [4, 0, 5]], np.float32),
        np.array([0.0, 10.0, 25.0]),
        period_s,
    )
    horizon_s = 8.0
    ahead = (np.arange(400_000) + 0.5) * 1e-3
    epochs = np.searchsorted(model.epoch_s, (start_s + ahead) % period_s, side="right") - 1
    weight = np.exp(-ahead / horizon_s)
    expected = weight @ model.rate_hz[epochs] / weight.sum()
    assert np.allclose(model.expected_rate_hz(start_s, horizon_s), expected, atol=2e-3)


def test_expected_rate_of_a_model_that_ends_constant() -> None:
    """Long after the last epoch began only its rates count."""
    model = GridModel(
        np.ones(1, np.int64), np.array([[1], [7]], np.float32), np.array([0.0, 5.0]), math.inf
    )
    assert model.expected_rate_hz(100.0, 10.0).tolist() == [7.0]
    blend = 1.0 - math.exp(-0.5)
    assert np.allclose(model.expected_rate_hz(0.0, 10.0), blend + 7.0 * (1.0 - blend))


@given(blocks=st.lists(st.integers(1, 9), max_size=8), size=st.integers(1, 9))
def test_blocks_in_the_store_never_overlap(blocks: list[int], size: int) -> None:
    """A place found for a block lies beside all others and not above their end."""
    used: list[tuple[int, int]] = []
    for length in blocks:
        used.append((first_gap(used, length), length))
    used = used[::2]
    place = first_gap(used, size)
    assert all(place + size <= start or start + length <= place for start, length in used)
    assert place <= max((start + length for start, length in used), default=0)


def test_store_shares_and_reuses_room() -> None:
    """Machines with one model share its rates, and room is used again when nobody needs it."""
    store = RateStore(3)

    def model(value: float) -> AccessModel:
        return AccessModel(np.array([0, PAGE]), np.zeros(1), np.full((1, 1), value, np.float32))

    shared, other = model(1.0), model(2.0)
    first, second = store.place(0, shared, PAGE), store.place(1, shared, PAGE)
    assert first is second
    assert store.place(2, other, PAGE).rate_at == 1
    store.place(0, other, PAGE)
    store.place(1, other, PAGE)
    assert store.place(0, model(3.0), PAGE).rate_at == 0
    assert store.rates[:2].tolist() == [3.0, 2.0]
