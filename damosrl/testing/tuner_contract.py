"""The contract of `damosrl.tuner.Tuner`, clause by clause."""

import math
import pickle
import random
from collections.abc import Callable, Sequence

import numpy as np

from damosrl.knobs import Float32Array
from damosrl.machine import QuotaLoop
from damosrl.task import TaskSpec
from damosrl.testing.contract import observations, require
from damosrl.tuner import Tuner

Make = Callable[[], Tuner]


def check_tuner(make: Make, spec: TaskSpec, *, seed: int = 0, steps: int = 40) -> None:
    """Hold a tuner to its contract.

    Args:
        make: Builds a fresh tuner.
        spec: A task it is meant for.
        seed: Of episodes and observations.
        steps: Decisions per episode.

    Raises:
        ContractError: A clause is broken; the message names it.
    """
    for clause in CLAUSES:
        clause(make, spec, seed, steps)


def attributes_are_declared(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """Loop, warm-up and use of ground truth are stated before an episode starts."""
    del spec, seed, steps
    tuner = make()
    require(isinstance(tuner, Tuner), f"{tuner!r} lacks a part of the Tuner protocol")
    require(isinstance(tuner.quota_loop, QuotaLoop), "quota_loop is a QuotaLoop")
    require(math.isfinite(tuner.warm_up_s) and tuner.warm_up_s >= 0, "warm_up_s is finite, >= 0")
    require(isinstance(tuner.sees_ground_truth, bool), "sees_ground_truth is a bool")
    guided = callable(getattr(tuner, "guide", None))
    require(guided == tuner.sees_ground_truth, "guide() is there iff sees_ground_truth")


def actions_are_in_range(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """Actions are float32 ``(k,)`` in [-1, 1] for every observation in range."""
    for action in _episode(make(), spec, seed, observations(spec, seed, steps)):
        _require_action(action, spec)


def equal_seeds_give_equal_actions(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """Two tuners with one seed act alike."""
    shown = observations(spec, seed, steps)
    first = _episode(make(), spec, seed, shown)
    second = _episode(make(), spec, seed, shown)
    require(_same(first, second), "equal seeds and observations give equal actions")


def reset_forgets(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """An episode does not show what happened in an earlier one."""
    shown = observations(spec, seed, steps)
    used = make()
    _episode(used, spec, seed + 1, observations(spec, seed + 1, steps))
    again = _episode(used, spec, seed, shown)
    require(_same(again, _episode(make(), spec, seed, shown)), "reset forgets earlier episodes")


def tuners_are_independent(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """Two tuners used in turns act as each would alone; nothing is shared."""
    shown = observations(spec, seed, steps)
    alone = _episode(make(), spec, seed, shown)
    one, other = make(), make()
    one.reset(spec, seed)
    other.reset(spec, seed + 1)
    mixed = []
    for observation, another in zip(shown, observations(spec, seed + 1, steps), strict=True):
        mixed.append(one.act(observation.copy()).copy())
        other.act(another.copy())
    require(_same(mixed, alone), "two tuners of one kind share nothing")


def arrays_are_not_shared(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """The observation is not written to, and writing to an action changes no later one."""
    shown = observations(spec, seed, steps)
    expected = _episode(make(), spec, seed, shown)
    tuner = make()
    tuner.reset(spec, seed)
    for observation, wanted in zip(shown, expected, strict=True):
        given = observation.copy()
        action = tuner.act(given)
        require(np.array_equal(given, observation), "the observation is not written to")
        require(np.array_equal(action, wanted), "an action belongs to the caller")
        action.fill(0.25)


def missing_measurements_do_no_harm(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """NaN features raise nothing, keep actions in range, and do not poison later decisions."""
    shown = observations(spec, seed, steps)
    shown[1::3] = np.nan
    for place, action in enumerate(_episode(make(), spec, seed, shown)):
        _require_action(action, spec, f"decision {place} beside NaN features: ")


def global_generators_are_untouched(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """Nothing is drawn from the global generators of NumPy and Python."""
    before_numpy = pickle.dumps(np.random.get_state())  # noqa: NPY002  it is what is checked
    before_python = random.getstate()
    _episode(make(), spec, seed, observations(spec, seed, steps))
    after_numpy = pickle.dumps(np.random.get_state())  # noqa: NPY002  it is what is checked
    require(before_numpy == after_numpy, "NumPy's global generator is left alone")
    require(before_python == random.getstate(), "Python's global generator is left alone")


def tuners_travel(make: Make, spec: TaskSpec, seed: int, steps: int) -> None:
    """A tuner sent to another process in mid-episode goes on as it would have."""
    shown = observations(spec, seed, steps)
    expected = _episode(make(), spec, seed, shown)
    tuner = make()
    half = steps // 2
    first = _episode(tuner, spec, seed, shown[:half])
    moved: Tuner = pickle.loads(pickle.dumps(tuner))  # noqa: S301  our own bytes
    second = [moved.act(observation.copy()).copy() for observation in shown[half:]]
    require(_same(first + second, expected), "a pickled tuner goes on as before")


CLAUSES = (
    attributes_are_declared,
    actions_are_in_range,
    equal_seeds_give_equal_actions,
    reset_forgets,
    tuners_are_independent,
    arrays_are_not_shared,
    missing_measurements_do_no_harm,
    global_generators_are_untouched,
    tuners_travel,
)
"""Every clause is a check of its own: parametrise a test over them for one result each."""


def _episode(tuner: Tuner, spec: TaskSpec, seed: int, shown: Float32Array) -> list[Float32Array]:
    tuner.reset(spec, seed)
    return [tuner.act(observation.copy()).copy() for observation in shown]


def _require_action(action: Float32Array, spec: TaskSpec, where: str = "") -> None:
    require(action.dtype == np.float32, f"{where}an action is float32, got {action.dtype}")
    size = (len(spec.knobs),)
    require(action.shape == size, f"{where}an action has shape {size}, got {action.shape}")
    inside = np.isfinite(action).all() and (np.abs(action) <= 1).all()
    require(bool(inside), f"{where}an action lies in [-1, 1], got {action}")


def _same(first: Sequence[Float32Array], second: Sequence[Float32Array]) -> bool:
    return np.array_equal(np.array(first), np.array(second))
