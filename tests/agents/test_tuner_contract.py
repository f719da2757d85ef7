"""Every tuner of conf/agent under the shipped contract suite, and the suite under bad tuners."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.artifact import save_artifact
from damosrl.config import choices, load_choice
from damosrl.knobs import Float32Array
from damosrl.machine import QuotaLoop
from damosrl.policy import Layer, PolicyNetwork
from damosrl.registry import make_learner, make_search, make_tuner
from damosrl.task import TaskSpec
from damosrl.testing import ContractError, check_tuner
from damosrl.testing.tuner_contract import CLAUSES
from damosrl.tuner import BaseTuner, Tuner

SEARCHES = ("random_search", "tpe", "tpe_tenants", "cma_es")
LEARNERS = ("ppo", "reclaim_ppo", "reclaim_ppo_nvme", "sac")
RECLAIM = {*load_choice("task", "reclaim")["usual"]["compare"]["tuners"], "reclaim_oracle"}
RECLAIM = RECLAIM - {"random"} | {"reclaim_static_nvme"}
OTHER_TASKS = ("acma_", "attack_", "tenants_")
"""Beginnings of the names of tuners for other tasks; they have tests of their own."""
TUNERS = sorted(
    name
    for name in set(choices("agent")) - set(SEARCHES) - set(LEARNERS)
    if not name.startswith(OTHER_TASKS)
)
Clause = Callable[[Callable[[], Tuner], TaskSpec, int, int], None]


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", TUNERS)
def test_every_tuner_keeps_the_contract(
    name: str, clause: Clause, tiering_spec: TaskSpec, reclaim_spec: TaskSpec
) -> None:
    """A tuner of conf/agent holds each clause of the contract, on the task that it is for."""
    clause(lambda: make_tuner(name), reclaim_spec if name in RECLAIM else tiering_spec, 3, 40)


def test_a_trained_policy_keeps_the_contract(tiering_spec: TaskSpec, tmp_path: Path) -> None:
    """A policy loaded from an artifact is a tuner like any other."""
    rng = np.random.default_rng(0)
    shape = (len(tiering_spec.knobs), len(tiering_spec.observation))
    weight = rng.normal(size=shape).astype(np.float32)
    network = PolicyNetwork((Layer(weight, np.zeros(shape[0], np.float32)),), "clip")
    save_artifact(tmp_path / "policy", network, spec=tiering_spec, algorithm="none")
    check_tuner(lambda: make_tuner(tmp_path / "policy"), tiering_spec)


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_are_built_by_name(name: str) -> None:
    """Every search of conf/agent can be built."""
    assert callable(make_search(name).ask)


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_are_built_by_name(name: str) -> None:
    """Every learner of conf/agent can be built."""
    assert make_learner(name).timesteps > 0


class _Sound(BaseTuner):
    """Draws from its own generator: sound. The broken ones below each break one clause."""

    def reset(self, spec: TaskSpec, seed: int) -> None:
        super().reset(spec, seed)
        self.rng = np.random.default_rng(seed)

    def act(self, observation: Float32Array) -> Float32Array:
        del observation
        return self.rng.uniform(-1, 1, len(self.spec.knobs)).astype(np.float32)


class _Wide(_Sound):
    def act(self, observation: Float32Array) -> Float32Array:
        return 3 * super().act(observation)


class _Double(_Sound):
    def act(self, observation: Float32Array) -> Any:
        return super().act(observation).astype(np.float64)


class _Echo(_Sound):
    def act(self, observation: Float32Array) -> Float32Array:
        return observation[: len(self.spec.knobs)]


class _Remembering(_Sound):
    episodes = 0

    def reset(self, spec: TaskSpec, seed: int) -> None:
        super().reset(spec, seed)
        self.episodes += 1

    def act(self, observation: Float32Array) -> Float32Array:
        return np.full_like(super().act(observation), 1 / self.episodes)


class _Global(_Sound):
    def act(self, observation: Float32Array) -> Float32Array:
        np.random.rand()  # noqa: NPY002  the breach
        return super().act(observation)


class _Writing(_Sound):
    def act(self, observation: Float32Array) -> Float32Array:
        observation[:] = 0
        return super().act(observation)


class _Unpicklable(_Sound):
    def __getstate__(self) -> object:
        raise TypeError("stays here")


class _Vague(_Sound):
    quota_loop: Any = "direct-ish"


class _SecretOracle(_Sound):
    def guide(self, machine: object, index: int) -> None:
        """Look at the truth without saying so."""


BREACHES = {
    _Wide: "lies in",
    _Double: "float32",
    _Echo: "lies in",  # a NaN feature comes out as a NaN action
    _Remembering: "forgets",
    _Global: "global generator",
    _Writing: "not written to",
    _Vague: "QuotaLoop",
    _SecretOracle: "sees_ground_truth",
}


def test_the_suite_accepts_a_sound_tuner(tiering_spec: TaskSpec) -> None:
    """A third party's sound tuner passes."""
    check_tuner(_Sound, tiering_spec)


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.__name__)
def test_the_suite_finds_each_breach(breach: type[_Sound], tiering_spec: TaskSpec) -> None:
    """A tuner that breaks one clause fails, and the message names the clause."""
    with pytest.raises(ContractError, match=BREACHES[breach]):
        check_tuner(breach, tiering_spec)


def test_the_suite_refuses_tuners_that_cannot_travel(tiering_spec: TaskSpec) -> None:
    """A tuner that cannot be pickled fails in parallel runs, so it fails here."""
    with pytest.raises(TypeError, match="stays here"):
        check_tuner(_Unpicklable, tiering_spec)


def test_loops_and_warm_up_are_as_named() -> None:
    """The tuners that stand for kernel loops ask for them, and only the oracle sees the truth."""
    loops = {name: make_tuner(name).quota_loop for name in TUNERS}
    special = {name: loop for name, loop in loops.items() if loop is not QuotaLoop.DIRECT}
    assert special == {
        "noop": QuotaLoop.OFF,
        "oracle": QuotaLoop.OFF,
        "assignment": QuotaLoop.OFF,
        "consist": QuotaLoop.CONSIST,
        "consist_warm": QuotaLoop.CONSIST,
        "temporal": QuotaLoop.TEMPORAL,
        "psi_consist": QuotaLoop.CONSIST,
        "reclaim_oracle": QuotaLoop.OFF,
    }
    assert {name: make_tuner(name).warm_up_s for name in TUNERS if make_tuner(name).warm_up_s} == {
        "consist_warm": 1500.0
    }
    assert [name for name in TUNERS if make_tuner(name).sees_ground_truth] == [
        "assignment",
        "oracle",
        "reclaim_oracle",
    ]
