"""An environment of many machines in compiled calls: the native vector environment."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.errors import UnknownNameError
from damosrl.knobs import Float32Array, FloatArray
from damosrl.metrics import TaskMetrics
from damosrl.safety import Event
from damosrl.task import TaskSpec
from damosrl_envs.loop.infos import Info, masked
from damosrl_envs.loop.kind import TaskKind
from damosrl_envs.loop.loop import TaskLoop

BoolArray = NDArray[np.bool_]
AUTORESET = {"same_step": AutoresetMode.SAME_STEP, "disabled": AutoresetMode.DISABLED}


class TaskVectorEnv(gymnasium.vector.VectorEnv[Float32Array, NDArray[Any], NDArray[Any]]):
    """N machines at once; machine i with seed s is the scalar environment with seed s + i.

    Ended episodes begin anew in the same step: the returned observation is the new episode's,
    ``final_obs`` and ``final_info`` hold the old one's last. A subclass names its `kind` and
    `metrics`.

    Args:
        num_envs: N.
        autoreset: ``same_step``, or ``disabled``: the caller resets (machine and telemetry stay
            as the episode left them).
        render_mode: None; there is nothing to render.
        **settings: Keywords of `damosrl_envs.loop.settings.LoopSettings`.

    Example:
        >>> import gymnasium
        >>> envs = gymnasium.make_vec("damosrl/Tiering-v0", num_envs=4, workload="zipf")
        >>> observations, infos = envs.reset(seed=1)
    """

    kind: ClassVar[TaskKind]
    """The task."""
    metrics: TaskMetrics
    """What is measured, and what a score is made of; a class has one, an instance may add to it."""

    def __init__(
        self,
        num_envs: int = 1,
        autoreset: Literal["same_step", "disabled"] = "same_step",
        render_mode: None = None,
        **settings: Any,
    ) -> None:
        if autoreset not in AUTORESET:
            raise UnknownNameError("autoreset", autoreset, AUTORESET)
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.metadata = {"render_modes": [], "autoreset_mode": AUTORESET[autoreset]}
        self._autoreset = AUTORESET[autoreset] is AutoresetMode.SAME_STEP
        self._loop = TaskLoop(num_envs, self.kind, self.kind.settings(settings))
        self.metrics = self._all_metrics()
        self.single_observation_space = self._loop.observation_space
        self.single_action_space = self._loop.form.space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._generators = [seeding.np_random()[0] for _ in range(num_envs)]

    def _all_metrics(self) -> TaskMetrics:
        """Return the class's metrics, and what a subclass adds for its nodes or tenants."""
        return self.metrics

    @property
    def machine(self) -> Any:
        """The emulated machines, as an oracle sees them.

        Raises:
            ConfigError: This is a real kernel.
        """
        return self._loop.world.machines

    @property
    def document(self) -> Document | None:
        """What the first machine is told under default knobs, its nodes' addresses included.

        None for a task without kdamonds.
        """
        return self._loop.document()

    @property
    def task_spec(self) -> TaskSpec:
        """What a tuner must know: named features and knobs with units and ranges."""
        return self._loop.task_spec

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Float32Array, Info]:
        """Begin episodes.

        Args:
            seed: s for s, s + 1, ...; or one per machine; None lets random streams go on.
            options: ``workloads``: a workload, or one per machine, until the next reset;
                ``quota_feedback``: one per machine; ``reset_mask``: machines to reset ``(N,)``.

        Raises:
            ValueError: As many seeds or marks as machines are needed.
        """
        options = options or {}
        which = self._mask(options.get("reset_mask"))
        for index, value in enumerate(self._seeds(seed)):
            if value is not None:
                self._generators[index] = seeding.np_random(value)[0]
        if "workloads" in options or "reset_mask" not in options:
            self._loop.world.pin(options.get("workloads"))
        feedback = options.get("quota_feedback")
        observation, info = self._loop.reset(which, self._generators, feedback)
        return observation, masked(info, which)

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[Float32Array, FloatArray, BoolArray, BoolArray, Info]:
        """Decide once on every machine and let one decision interval pass.

        Any values of the right shape are taken: NaN keeps a knob, others are clipped.

        Raises:
            ValueError: The actions have a wrong shape.
        """
        result = self._loop.step(np.asarray(actions))
        observation, ended = result.observation, result.truncated
        terminated = np.zeros(self.num_envs, dtype=np.bool_)
        if not (self._autoreset and ended.any()):
            info = masked(result.info, np.ones(self.num_envs, dtype=np.bool_))
            return observation, result.reward, terminated, ended, info
        info = masked(result.info, ~ended)
        final = np.full(self.num_envs, None, dtype=object)
        for index in np.flatnonzero(ended):
            final[index] = observation[index].copy()
        info["final_obs"], info["_final_obs"] = final, ended.copy()
        info["final_info"], info["_final_info"] = masked(result.info, ended), ended.copy()
        observation, episode = self._loop.reset(ended, self._generators)
        info.update(masked(episode, ended))
        return observation, result.reward, terminated, ended, info

    def describe(self) -> str:
        """Return knobs, observation and reward in words, as text tables."""
        return self._loop.describe()

    def events(self) -> list[Event]:
        """Return the events of the last step of all machines, as records."""
        return self._loop.events()

    def sb3(self, info_keys: Sequence[str] | None = None) -> Any:
        """Return this environment as a Stable-Baselines3 ``VecEnv``.

        Args:
            info_keys: Numbers of the info that every machine's own info carries; None takes what
                the task has watched in training.
        """
        from damosrl_envs.loop.sb3 import TaskVecEnv  # noqa: PLC0415  imports torch

        return TaskVecEnv(self, tuple(self.metrics.learning) if info_keys is None else info_keys)

    def close_extras(self, **kwargs: Any) -> None:
        """Leave a real kernel as it was found."""
        del kwargs
        self._loop.world.close()

    def _seeds(self, seed: int | Sequence[int | None] | None) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, int | np.integer):
            return [int(seed) + index for index in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise ValueError(f"got {len(seed)} seeds for {self.num_envs} environments")
        return list(seed)

    def _mask(self, mask: Any) -> BoolArray:
        if mask is None:
            return np.ones(self.num_envs, dtype=np.bool_)
        marks = np.asarray(mask)
        if marks.shape != (self.num_envs,) or marks.dtype != np.bool_:
            raise ValueError(
                f"reset_mask has shape {marks.shape} and type {marks.dtype}, "
                f"expected ({self.num_envs},) and bool"
            )
        return marks.copy()
