"""A checkpoint's policy acts as the artifact does, and nothing of it is unpickled."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv

from damosrl.errors import RunFolderError
from damosrl.export.observations import probe_observations
from damosrl.export.parity import LIMIT, action_difference
from damosrl.learner import Restorable, TrainingRequest
from damosrl_agents.rl.sb3 import SB3Learner

FEATURES = 4


class Noise(gymnasium.Env[NDArray[np.float32], Any]):
    """Features of different spread and place; the reward is nothing."""

    observation_space = spaces.Box(-1.0, 1.0, (FEATURES,), np.float32)
    action_space: spaces.Space[Any] = spaces.Box(-1.0, 1.0, (2,), np.float32)
    steps = 0

    def reset(  # noqa: D102  Gymnasium's own
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.steps = 0
        return self._draw(), {}

    def step(  # noqa: D102  Gymnasium's own
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self._draw(), float(np.sum(action)), False, self.steps >= 20, {}

    def _draw(self) -> NDArray[np.float32]:
        drawn = self.np_random.normal([0.0, 0.5, -0.5, 0.9], [0.3, 0.05, 0.1, 0.001])
        return drawn.astype(np.float32)


class NoiseByChoice(Noise):
    """As Noise, with {down, keep, up} for each knob."""

    action_space = spaces.MultiDiscrete([3, 3])


def _learner(**more: Any) -> SB3Learner:
    kwargs = {"n_steps": 16, "batch_size": 32}
    return SB3Learner(**{"hidden": (8,), "timesteps": 128, "kwargs": kwargs, **more})


def _trained(learner: SB3Learner, folder: Path, kind: type[Noise] = Noise) -> Any:
    request = TrainingRequest(seed=1, checkpoint_dir=folder)
    return learner.train(DummyVecEnv([kind] * 2), request)


@pytest.mark.parametrize("kind", [Noise, NoiseByChoice])
@pytest.mark.parametrize("normalise", [False, True])
def test_a_checkpoint_acts_as_the_exported_network(
    tmp_path: Path, kind: type[Noise], normalise: bool
) -> None:
    """Checkpoint and network agree within the limit, extremes included."""
    learner = _learner(normalise_observation=normalise)
    network = _trained(learner, tmp_path, kind)
    assert isinstance(learner, Restorable)
    act = learner.restored(tmp_path, FEATURES, 2, network.choices)
    assert act is not None
    seen = probe_observations(FEATURES, np.random.default_rng(2), 2000)
    assert action_difference(network, seen, act(seen), network.act(seen)) <= LIMIT
    assert np.abs(act(seen)).max() > 0.0


@pytest.mark.parametrize("algorithm", ["SAC", "TD3", "CrossQ"])
def test_off_policy_checkpoints_are_restored_too(tmp_path: Path, algorithm: str) -> None:
    """Algorithms that squash their actions agree as well."""
    kwargs = {"learning_starts": 32, "batch_size": 16, "buffer_size": 500}
    learner = _learner(algorithm=algorithm, activation="relu", kwargs=kwargs)
    network = _trained(learner, tmp_path)
    act = learner.restored(tmp_path, FEATURES, 2, ())
    assert act is not None
    seen = probe_observations(FEATURES, np.random.default_rng(2), 2000)
    assert action_difference(network, seen, act(seen), network.act(seen)) <= LIMIT


def test_without_a_checkpoint_there_is_no_policy(tmp_path: Path) -> None:
    """An empty or missing folder gives nothing."""
    assert _learner().restored(tmp_path / "missing", FEATURES, 2, ()) is None


class _Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("sprung"),)


def test_pickled_parts_of_a_checkpoint_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights in which code was hidden are refused, and the code does not run."""
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(tmp_path / "checkpoint_000000000128.zip", "w") as archive:
        archive.writestr("policy.pth", pickle.dumps(_Trap(), protocol=2))
    with pytest.raises(RunFolderError, match="does not fit the run's configuration"):
        _learner().restored(tmp_path, FEATURES, 2, ())
    assert not (tmp_path / "sprung").exists()


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    """Other layer widths than the configuration's are named as a misfit."""
    _trained(_learner(), tmp_path)
    with pytest.raises(RunFolderError, match="does not fit the run's configuration"):
        _learner(hidden=(9,)).restored(tmp_path, FEATURES, 2, ())
