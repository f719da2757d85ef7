"""Learning with Stable-Baselines3: repeatable, resumable, exported without loss, and it learns."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from damosrl.artifact import load_artifact, save_artifact
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import Quantity, QuantitySet
from damosrl.learner import Learner, TrainingProgress, TrainingRequest
from damosrl.policy import PolicyNetwork
from damosrl.task import TaskSpec
from damosrl_agents.rl import sb3
from damosrl_agents.rl.sb3 import SB3Learner
from damosrl_agents.rl.sb3_export import export_network

FEATURES, KNOBS = 4, 2
PARITY = 1e-5
"""Largest difference allowed between torch's and NumPy's action: float32 rounding."""


class Follow(gymnasium.Env[NDArray[np.float32], Any]):
    """The best action repeats the first two features; reward is 1 - squared distance."""

    observation_space = spaces.Box(-1.0, 1.0, (FEATURES,), np.float32)
    action_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (KNOBS,), np.float32)

    def reset(  # noqa: D102  Gymnasium's own
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.steps = 0
        return self._draw(), {}

    def step(  # noqa: D102  Gymnasium's own
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        error = float(np.square(self.wanted - self._meaning(action)).sum())
        self.steps += 1
        return self._draw(), 1.0 - error, False, self.steps >= 20, {"slowdown": 1.0 + error}

    def _meaning(self, action: Any) -> Any:
        return action

    def _draw(self) -> NDArray[np.float32]:
        features = self.np_random.uniform(-1, 1, FEATURES).astype(np.float32)
        self.wanted = features[:KNOBS]
        return features


class FollowByChoice(Follow):
    """As Follow, with {down, keep, up} for each knob."""

    action_space = spaces.MultiDiscrete([3, 3])

    def _meaning(self, action: Any) -> Any:
        return np.asarray(action) - 1.0


class FollowByOneChoice(Follow):
    """As Follow, with one choice in all."""

    action_space = spaces.Discrete(3)

    def _meaning(self, action: Any) -> Any:
        return np.full(KNOBS, float(action) - 1.0)


def _machines(kind: type[Follow] = Follow, count: int = 4) -> VecEnv:
    return DummyVecEnv([kind] * count)


def _learner(algorithm: str = "PPO", **changes: Any) -> SB3Learner:
    small: dict[str, dict[str, Any]] = {
        "PPO": {
            "n_steps": 32,
            "batch_size": 64,
            "n_epochs": 4,
            "learning_rate": 3e-3,
            "gamma": 0.1,
        },
        "A2C": {"n_steps": 8},
        "TRPO": {"n_steps": 32, "batch_size": 64},
    }
    off_policy = {"learning_starts": 50, "batch_size": 32, "buffer_size": 1000}
    kwargs = small.get(algorithm, off_policy)
    defaults: dict[str, Any] = {"hidden": (16, 16), "timesteps": 512, "kwargs": kwargs}
    return SB3Learner(algorithm=algorithm, **{**defaults, **changes})


def _arrays(network: PolicyNetwork) -> list[NDArray[np.float32]]:
    arrays = [array for layer in network.layers for array in (layer.weight, layer.bias)]
    if network.normaliser is not None:
        arrays += [network.normaliser.mean, network.normaliser.scale]
    return arrays


def _equal(one: PolicyNetwork, other: PolicyNetwork) -> bool:
    pairs = zip(_arrays(one), _arrays(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.fixture
def caught_models(monkeypatch: pytest.MonkeyPatch) -> list[BaseAlgorithm]:
    """The library's models as they were when exported."""
    models: list[BaseAlgorithm] = []

    def export(model: BaseAlgorithm) -> PolicyNetwork:
        models.append(model)
        return export_network(model)

    monkeypatch.setattr(sb3, "export_network", export)
    return models


def test_it_is_a_learner() -> None:
    """The class keeps the protocol that the experiment layer works with."""
    assert isinstance(SB3Learner(), Learner)


@pytest.mark.parametrize("normalise", [False, True])
def test_equal_seeds_give_equal_weights(normalise: bool) -> None:
    """Two trainings of one seed end with the same bits; another seed does not."""
    learner = _learner(normalise_observation=normalise, normalise_reward=normalise)
    first = learner.train(_machines(), TrainingRequest(seed=3))
    second = learner.train(_machines(), TrainingRequest(seed=3))
    other = learner.train(_machines(), TrainingRequest(seed=4))
    assert _equal(first, second)
    assert not _equal(first, other)


