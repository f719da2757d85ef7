"""Loaded latency follows its table, and tails follow their distribution."""

import math
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.emulator.latency import loaded_ns, mixture_p99_ns
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.presets import MachineConfig


@settings(deadline=None, max_examples=100)
@given(load=st.floats(0.0, 60.0), node=st.integers(0, 1))
def test_latency_interpolates_the_table(
    make_world: Callable[..., MemoryWorld], two_tiers: MachineConfig, load: float, node: int
) -> None:
    """Between the points latency is linear, outside it is that of the nearest point."""
    world = make_world(two_tiers, (4,), (4, 4, 0), (4, 0, 0), (1.0,))
    tier = two_tiers.tiers[node]
    expected = np.interp(load, tier.curve_gbps, tier.curve_ns)
    assert math.isclose(loaded_ns(world, 0, node, load), float(expected), rel_tol=1e-12)


@settings(deadline=None, max_examples=100)
@given(loads=st.tuples(st.floats(0.0, 60.0), st.floats(0.0, 60.0)), node=st.integers(0, 1))
def test_latency_grows_with_load(
    make_world: Callable[..., MemoryWorld],
    two_tiers: MachineConfig,
    loads: tuple[float, float],
    node: int,
) -> None:
    """More load never makes memory faster."""
    world = make_world(two_tiers, (4,), (4, 4, 0), (4, 0, 0), (1.0,))
    low, high = sorted(loads)
    assert loaded_ns(world, 0, node, low) <= loaded_ns(world, 0, node, high)


def parts(*parts: tuple[float, float, float]) -> NDArray[np.void]:
    """Return parts of the traffic: share, latency without waiting, mean latency."""
    return np.array(list(parts), [("part_share", "f8"), ("least_ns", "f8"), ("mean_ns", "f8")])


def test_tail_of_one_tier_has_a_closed_form() -> None:
    """With one exponential wait of mean w, 1 % of the accesses wait longer than w ln 100."""
    p99 = mixture_p99_ns(parts((1.0, 100.0, 150.0)))
    assert math.isclose(p99, 100.0 + 50.0 * math.log(100.0), rel_tol=1e-6)


def test_tail_sees_rare_slow_accesses() -> None:
    """Two per cent of the accesses at a fixed high latency set the tail, half a per cent do not."""
    for slow_share, low_ns, high_ns in ((0.02, 4999.0, 5001.0), (0.005, 99.0, 101.0)):
        fast, slow = (1.0 - slow_share, 100.0, 100.0), (slow_share, 5000.0, 5000.0)
        assert low_ns <= mixture_p99_ns(parts(fast, slow)) <= high_ns
