"""Ties a Stable-Baselines3 training run to the experiment layer's hooks."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from damosrl.learner import TrainingProgress, TrainingRequest
from damosrl_agents.rl.checkpoints import save_checkpoint


class TrainingHooks(BaseCallback):
    """Reports mean rewards and writes checkpoints, both between updates.

    Args:
        request: Whom to report to, where to write.
        timesteps_total: Environment steps asked for.
        report_every: Environment steps between reports at least.
    """

    def __init__(self, request: TrainingRequest, timesteps_total: int, report_every: int) -> None:
        super().__init__()
        self._request = request
        self._timesteps_total = timesteps_total
        self._report_every = report_every
        self._started_s = time.monotonic()
        self._rewards: list[float] = []
        self._infos: dict[str, list[float]] = {key: [] for key in request.info_keys}
        self._reported = 0
        self._saved = 0

    def _on_training_start(self) -> None:
        self._reported = self._saved = self.num_timesteps

    def _on_step(self) -> bool:
        normalisation = self.model.get_vec_normalize_env()
        rewards: Any = (
            self.locals["rewards"] if normalisation is None else normalisation.get_original_reward()
        )
        self._rewards.append(float(np.mean(rewards)))
        for key, values in self._infos.items():
            values.extend(float(info[key]) for info in self.locals["infos"] if key in info)
        return True

    def _on_rollout_start(self) -> None:
        """Write a checkpoint after an update, when weights and statistics belong together."""
        every = self._request.checkpoint_every
        if every and self.num_timesteps - self._saved >= every:
            self.save()

    def _on_rollout_end(self) -> None:
        if self.num_timesteps - self._reported >= self._report_every:
            self._report()

    def _on_training_end(self) -> None:
        if self._rewards:
            self._report()

    def save(self) -> None:
        """Write a checkpoint now, if a folder was given."""
        if self._request.checkpoint_dir is not None:
            save_checkpoint(self._request.checkpoint_dir, self.model)
            self._saved = self.num_timesteps

    def _report(self) -> None:
        self._reported = self.num_timesteps
        progress = TrainingProgress(
            timesteps=self.num_timesteps,
            timesteps_total=self._timesteps_total,
            wall_s=time.monotonic() - self._started_s,
            reward_mean=float(np.mean(self._rewards)),
            info_means=self._info_means(),
        )
        self._rewards.clear()
        if self._request.progress is not None:
            self._request.progress(progress)

    def _info_means(self) -> Mapping[str, float]:
        means = {key: float(np.mean(values)) for key, values in self._infos.items() if values}
        for values in self._infos.values():
            values.clear()
        return means
