"""The attacker's environment: the budget holds, both sides get the same heat, harm is harm."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

import damosrl_envs  # noqa: F401  registers the environments
from damosrl.errors import ConfigError, MachineError
from damosrl.registry import make_tuner
from damosrl_tasks.attack.config import attack_config
from damosrl_tasks.attack.heat import KNOBS, moved, rates

ID = "damosrl/Attack-v0"
UNIT = st.floats(0.0, 1.0, exclude_max=True)


@given(
    place=UNIT, share=st.floats(0.02, 0.45), access=st.floats(0.5, 0.98), rate=st.floats(15, 150)
)
def test_the_rate_budget_holds_wherever_the_heat_is(
    place: float, share: float, access: float, rate: float
) -> None:
    """The mean over the cells is the mean rate, and hot memory has its share of it."""
    found = rates(np.array([[place, share, access, rate]]))[0]
    assert found.mean() == pytest.approx(rate)
    cold = rate * (1.0 - access) / (1.0 - share)
    hot = (found - cold).sum() / len(found)
    assert hot == pytest.approx(rate * access - cold * share, abs=1e-9 * rate)


@given(place=UNIT, wanted=UNIT, largest=st.floats(0.01, 0.5))
def test_heat_moves_no_further_than_the_budget_allows(
    place: float, wanted: float, largest: float
) -> None:
    """On the ring of addresses a move is at most the largest one, and arrives if it may."""
    there = float(moved(np.array([place]), np.array([wanted]), largest)[0])

    def distance(one: float, other: float) -> float:
        return abs((one - other + 0.5) % 1.0 - 0.5)

    assert distance(place, there) <= largest + 1e-9
    if distance(place, wanted) < largest:
        assert distance(there, wanted) == pytest.approx(0.0, abs=1e-9)


def _envs(count: int, **task: Any) -> Any:
    return gymnasium.make_vec(
        ID, num_envs=count, task={"tuner": "pi", **task}, autoreset="disabled", steps=8
    )


def _run(envs: Any, agent: str, steps: int = 8) -> dict[str, Any]:
    """Run one attacker on every machine; return the last info and the mean harm."""
    observations, _ = envs.reset(seed=3)
    attackers = [make_tuner(agent) for _ in observations]
    for attacker in attackers:
        attacker.reset(envs.unwrapped.task_spec, 3)
    harms = []
    info: dict[str, Any] = {}
    for _ in range(steps):
        actions = np.stack([one.act(row) for one, row in zip(attackers, observations, strict=True)])
        observations, reward, _, _, info = envs.step(actions)
        terms = info["reward_terms"]
        np.testing.assert_allclose(reward, terms["harm"] + terms["help"])
        assert np.all(np.abs(observations) <= 1.0)
        harms.append(info["harm"])
    return {**info, "mean_harm": np.mean(harms, axis=0)}


def test_a_tuner_that_does_nothing_cannot_be_harmed() -> None:
    """No-op under attack has the very slowdown of its twin, second by second."""
    info = _run(_envs(2, tuner="noop"), "attack_pulses")
    np.testing.assert_array_equal(info["slowdown"], info["noop_slowdown"])
    np.testing.assert_array_equal(info["mean_harm"], 0.0)


def test_heat_that_comes_back_harms_a_tuner_that_followed_it() -> None:
    """Back home, the tuner pays for having moved home's memory away; its twin does not."""
    envs = _envs(3)
    envs.reset(seed=3)
    home = envs.unwrapped.task_spec.action(heat_place=0.0)
    away = envs.unwrapped.task_spec.action(heat_place=0.5)
    turns = (home, home, away, away, away, home)
    harms = [envs.step(np.tile(turn, (3, 1)))[4]["harm"] for turn in turns]
    assert np.all(harms[4] < 0.0), "while it is away, following pays"
    assert np.all(harms[5] > harms[1]), "at its return, it does not"


def test_machines_of_a_batch_do_not_know_each_other() -> None:
    """An attack on one of two machines is what it is alone, bit for bit."""
    alone, both = (_run(_envs(count), "attack_pulses", 4) for count in (1, 2))
    for name in ("slowdown", "noop_slowdown", "harm"):
        assert alone[name][0] == both[name][0]


def test_gymnasium_finds_nothing_wrong_with_the_environment() -> None:
    """Spaces, seeds and types are as Gymnasium wants them."""
    env = gymnasium.make(ID, task={"tuner": "consist"}, steps=3)
    check_env(env.unwrapped, skip_render_check=True)


def test_an_epoch_that_has_begun_cannot_be_steered() -> None:
    """What has been in force is past; an epoch beyond the last one does not exist."""
    envs = _envs(1)
    envs.reset(seed=1)
    machines = envs.unwrapped.machine
    for epoch in (0, 99):
        with pytest.raises(MachineError, match="this epoch cannot be set"):
            machines.steer(0, epoch, np.ones(64))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"tuner": "oracle"}, "oracle cannot be attacked while it runs"),
        ({"tuner": "consist_warm"}, "consist_warm cannot be attacked while it runs"),
        ({"decision_interval_s": 2.5}, "no multiple of the tuner's"),
    ],
)
def test_what_cannot_be_attacked_is_refused(task: dict[str, Any], message: str) -> None:
    """Oracles, warm starts and intervals that do not fit are refused with the reason."""
    with pytest.raises(ConfigError, match=message):
        _envs(1, **task)


def test_only_what_can_be_steered_is_a_workload_of_an_attacker() -> None:
    """Any other workload is refused, and told which kind is needed."""
    with pytest.raises(ConfigError, match="cannot steer this workload"):
        gymnasium.make(ID, workload="zipf")


@pytest.mark.parametrize("budget", ["largest_move_share", "decision_interval_s"])
def test_a_budget_of_zero_is_refused(budget: str) -> None:
    """An attacker that may move heat nowhere, or never, is a user's error."""
    with pytest.raises(ConfigError, match="the attack's budget is out of range"):
        attack_config({budget: 0.0})


def test_the_default_heat_lies_in_fast_memory() -> None:
    """An attacker that keeps still leaves no-op where it is best: nothing to gain by moving."""
    defaults = dict(zip(KNOBS.names, KNOBS.defaults().tolist(), strict=True))
    assert defaults["heat_place"] == 0.0
