"""Tabular Q-learning: one update by hand, a known optimum, and the tuner around it."""

import itertools

import numpy as np
import pytest

from damosrl.knobs import FloatArray
from damosrl.task import TaskSpec
from damosrl_agents.rl.border_q import MOVES, STATES, discretise
from damosrl_agents.rl.q_table import QTable
from damosrl_agents.rl.tabular_q import TabularQ
from tests.agents.conftest import Observe

STAY, PROMOTE, DEMOTE = range(3)
LEVELS = 5
GAMMA = 0.9
SLIP = 0.2


def test_one_update_equals_the_hand_computed_one() -> None:
    """Q(1,0) = 2 + 0.5 (1 + 0.8 * 4 - 2) = 3.1, and nothing else changes."""
    table = QTable(3, 2, np.random.default_rng(0), learning_rate=0.5, discount=0.8)
    table.values[:] = [[0.0, 1.0], [2.0, 3.0], [4.0, -1.0]]
    error = table.learn(state=1, action=0, reward=1.0, next_state=2)
    assert error == pytest.approx(2.2)
    assert table.values == pytest.approx(np.array([[0.0, 1.0], [3.1, 3.0], [4.0, -1.0]]))


def _small_machine() -> tuple[FloatArray, FloatArray]:
    """Return transitions ``(s, a, s')`` and rewards ``(s, a)`` of a machine of five states.

    The state is how many fifths of the hot set lie in fast memory; promotion fetches one more,
    demotion throws one out, each failing now and then; without promotion heat drifts away.
    Reward: the share in fast memory, less the cost of moving.
    """
    transitions = np.zeros((LEVELS, 3, LEVELS))
    rewards = np.zeros((LEVELS, 3))
    for state, action in itertools.product(range(LEVELS), range(3)):
        drifted = max(state - 1, 0)
        target = {STAY: state, PROMOTE: min(state + 1, LEVELS - 1), DEMOTE: drifted}[action]
        transitions[state, action, target] += 1 - SLIP
        transitions[state, action, drifted] += SLIP
        rewards[state, action] = state / (LEVELS - 1) - (0.05 if action != STAY else 0.0)
    return transitions, rewards


def _value(policy: FloatArray) -> FloatArray:
    """Return the exact value ``(s,)`` of a stochastic policy ``(s, a)``: a linear system."""
    transitions, rewards = _small_machine()
    step = np.einsum("sa,sat->st", policy, transitions)
    gain = (policy * rewards).sum(axis=1)
    solved: FloatArray = np.linalg.solve(np.eye(LEVELS) - GAMMA * step, gain)
    return solved


def _best_policy() -> tuple[int, ...]:
    """Try all 243 deterministic policies: the optimum is known beyond doubt."""
    return max(
        itertools.product(range(3), repeat=LEVELS),
        key=lambda actions: float(_value(np.eye(3)[list(actions)]).sum()),
    )


@pytest.mark.parametrize("seed", range(5))
def test_learning_finds_the_known_optimum_and_beats_random(seed: int) -> None:
    """The learnt policy is the best of all policies, far above random, by exact values."""
    transitions, rewards = _small_machine()
    rng = np.random.default_rng(seed)
    table = QTable(LEVELS, 3, rng, learning_rate=0.05, discount=GAMMA, exploration=0.5)
    state = 0
    for _ in range(20_000):
        action = table.explore(state)
        next_state = int(rng.choice(LEVELS, p=transitions[state, action]))
        table.learn(state, action, float(rewards[state, action]), next_state)
        state = next_state
    learnt = tuple(table.best(state) for state in range(LEVELS))
    learnt_value = _value(np.eye(3)[list(learnt)])
    best_value = _value(np.eye(3)[list(_best_policy())])
    random_value = _value(np.full((LEVELS, 3), 1 / 3))
    assert learnt_value == pytest.approx(best_value, rel=0.01)
    assert (learnt_value > 1.5 * random_value).all()


def test_states_are_distinct_and_complete() -> None:
    """Every combination of levels has a state of its own, 0 .. STATES - 1."""
    combinations = itertools.product((0.1, 0.6, 0.9, 0.99), (0.1, 1.0, 5.0), (0.0, 0.5))
    assert sorted(discretise(*levels) for levels in combinations) == list(range(STATES))


def test_the_tuner_learns_from_what_it_observes(tiering_spec: TaskSpec, observe: Observe) -> None:
    """The first learnt value is alpha times the reward: the fast share, less migration cost."""
    tuner = TabularQ(learning_rate=0.2, exploration=0.0)
    tuner.reset(tiering_spec, seed=0)
    seen = {"fast_free": 1.0, "fast_access_share": 0.6}
    tuner.act(observe(**seen))
    tuner.act(observe(**seen))
    state = discretise(0.6, 1.0, 0.0)
    assert tuner.learners[0].table.values[state, 0] == pytest.approx(0.2 * 0.6, abs=1e-5)
    assert np.count_nonzero(tuner.learners[0].table.values) == 1


def test_useless_migration_is_charged(tiering_spec: TaskSpec, observe: Observe) -> None:
    """Migrating the whole quota both ways costs the stated reward."""
    tuner = TabularQ(learning_rate=1.0, exploration=0.0, migration_cost=0.5, discount=0.0)
    tuner.reset(tiering_spec, seed=0)
    quota = 100.0 * 2**20
    seen = {"fast_free": 1.0, "fast_access_share": 0.6}
    tuner.act(observe(**seen))
    tuner.act(observe(**seen, promoted=quota, demoted=quota))
    assert tuner.learners[0].table.values[discretise(0.6, 1.0, 0.0), 0] == pytest.approx(
        0.1, abs=1e-4
    )


def test_steps_stay_within_the_knobs(tiering_spec: TaskSpec, observe: Observe) -> None:
    """However often it steps in one direction, knobs stay in range."""
    for move in range(len(MOVES)):
        tuner = TabularQ(exploration=0.0)
        tuner.reset(tiering_spec, seed=0)
        tuner.learners[0].table.values[:, move] = 100.0
        for _ in range(40):
            action = tuner.act(observe(fast_free=1.0, fast_access_share=0.6))
        physical = tiering_spec.knobs.to_physical(action.astype(np.float64))
        for value, item in zip(physical, tiering_spec.knobs.items, strict=True):
            assert item.low <= value * (1 + 1e-6)
            assert value <= item.high * (1 + 1e-6)
