"""An environment of one machine: a batch of one."""

from typing import Any, ClassVar, SupportsFloat

import gymnasium
import numpy as np
from numpy.typing import NDArray

from damosrl.errors import ConfigError
from damosrl.kernel.machine import KernelMachine
from damosrl.knobs import Float32Array
from damosrl.safety import Event
from damosrl.task import TaskSpec
from damosrl_envs.loop.infos import Info, single
from damosrl_envs.loop.kind import TaskKind
from damosrl_envs.loop.loop import TaskLoop
from damosrl_envs.loop.real import KernelWorld

ALL = np.ones(1, dtype=np.bool_)


class TaskEnv(gymnasium.Env[Float32Array, NDArray[Any]]):
    """Tune one machine; see `damosrl_envs.loop.settings.LoopSettings` for the keywords.

    A subclass names its `kind`.

    A continuing task: an episode is truncated after ``steps`` decisions and never terminates.
    `reset` takes the options ``workloads`` (a name or a list of one) and ``quota_feedback`` (a
    list of one).

    Args:
        render_mode: None; there is nothing to render, `damosrl report` draws episodes.
        **settings: Keywords of `LoopSettings`.

    Example:
        >>> import gymnasium
        >>> env = gymnasium.make("damosrl/Tiering-v0", workload="static_hot", steps=10)
        >>> observation, info = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    """

    kind: ClassVar[TaskKind]
    """The task."""
    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012  gymnasium's own declaration

    def __init__(self, render_mode: None = None, **settings: Any) -> None:
        self.render_mode = render_mode
        self._loop = TaskLoop(1, self.kind, self.kind.settings(settings))
        self.observation_space = self._loop.observation_space
        self.action_space = self._loop.form.space

    @property
    def machine(self) -> Any:
        """The emulated machine (a batch of one).

        Raises:
            ConfigError: This is a real kernel.
        """
        return self._loop.world.machines

    @property
    def kernel(self) -> KernelMachine:
        """The real kernel.

        Raises:
            ConfigError: This is an emulated machine.
        """
        world = self._loop.world
        if not isinstance(world, KernelWorld):
            raise ConfigError("this environment runs on emulated machines, not on a kernel")
        return world.machine

    @property
    def task_spec(self) -> TaskSpec:
        """What a tuner must know: named features and knobs with units and ranges."""
        return self._loop.task_spec

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32Array, Info]:
        """Begin an episode; without a seed the random stream goes on."""
        super().reset(seed=seed)
        options = options or {}
        self._loop.world.pin(options.get("workloads"))
        feedback = options.get("quota_feedback")
        observation, info = self._loop.reset(ALL, [self.np_random], feedback)
        return observation[0], single(info)

    def step(self, action: NDArray[Any]) -> tuple[Float32Array, SupportsFloat, bool, bool, Info]:
        """Decide once and let one decision interval pass.

        Any values of the right shape are taken: NaN keeps a knob, others are clipped.

        Raises:
            ValueError: The action has a wrong shape.
        """
        result = self._loop.step(np.asarray(action)[None])
        return (
            result.observation[0],
            float(result.reward[0]),
            False,
            bool(result.truncated[0]),
            single(result.info),
        )

    def close(self) -> None:
        """Leave a real kernel as it was found; harmless when repeated."""
        self._loop.world.close()

    def describe(self) -> str:
        """Return knobs, observation and reward in words, as text tables."""
        return self._loop.describe()

    def events(self) -> list[Event]:
        """Return the events of the last step: what differs between asked and done, and why."""
        return self._loop.events()
