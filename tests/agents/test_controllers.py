"""Controllers against steps computed by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import Float32Array, Quantity, QuantitySet
from damosrl.task import TaskSpec
from damosrl_agents.controllers.aimd import AIMD
from damosrl_agents.controllers.alternating import Alternating
from damosrl_agents.controllers.consist import Consist
from damosrl_agents.controllers.hysteresis import Hysteresis
from damosrl_agents.controllers.pi import PI
from damosrl_agents.controllers.random_knobs import RandomKnobs
from damosrl_agents.controllers.static import Static
from damosrl_agents.oracle import Oracle
from tests.agents.conftest import MIB, Observe


def _knob(spec: TaskSpec, action: Float32Array, name: str) -> float:
    place = spec.knobs.index(name)
    return float(spec.knobs.items[place].to_physical(np.asarray(action[place], np.float64)))


def test_pi_follows_the_velocity_form(tiering_spec: TaskSpec, observe: Observe) -> None:
    """Two PI steps equal du = Kp (e - e') + Ki T e computed by hand."""
    tuner = PI(free_target_percent=2.0, proportional_gain=1.0, integral_gain_per_s=0.25)
    tuner.reset(tiering_spec, seed=0)
    # e = (2 - 1) / 2 = 0.5, no earlier error: du = 0.25 * 1 s * 0.5 = 0.125
    first = _knob(tiering_spec, tuner.act(observe(fast_free=1.0)), "demotion_quota")
    assert first == pytest.approx(32 * MIB * math.exp(0.125), rel=1e-5)
    # e = (2 - 3) / 2 = -0.5: du = 1 * (-0.5 - 0.5) + 0.25 * -0.5 = -1.125
    second = _knob(tiering_spec, tuner.act(observe(fast_free=3.0)), "demotion_quota")
    assert second == pytest.approx(32 * MIB * math.exp(0.125 - 1.125), rel=1e-5)


def test_pi_does_not_wind_up(tiering_spec: TaskSpec, observe: Observe) -> None:
    """After any time at the upper limit, the quota falls with the first step of opposite error."""
    tuner = PI()
    tuner.reset(tiering_spec, seed=0)
    for _ in range(500):
        action = tuner.act(observe(fast_free=0.0))
    assert _knob(tiering_spec, action, "demotion_quota") == pytest.approx(1024 * MIB, rel=1e-5)
    # e falls from 1 to -0.5: du = (-0.5 - 1) + 0.25 * -0.5 = -1.625
    released = _knob(tiering_spec, tuner.act(observe(fast_free=3.0)), "demotion_quota")
    assert released == pytest.approx(1024 * MIB * math.exp(-1.625), rel=1e-5)


def test_pi_closes_the_loop_on_an_integrating_tier(
    tiering_spec: TaskSpec, observe: Observe
) -> None:
    """Free memory that demotion fills and a constant inflow drains settles at the target."""
    tuner = PI(free_target_percent=2.0)
    tuner.reset(tiering_spec, seed=0)
    free_percent, capacity_mib, inflow_mib_per_s = 0.2, 4096.0, 60.0
    for _ in range(400):
        quota = _knob(tiering_spec, tuner.act(observe(fast_free=free_percent)), "demotion_quota")
        free_percent += 100.0 * (quota / MIB - inflow_mib_per_s) / capacity_mib
        free_percent = min(max(free_percent, 0.0), 100.0)
    assert free_percent == pytest.approx(2.0, abs=0.2)
    assert quota / MIB == pytest.approx(inflow_mib_per_s, rel=0.1)


def test_pi_keeps_its_quota_without_a_measurement(tiering_spec: TaskSpec, observe: Observe) -> None:
    """NaN free memory changes nothing, and the next error is measured from the last known."""
    tuner = PI()
    tuner.reset(tiering_spec, seed=0)
    before = tuner.act(observe(fast_free=1.0))
    blind = tuner.act(observe(fast_free=math.nan))
    assert np.array_equal(before, blind)


def test_aimd_adds_and_halves(tiering_spec: TaskSpec, observe: Observe) -> None:
    """Quotas grow by 8 MiB/s while nothing hurts, and halve on pressure or ping-pong."""
    tuner = AIMD(start_mib_per_s=64.0)
    tuner.reset(tiering_spec, seed=0)
    quotas = [
        _knob(tiering_spec, tuner.act(observe(**features)), "promotion_quota") / MIB
        for features in ({}, {}, {"psi_some": 5.0}, {"ping_pong": 0.5}, {})
    ]
    assert quotas == pytest.approx([72.0, 80.0, 40.0, 20.0, 28.0], rel=1e-4)


def test_hysteresis_changes_only_beyond_the_marks(tiering_spec: TaskSpec, observe: Observe) -> None:
    """Between the marks the direction stays; exactly one direction is on at any time."""
    tuner = Hysteresis(low_percent=0.5, high_percent=2.0)
    tuner.reset(tiering_spec, seed=0)
    making_room = []
    for free_percent in (1.0, 0.4, 1.0, 1.9, 2.5, 1.0, 0.6, 0.3):
        action = tuner.act(observe(fast_free=free_percent))
        promotion = _knob(tiering_spec, action, "promotion_quota")
        demotion = _knob(tiering_spec, action, "demotion_quota")
        assert (promotion == 0) != (demotion == 0)
        making_room.append(demotion > 0)
    assert making_room == [False, True, True, True, False, False, False, True]


def test_static_sets_what_it_is_given(tiering_spec: TaskSpec, observe: Observe) -> None:
    """Given knobs are set, 0 switches a quota off, and the others stay at default."""
    tuner = Static({"promotion_quota": 0.0, "hot_threshold": 40.0})
    tuner.reset(tiering_spec, seed=0)
    action = tuner.act(observe())
    assert _knob(tiering_spec, action, "promotion_quota") == 0.0
    assert _knob(tiering_spec, action, "hot_threshold") == pytest.approx(40.0, rel=1e-5)
    assert _knob(tiering_spec, action, "demotion_quota") == pytest.approx(50 * MIB, rel=1e-5)


def test_static_refuses_what_is_no_number() -> None:
    """NaN would silently keep the knob that was to be set."""
    with pytest.raises(ConfigError, match="knob promotion_quota has no value: got nan"):
        Static({"promotion_quota": math.nan})


def test_two_settings_take_turns_of_their_own_length(
    tiering_spec: TaskSpec, observe: Observe
) -> None:
    """Two decisions of the first, one of the second, from the beginning in every episode."""
    tuner = Alternating(2, {"free_target": 1.0}, {"free_target": 4.0}, 1)
    for _ in range(2):
        tuner.reset(tiering_spec, seed=0)
        set_to = [_knob(tiering_spec, tuner.act(observe()), "free_target") for _ in range(7)]
        assert set_to == pytest.approx([1.0, 1.0, 4.0, 1.0, 1.0, 4.0, 1.0], rel=1e-5)


@given(st.data())
def test_a_choice_of_two_settings_is_what_the_tuner_does(
    tiering_spec: TaskSpec, data: st.DataObject
) -> None:
    """Whatever a search picks comes back as arguments whose defaults are that very pick."""
    space = Alternating().choices(tiering_spec)
    values = {item.name: data.draw(st.floats(item.low, item.high)) for item in space.items}
    again = Alternating(**Alternating().chosen(values)).choices(tiering_spec)
    for item in again.items:
        wanted = values[item.name]
        assert item.default == (round(wanted) if item.unit == "decisions" else wanted)


def test_a_search_of_a_static_starts_at_the_given_knobs(tiering_spec: TaskSpec) -> None:
    """Knobs not given start at the task's default."""
    space = Static({"hot_threshold": 40.0}).choices(tiering_spec)
    defaults = dict(zip(space.names, space.defaults().tolist(), strict=True))
    usual = dict(zip(tiering_spec.knobs.names, tiering_spec.knobs.defaults().tolist(), strict=True))
    assert defaults == {**usual, "hot_threshold": 40.0}


def test_static_refuses_an_unknown_knob(tiering_spec: TaskSpec) -> None:
    """A misspelt knob is refused, and the nearest is named."""
    with pytest.raises(UnknownNameError, match="did you mean 'hot_threshold'"):
        Static({"hot_treshold": 40.0}).reset(tiering_spec, seed=0)


def test_consist_is_set_up_as_the_sample_module(tiering_spec: TaskSpec, observe: Observe) -> None:
    """The kernel's loop gets mtier's caps: 200 MiB/s, hot from 1 of 20 samples, 0.5 % free."""
    tuner = Consist()
    tuner.reset(tiering_spec, seed=0)
    action = tuner.act(observe())
    assert tiering_spec.knobs.to_physical(action.astype(np.float64)) == pytest.approx(
        [200 * MIB, 200 * MIB, 5.0, 0.0, 0.5], rel=1e-5
    )


def test_random_holds_and_redraws(tiering_spec: TaskSpec, observe: Observe) -> None:
    """A draw stays for its time, then another comes; draws cover the range."""
    tuner = RandomKnobs(hold_decisions=3)
    tuner.reset(tiering_spec, seed=1)
    actions = np.array([tuner.act(observe()) for _ in range(300)]).reshape(100, 3, -1)
    assert np.array_equal(actions[:, 0], actions[:, 2])
    assert len(np.unique(actions[:, 0, 0])) == 100
    assert actions.min() < -0.9
    assert actions.max() > 0.9


class _Memory:
    """Records what an oracle asks for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, float]] = []

    def rebalance(self, index: int, budget_bytes: int, horizon_s: float) -> None:
        self.asked.append((index, budget_bytes, horizon_s))


def test_oracle_guides_the_machine_it_is_shown() -> None:
    """The oracle has memory placed within its budget and horizon, on the machine named."""
    memory = _Memory()
    Oracle(budget_mib=256.0, horizon_s=5.0).guide(memory, index=3)
    assert memory.asked == [(3, 256 * 2**20, 5.0)]


@pytest.mark.parametrize(
    "tuner", [PI(), AIMD(), Hysteresis()], ids=lambda tuner: type(tuner).__name__
)
def test_a_task_without_the_vocabulary_is_refused(tuner: PI | AIMD | Hysteresis) -> None:
    """A tuner says which feature or knob a task lacks instead of failing in mid-episode."""
    temperature = Quantity("temperature", "K", 0.0, 1.0, "Another world.")
    spec = TaskSpec("other-v0", QuantitySet((temperature,)), QuantitySet((temperature,)), 1.0)
    with pytest.raises(ConfigError, match="needs a feature that is not there"):
        tuner.reset(spec, seed=0)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: PI(free_target_percent=0.0), "free_target_percent"),
        (lambda: PI(proportional_gain=math.nan), "proportional_gain"),
        (lambda: AIMD(decrease=1.5), "decrease"),
        (lambda: Hysteresis(low_percent=3.0, high_percent=2.0), "lower mark"),
        (lambda: RandomKnobs(hold_decisions=0), "hold_decisions"),
        (lambda: Oracle(horizon_s=0.0), "horizon_s"),
    ],
)
def test_parameters_out_of_range_are_refused(make: object, what: str) -> None:
    """A parameter that makes no sense is refused by name when the tuner is built."""
    assert callable(make)
    with pytest.raises(ConfigError, match=what):
        make()
