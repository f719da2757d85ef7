"""Bundles as tuners: relative actions step, controllers are built by name, nothing heavy loads."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.artifact import (
    ActionKind,
    Deployment,
    PolicyTuner,
    assemble,
    save_artifact,
)
from damosrl.config import load_choice
from damosrl.errors import ArtifactError
from damosrl.knobs import QuantitySet
from damosrl.machine import QuotaLoop
from damosrl.policy import ControllerPolicy, Layer, PolicyNetwork
from damosrl.registry import Agent, artifact_tuner, make_tuner
from damosrl.testing.sample_policies import SAMPLE_SPEC as SPEC
from damosrl.testing.sample_policies import sample_network, sample_tree

HEAVY = "('torch', 'stable_baselines3', 'numba', 'hydra', 'gymnasium', 'matplotlib')"


@pytest.mark.parametrize("kind", ["relative", "discrete"])
def test_steps_start_from_what_is_in_force(kind: ActionKind) -> None:
    """A policy trained on steps gives positions: one step from the knobs it sees in force."""
    last = tuple(replace(knob, name=f"last_{knob.name}") for knob in SPEC.knobs.items)
    spec = replace(SPEC, observation=QuantitySet((*SPEC.observation.items, *last)))
    up_and_keep = Layer(np.zeros((2, 5), np.float32), np.array([1, 0], np.float32))
    artifact = assemble(
        PolicyNetwork((up_and_keep,), "clip"), spec=spec, algorithm="PPO", action_kind=kind
    )
    tuner = artifact_tuner(artifact)
    tuner.reset(spec, seed=0)
    in_force = SPEC.knobs.to_normal(np.array([100.0, 7.0]))
    observation = np.concatenate([np.zeros(3), in_force]).astype(np.float32)
    action = tuner.act(observation)
    assert SPEC.knobs.to_physical(action.astype(np.float64)) == pytest.approx(
        [200.0, 7.0], rel=1e-4
    )
    assert np.array_equal(tuner.act(np.stack([observation] * 2)), np.stack([action] * 2))


def test_steps_need_the_knobs_in_force() -> None:
    """A policy trained on steps is refused where it cannot see what is in force."""
    network = sample_network(np.random.default_rng(0), normalised=False)
    artifact = assemble(network, spec=SPEC, algorithm="PPO", action_kind="relative")
    with pytest.raises(ArtifactError, match="knobs in force"):
        artifact_tuner(artifact).reset(SPEC, seed=0)


def test_a_tree_is_a_tuner() -> None:
    """A tree acts by its leaves, under the loop that the bundle names."""
    tree = sample_tree(np.random.default_rng(0))
    deployment = Deployment(quota_loop=QuotaLoop.CONSIST)
    tuner = artifact_tuner(assemble(tree, spec=SPEC, algorithm="tree", deployment=deployment))
    tuner.reset(SPEC, seed=0)
    shown = np.full(3, 0.5, np.float32)
    assert tuner.quota_loop is QuotaLoop.CONSIST
    assert np.array_equal(tuner.act(shown), tree.act(shown))


def test_a_controller_is_built_by_name(tmp_path: Path) -> None:
    """The bundle's parameters reach it, in the folder and as a file, by path and in memory."""
    values = load_choice("agent", "pi")
    del values["_target_"]
    policy = ControllerPolicy("pi", {**values, "free_target_percent": 3.0})
    artifact = assemble(policy, spec=SPEC, algorithm="pi")
    paths = [
        save_artifact(tmp_path / form, policy, spec=SPEC, algorithm="pi")
        for form in ("p", "p.damosrl")
    ]
    agents: list[Agent] = [artifact, *paths, str(paths[1])]
    for agent in agents:
        tuner: Any = make_tuner(agent)
        assert (tuner.free_target_percent, tuner.proportional_gain) == (3.0, 1.0)
    with pytest.raises(ArtifactError, match="artifact_tuner"):
        PolicyTuner(artifact)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("pie", {}, "did you mean 'pi'"),
        ("os.system", {}, "unknown controller"),
        ("../evil.yaml", {}, "unknown controller"),
        ("damosrl_agents.controllers.pi.PI", {}, "unknown controller"),
        ("ppo", {}, "is no tuner"),
        ("pi", {"free_target_procent": 1.0}, "did you mean 'free_target_percent'"),
        ("pi", {"free_target_percent": "much"}, "agent pi.free_target_percent is of the wrong"),
        ("consist", {}, "another quota loop"),
    ],
)
def test_only_known_controllers_are_built(
    name: str, parameters: dict[str, Any], message: str
) -> None:
    """Paths, classes and learners are no controllers; parameters and loop must be right."""
    artifact = assemble(ControllerPolicy(name, parameters), spec=SPEC, algorithm="x")
    with pytest.raises(ArtifactError, match=message):
        artifact_tuner(artifact)


@pytest.mark.parametrize("key", ["_target_", "_partial_", 3])
def test_a_controller_cannot_name_code(key: Any) -> None:
    """Reserved keys are no parameters."""
    with pytest.raises(ArtifactError, match="no usable name"):
        ControllerPolicy("pi", {key: "os.system"})


@pytest.mark.parametrize("form", ["policy", "policy.damosrl"])
def test_loading_and_acting_need_nothing_heavy(tmp_path: Path, form: str) -> None:
    """Neither a learning library, a compiler nor an environment is imported to load and act."""
    network = sample_network(np.random.default_rng(0), normalised=True)
    path = save_artifact(tmp_path / form, network, spec=SPEC, algorithm="PPO")
    code = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from damosrl.artifact import load_artifact\n"
        "from damosrl.registry import artifact_tuner\n"
        "artifact = load_artifact(Path(sys.argv[1]))\n"
        "tuner = artifact_tuner(artifact); tuner.reset(artifact.spec, 0)\n"
        "tuner.act(np.zeros(3, np.float32))\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