def test_weights_do_not_depend_on_the_process_around() -> None:
    """What was drawn or set before does not show, and is as it was afterwards."""
    learner = _learner()
    first = learner.train(_machines(), TrainingRequest(seed=3))
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002  the library draws from it
    torch.set_num_threads(2)
    before = torch.get_rng_state()
    second = learner.train(_machines(), TrainingRequest(seed=3))
    assert _equal(first, second)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()


def test_it_learns() -> None:
    """A few thousand steps on a task with a known best action come close to it."""
    learner = _learner(timesteps=12_000, normalise_reward=True)
    rewards: list[float] = []
    request = TrainingRequest(seed=0, progress=lambda at: rewards.append(at.reward_mean))
    network = learner.train(_machines(count=8), request)
    shown = np.random.default_rng(5).uniform(-1, 1, (1000, FEATURES)).astype(np.float32)
    untrained_error = float(np.square(shown[:, :KNOBS]).sum(axis=1).mean())
    error = float(np.square(network.act(shown) - shown[:, :KNOBS]).sum(axis=1).mean())
    assert error < 0.1 * untrained_error
    assert rewards[-1] > rewards[0]


@pytest.mark.parametrize("algorithm", ["PPO", "A2C", "TRPO", "SAC", "TD3", "DDPG", "TQC", "CrossQ"])
@pytest.mark.parametrize("normalise", [False, True])
def test_export_equals_the_library(
    algorithm: str, normalise: bool, caught_models: list[BaseAlgorithm], tmp_path: Path
) -> None:
    """On 10,000 random observations the loaded artifact acts as the library's policy does."""
    learner = _learner(algorithm, timesteps=200, normalise_observation=normalise)
    network = learner.train(_machines(), TrainingRequest(seed=1))
    folder = save_artifact(tmp_path / "policy", network, spec=_spec(), algorithm=algorithm)
    shown = np.random.default_rng(2).uniform(-1, 1, (10_000, FEATURES)).astype(np.float32)
    policy = load_artifact(folder).policy
    assert isinstance(policy, PolicyNetwork)
    assert np.abs(policy.act(shown) - _library(caught_models[0], shown)).max() < PARITY


def _library(model: BaseAlgorithm, shown: NDArray[np.float32]) -> Any:
    normalisation = model.get_vec_normalize_env()
    given: Any = shown if normalisation is None else normalisation.normalize_obs(shown)
    return model.predict(given, deterministic=True)[0]


@pytest.mark.parametrize(
    ("algorithm", "kind", "count"),
    [("PPO", FollowByChoice, 2), ("PPO", FollowByOneChoice, 1), ("DQN", FollowByOneChoice, 1)],
)
def test_choices_are_exported(
    algorithm: str, kind: type[Follow], count: int, caught_models: list[BaseAlgorithm]
) -> None:
    """Discrete policies choose as the library does, told as -1, 0, 1."""
    network = _learner(algorithm, timesteps=200).train(_machines(kind), TrainingRequest(seed=1))
    shown = np.random.default_rng(2).uniform(-1, 1, (10_000, FEATURES)).astype(np.float32)
    library = np.asarray(_library(caught_models[0], shown)).reshape(-1, count)
    agreement = np.all(network.act(shown) == library - 1.0, axis=1).mean()
    assert agreement > 0.999  # ties within float32 rounding may fall either way


def _spec() -> TaskSpec:
    ratio = ("ratio", -1.0, 1.0, "A number.")
    return TaskSpec(
        "follow-v0",
        QuantitySet(tuple(Quantity(f"f{place}", *ratio) for place in range(FEATURES))),
        QuantitySet(tuple(Quantity(f"k{place}", *ratio) for place in range(KNOBS))),
        1.0,
    )


@pytest.mark.parametrize("algorithm", ["PPO", "SAC", "TD3"])
def test_a_policy_starts_where_it_is_told(algorithm: str) -> None:
    """The untrained policy acts near the start knobs; without a spec it knows none."""
    learner = _learner(algorithm, start_knobs={"k0": 0.6, "k1": -0.4})
    shown = np.random.default_rng(2).uniform(-1, 1, (1000, FEATURES)).astype(np.float32)
    for spec, wanted in ((_spec(), [0.6, -0.4]), (None, [0.0, 0.0])):
        request = TrainingRequest(seed=0, timesteps=1, spec=spec)
        slow = {**learner.kwargs, "learning_rate": 1e-9}
        network = replace(learner, kwargs=slow).train(_machines(), request)
        assert network.act(shown).mean(axis=0) == pytest.approx(wanted, abs=0.15)


