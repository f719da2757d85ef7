"""Tuners of guests: the shipped contract suite, and their formulas by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from damosrl.config import choices
from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.machine import QuotaLoop
from damosrl.registry import make_learner, make_tuner
from damosrl.task import TaskSpec
from damosrl.testing.tuner_contract import CLAUSES
from damosrl.tuner import Tuner
from damosrl_envs.acma.kind import METRICS
from damosrl_tasks.acma.task import AcmaTask

Clause = Callable[[Callable[[], Tuner], TaskSpec, int, int], None]
LEARNERS = ("acma_ppo",)
TUNERS = [name for name in choices("agent") if name.startswith("acma_") and name not in LEARNERS]
SPEC = AcmaTask(num_machines=1).spec


def seen(**values: float) -> Float32Array:
    """Return an observation with given physical values; the others are at zero."""
    physical = np.zeros(len(SPEC.observation))
    for name, value in values.items():
        physical[SPEC.observation.index(name)] = value
    return SPEC.observation.to_normal(physical).astype(np.float32)


def turned(action: Float32Array, name: str) -> float:
    """Return one knob of an action in its physical unit."""
    return float(SPEC.knobs.to_physical(action.astype(np.float64))[SPEC.knobs.index(name)])


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", [*TUNERS, "noop", "random"])
def test_every_tuner_of_guests_keeps_the_contract(name: str, clause: Clause) -> None:
    """A tuner of the ACMA task holds each clause of the contract."""
    clause(lambda: make_tuner(name), SPEC, 3, 40)


@pytest.mark.parametrize("name", LEARNERS)
def test_learners_are_built_by_name(name: str) -> None:
    """The learner of the ACMA task can be built."""
    assert make_learner(name).timesteps > 0


def test_only_the_oracle_sees_the_truth_and_only_the_posted_code_has_its_loop() -> None:
    """Which tuner asks for what is as its name says; scores use the oracle of this task."""
    oracles = [name for name in TUNERS if make_tuner(name).sees_ground_truth]
    assert oracles == [METRICS.oracle]
    posted = [name for name in TUNERS if make_tuner(name).quota_loop is QuotaLoop.CONSIST]
    assert posted == ["acma_rfc_posted"]


def test_the_rfc_sets_its_three_parameters() -> None:
    """Minimum, maximum and 0.1 % of pressure, with page reporting as the messenger."""
    tuner = make_tuner("acma_rfc")
    tuner.reset(SPEC, 0)
    action = tuner.act(seen())
    assert turned(action, "min_memory") == pytest.approx(10.0)
    assert turned(action, "max_memory") == pytest.approx(100.0)
    assert turned(action, "pressure_target") == pytest.approx(0.1, rel=1e-5)
    assert turned(action, "page_reporting") == pytest.approx(1.0)


@pytest.mark.parametrize("percent", [0.0, 100.5, -1.0, float("nan")])
def test_impossible_pressure_targets_are_refused(percent: float) -> None:
    """A target of 0, above 100 % or NaN is a user's error."""
    with pytest.raises(ConfigError, match="pressure_percent"):
        make_tuner("acma_rfc", pressure_percent=percent)


def test_a_minimum_above_the_maximum_is_refused() -> None:
    """The RFC's parameters must not contradict themselves."""
    with pytest.raises(ConfigError, match="min_percent"):
        make_tuner("acma_rfc", min_percent=60.0, max_percent=50.0)


def test_the_balloon_grows_by_steps_and_shrinks_by_halves() -> None:
    """+1 % with room, times 0.5 under pressure, -1 % when the fullest guest runs short."""
    tuner = make_tuner("acma_balloon")
    tuner.reset(SPEC, 0)
    targets = [
        turned(tuner.act(seen(psi_some=psi, least_free=free)), "balloon")
        for psi, free in ((0.0, 0.5), (0.0, 0.5), (0.0, 0.07), (2.0, 0.5), (0.0, 0.01))
    ]
    assert targets == pytest.approx([1.0, 2.0, 2.0, 1.0, 0.0], abs=1e-5)


def test_the_four_features_take_turns() -> None:
    """Compaction comes every 30 decisions, unplugging with much free, plugging under pressure."""
    tuner = make_tuner("acma_four_features")
    tuner.reset(SPEC, 0)
    actions = [tuner.act(seen(psi_some=0.0, least_free=0.5)) for _ in range(31)]
    rounds = [place for place, one in enumerate(actions) if turned(one, "compaction") > 0.0]
    assert rounds == [0, 30]
    assert turned(actions[4], "unplug") == pytest.approx(10.0, abs=1e-4)
    before = turned(actions[-1], "unplug")
    pressed = tuner.act(seen(psi_some=5.0, least_free=0.5))
    assert turned(pressed, "unplug") == pytest.approx(before - 8.0, abs=1e-4)
    assert turned(pressed, "reclaim_rate") == 0.0


def test_autopilot_follows_usage_from_above() -> None:
    """After a while at 30 % the limit is above it by a margin; after a jump it is above again."""
    tuner = make_tuner("acma_autopilot")
    tuner.reset(SPEC, 0)
    for _ in range(400):
        action = tuner.act(seen(usable=1.0, least_free=0.7))
    assert 30.0 < turned(action, "max_memory") <= 50.0
    for _ in range(60):
        action = tuner.act(seen(usable=1.0, least_free=0.2))
    assert turned(action, "max_memory") > 80.0
