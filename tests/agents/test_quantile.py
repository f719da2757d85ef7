"""The capacity-filling heuristic on histograms whose right threshold is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array, Quantity, QuantitySet
from damosrl.task import TaskSpec
from damosrl_agents.heuristics.heat import HeatBins
from damosrl_agents.heuristics.quantile import Quantile, exchange_gain, filling_bin
from tests.agents.conftest import BIN_EDGES_PERCENT, MIB, Observe

shares = st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12)


@given(shares, st.floats(0.0, 3.0))
def test_filling_bin_is_where_capacity_is_reached(heat: list[float], capacity: float) -> None:
    """Bytes above the bin are less than the capacity; with the bin they reach it, or it is 1."""
    place = filling_bin(np.array(heat), capacity)
    from_hottest = np.cumsum(np.array(heat)[::-1])[::-1]
    assert 1 <= place < len(heat)
    assert place + 1 == len(heat) or from_hottest[place + 1] < capacity
    assert place == 1 or from_hottest[place] >= capacity


def _knobs(spec: TaskSpec, action: Float32Array) -> dict[str, float]:
    physical = spec.knobs.to_physical(action.astype(np.float64))
    return dict(zip(spec.knobs.names, physical.tolist(), strict=True))


def _settled(spec: TaskSpec, observation: Float32Array, **parameters: float) -> dict[str, float]:
    tuner = Quantile(**parameters)
    tuner.reset(spec, seed=0)
    for _ in range(30):
        action = tuner.act(observation)
    return _knobs(spec, action)


def test_uniform_heat_moves_nothing(tiering_spec: TaskSpec, observe: Observe) -> None:
    """Where all memory is equally hot, nothing is worth moving and both quotas are off."""
    even = observe(fast_capacity=0.25, fast_heat_40=1.0, slow_heat_40=1.0)
    knobs = _settled(tiering_spec, even)
    assert knobs["promotion_quota"] == 0.0
    assert knobs["demotion_quota"] == 0.0


def test_hot_set_in_slow_memory_is_fetched(tiering_spec: TaskSpec, observe: Observe) -> None:
    """A hot set that fits but lies in slow memory, beside cold fast memory, is fetched."""
    misplaced = observe(fast_capacity=0.25, fast_heat_0=1.0, slow_heat_0=0.8, slow_heat_60=0.2)
    knobs = _settled(tiering_spec, misplaced)
    assert knobs["promotion_quota"] == pytest.approx(400 * MIB, rel=1e-5)
    assert knobs["hot_threshold"] == pytest.approx(5.0, rel=1e-5)


def test_hot_set_in_fast_memory_is_left_alone(tiering_spec: TaskSpec, observe: Observe) -> None:
    """When what is hot lies in fast memory already, nothing is moved."""
    good = observe(fast_capacity=0.25, fast_heat_60=0.9, fast_heat_0=0.1, slow_heat_0=1.0)
    assert _settled(tiering_spec, good)["promotion_quota"] == 0.0


def test_hot_set_beyond_capacity_is_exchanged_only_for_colder_memory(
    tiering_spec: TaskSpec, observe: Observe
) -> None:
    """A hot set larger than the fast tier fills it and then rests; the threshold is its own bin."""
    filling = observe(
        fast_capacity=0.25, fast_heat_0=0.5, fast_heat_60=0.5, slow_heat_60=0.5, slow_heat_0=0.5
    )
    filled = observe(fast_capacity=0.25, fast_heat_60=1.0, slow_heat_60=0.3, slow_heat_0=0.7)
    assert _settled(tiering_spec, filling)["hot_threshold"] == pytest.approx(60.0, rel=1e-5)
    # 0.125 of memory can be exchanged, of 0.5 that is hot: a gain of 25 % of accesses.
    quota = 400 * MIB * (25.0 - 3.0) / (60.0 - 3.0)
    assert _settled(tiering_spec, filling)["promotion_quota"] == pytest.approx(quota, rel=0.01)
    assert _settled(tiering_spec, filled)["promotion_quota"] == 0.0


def test_gain_by_hand() -> None:
    """0.1 of memory at 60..80 % against as much at 0 %: 0.1 * 70 of 0.1 * 70 + 0.2 * 50 gained."""
    edges = np.array([0.0, 20.0, 40.0, 60.0, 80.0])
    heat = np.array([[0.1, 0.0, 0.2, 0.0, 0.0], [0.6, 0.0, 0.0, 0.1, 0.0]])
    assert exchange_gain(heat, edges, place=3, hysteresis_ratio=0.5) == pytest.approx(7.0 / 17.0)


def test_quota_grows_with_the_gain(tiering_spec: TaskSpec, observe: Observe) -> None:
    """The quota is none up to the least gain, whole from the full gain, straight in between."""
    # Capacity 0.5: 0.5 * 0.2 at 70 % in slow memory, the rest of the heat 0.5 * 0.8 at 70 % in
    # fast memory, beside 0.5 * 0.2 idle: the gain is 0.2 of all accesses.
    heat = observe(
        fast_capacity=0.5, fast_heat_60=0.8, fast_heat_0=0.2, slow_heat_60=0.2, slow_heat_0=0.8
    )
    for least, full, share in (
        (0.0, 20.0, 1.0),
        (0.0, 40.0, 0.5),
        (10.0, 30.0, 0.5),
        (20.1, 60.0, 0.0),
    ):
        knobs = _settled(tiering_spec, heat, least_gain_percent=least, full_gain_percent=full)
        assert knobs["promotion_quota"] == pytest.approx(share * 400 * MIB, rel=1e-3)
        assert knobs["demotion_quota"] == knobs["promotion_quota"]


def test_threshold_moves_one_bin_per_decision(tiering_spec: TaskSpec, observe: Observe) -> None:
    """A sudden change of heat moves the threshold by neighbouring bins only."""
    tuner = Quantile(smoothing=1.0)
    tuner.reset(tiering_spec, seed=0)
    tuner.act(observe(fast_capacity=0.25, fast_heat_0=1.0, slow_heat_0=1.0))
    hot = observe(fast_capacity=0.25, fast_heat_80=1.0, slow_heat_80=1.0)
    thresholds = [_knobs(tiering_spec, tuner.act(hot))["hot_threshold"] for _ in range(7)]
    assert thresholds == pytest.approx([*BIN_EDGES_PERCENT[2:], 80.0, 80.0], rel=1e-4)


def test_bins_must_match_between_tiers() -> None:
    """Histograms with differing edges are refused with both lists."""
    items = tuple(
        Quantity(name, "ratio", 0.0, 1.0, "A share.")
        for name in ("fast_heat_0", "fast_heat_10", "slow_heat_0", "slow_heat_20")
    )
    spec = TaskSpec("odd-v0", QuantitySet(items), QuantitySet(items), 1.0)
    with pytest.raises(ConfigError, match=r"fast \[0, 10\], slow \[0, 20\]"):
        HeatBins.of(spec)