def test_start_knobs_must_exist_and_be_positions() -> None:
    """A misspelt knob is named, and discrete actions have no start."""
    learner = _learner(start_knobs={"k9": 0.5})
    with pytest.raises(UnknownNameError, match="k9"):
        learner.train(_machines(), TrainingRequest(seed=0, spec=_spec()))
    learner = _learner(start_knobs={"k0": 0.5})
    with pytest.raises(ConfigError, match="discrete actions have no start"):
        learner.train(_machines(FollowByChoice), TrainingRequest(seed=0, spec=_spec()))


def test_progress_is_reported() -> None:
    """Reports carry steps, rewards in the task's own scale, and the asked-for infos."""
    reports: list[TrainingProgress] = []
    request = TrainingRequest(seed=0, progress=reports.append, info_keys=("slowdown", "absent"))
    learner = _learner(report_every_timesteps=128, normalise_reward=True)
    learner.train(_machines(), request)
    assert [report.timesteps for report in reports] == [128, 256, 384, 512]
    assert {report.timesteps_total for report in reports} == {512}
    for report in reports:
        slowdown = report.info_means["slowdown"]
        assert report.reward_mean == pytest.approx(2.0 - slowdown, abs=1e-4)
        assert "absent" not in report.info_means
    assert [report.wall_s for report in reports] == sorted(report.wall_s for report in reports)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_checkpoints_are_written_and_pruned(tmp_path: Path) -> None:
    """The two newest checkpoints are kept, with the normaliser's numbers beside them."""
    request = TrainingRequest(seed=0, checkpoint_dir=tmp_path / "c", checkpoint_every=128)
    _learner(normalise_observation=True).train(_machines(), request)
    assert _names(tmp_path / "c") == [
        f"checkpoint_{steps:012d}.{kind}" for steps in (384, 512) for kind in ("npz", "zip")
    ]


def _stop_at(timesteps: int) -> Any:
    def stop(progress: TrainingProgress) -> None:
        if progress.timesteps >= timesteps:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize("normalise", [False, True])
def test_an_interrupted_run_goes_on(tmp_path: Path, normalise: bool) -> None:
    """Ctrl-C leaves a checkpoint; resuming counts on from it, and is repeatable."""
    learner = _learner(report_every_timesteps=128, normalise_observation=normalise)
    networks = []
    for name in ("one", "two"):
        request = TrainingRequest(seed=0, progress=_stop_at(256), checkpoint_dir=tmp_path / name)
        with pytest.raises(KeyboardInterrupt):
            learner.train(_machines(), request)
        assert f"checkpoint_{256:012d}.zip" in _names(tmp_path / name)
        reports: list[TrainingProgress] = []
        request = TrainingRequest(
            seed=0, progress=reports.append, checkpoint_dir=tmp_path / name, resume=True
        )
        networks.append(learner.train(_machines(), request))
        assert [report.timesteps for report in reports] == [384, 512]
    assert _equal(*networks)


def test_training_leaves_nothing_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run, and one that goes on, write into the checkpoints' folder and nowhere else."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    for timesteps, resume in ((128, False), (256, True)):
        _learner().train(
            _machines(),
            TrainingRequest(
                1, timesteps=timesteps, checkpoint_dir=tmp_path / "kept", resume=resume
            ),
        )
    assert list((tmp_path / "kept").iterdir())
    assert not list(scratch.iterdir())


def test_a_finished_run_is_only_exported(tmp_path: Path) -> None:
    """Resuming a run that is done trains no further."""
    request = TrainingRequest(seed=0, checkpoint_dir=tmp_path, resume=True)
    first = _learner().train(_machines(), request)
    second = _learner().train(_machines(), request)
    assert _equal(first, second)


def test_algorithm_and_actions_must_fit() -> None:
    """An algorithm that cannot take the task's actions says so in one line."""
    with pytest.raises(ConfigError, match="SAC cannot be built"):
        _learner("SAC").train(_machines(FollowByChoice), TrainingRequest(seed=0))


def test_what_cannot_be_exported_is_refused_before_training() -> None:
    """State-dependent exploration is refused when the learner is built."""
    with pytest.raises(ConfigError, match="use_sde"):
        SB3Learner(kwargs={"use_sde": True})


def test_odd_numbers_of_machines_are_no_warning() -> None:
    """A batch size that does not divide the rollout is lowered instead of warned about."""
    _learner(timesteps=96).train(_machines(count=3), TrainingRequest(seed=0))
