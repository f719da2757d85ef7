"""One side of the contest: machines under one tuner, stepped at the tuner's own pace."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np

from damosrl.emulator.machine import EmulatedMachines
from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array, FloatArray
from damosrl.registry import make_tuner
from damosrl.tuner import Tuner

FOREVER = 10**9
"""Decisions of an episode: the attacker's loop ends it."""


class Side:
    """N emulated machines, each with a tuner of its own.

    Args:
        agent: What the tuners are built from.
        environment: Gymnasium's id of their task.
        num_machines: N.
        **settings: Keywords of the environment.

    Raises:
        ConfigError: The tuner needs what only a comparison can give.
        DamosrlError: A choice does not exist, or does not fit.
    """

    def __init__(self, agent: str, environment: str, num_machines: int, **settings: Any) -> None:
        self._tuners: list[Tuner] = [make_tuner(agent) for _ in range(num_machines)]
        first = self._tuners[0]
        if first.sees_ground_truth or first.warm_up_s > 0.0:
            raise ConfigError(
                f"{agent} cannot be attacked while it runs",
                got="a tuner that sees the truth" if first.sees_ground_truth else "a warm start",
                fix="take another tuner, or search with `damosrl attack`",
            )
        env = gymnasium.make_vec(
            environment,
            num_envs=num_machines,
            quota_loop=str(first.quota_loop),
            action="absolute",
            autoreset="disabled",
            steps=FOREVER,
            **settings,
        )
        self._env: Any = env.unwrapped
        self._observation: Float32Array = np.zeros((num_machines, 0), np.float32)

    @property
    def machines(self) -> EmulatedMachines:
        """The machines."""
        machines: EmulatedMachines = self._env.machine
        return machines

    @property
    def decision_interval_s(self) -> float:
        """Time between the tuners' decisions."""
        return float(self._env.task_spec.decision_interval_s)

    def begin(self, index: int, seed: int, workloads: Sequence[Any]) -> dict[str, Any]:
        """Begin an episode on one machine; return the info of all."""
        seeds: list[int | None] = [None] * len(self._tuners)
        seeds[index] = seed
        which = np.zeros(len(self._tuners), dtype=np.bool_)
        which[index] = True
        options = {"workloads": list(workloads), "reset_mask": which}
        self._observation, info = self._env.reset(seed=seeds, options=options)
        self._tuners[index].reset(self._env.task_spec, seed)
        return dict(info)

    def run(self, decisions: int) -> FloatArray:
        """Let the tuners decide so many times; return the mean slowdown, ``(N,)``."""
        slowdown = np.zeros(len(self._tuners))
        for _ in range(decisions):
            actions = [
                tuner.act(row) for tuner, row in zip(self._tuners, self._observation, strict=True)
            ]
            self._observation = self._env.step(np.stack(actions))[0]
            slowdown += self.machines.truth().slowdown
        return slowdown / decisions

    def close(self) -> None:
        """Close the environment."""
        self._env.close()
