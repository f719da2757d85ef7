"""The attacker's world: machines under a tuner, and twins with the same heat and no tuner."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.config import load_choice, load_yaml
from damosrl.damon import Document
from damosrl.emulator.machine import EmulatedMachines
from damosrl.errors import ConfigError
from damosrl.machine import GroundTruth, IntArray, Telemetry
from damosrl_envs.attack.side import Side
from damosrl_envs.loop.choices import as_list, pinned
from damosrl_envs.loop.settings import LoopSettings
from damosrl_envs.loop.world import Episode
from damosrl_tasks.attack.config import AttackConfig
from damosrl_tasks.attack.heat import CELLS
from damosrl_tasks.attack.task import AttackPlan
from damosrl_tasks.attack.telemetry import AttackTelemetry

NOOP = "noop"


class AttackWorld:
    """N machines under attack, each with a twin on which nothing is moved.

    Both get the same heat at the same times, so that what differs is the tuner's doing.

    Args:
        config: Who is attacked.
        settings: Machine, workload and monitor.
        num_machines: N.

    Raises:
        ConfigError: The workload cannot be steered, or the intervals do not fit.
        DamosrlError: A choice does not exist, or does not fit.
    """

    has_truth = True

    def __init__(self, config: AttackConfig, settings: LoopSettings, num_machines: int) -> None:
        self._num_machines = num_machines
        self._steerable = _Steerable(config.decision_interval_s, settings.steps)
        self._choices = [self._steerable.of(one) for one in as_list(settings.workload)]
        self._pinned: list[Any] = [None] * num_machines
        self._drawn = [self._choices[0]] * num_machines
        environment = load_choice("task", config.tuner_task)["env"]
        given: dict[str, Any] = {
            "machine": settings.machine,
            "workload": self._choices[0],
            "task": config.tuner_task,
            "safety": config.tuner_safety,
            "monitor": settings.monitor,
            "threads": settings.threads,
        }
        self._attacked = Side(config.tuner, environment, num_machines, **given)
        self._twins = Side(NOOP, environment, num_machines, **given)
        interval_s = self._attacked.decision_interval_s
        self._decisions = round(config.decision_interval_s / interval_s)
        if abs(self._decisions * interval_s - config.decision_interval_s) > 1e-9:
            raise ConfigError(
                "the attacker's interval is no multiple of the tuner's",
                got=f"{config.decision_interval_s:g} s over {interval_s:g} s",
                fix="change decision_interval_s of the task",
            )
        self._epoch = np.zeros(num_machines, dtype=np.int64)
        self._slowdown = np.ones((2, num_machines))

    @property
    def machines(self) -> EmulatedMachines:
        """The machines under attack."""
        return self._attacked.machines

    @property
    def overruns(self) -> IntArray:
        """None: emulated time is never late."""
        return np.zeros(self._num_machines, np.int64)

    def pin(self, workloads: Any) -> None:
        """Fix the workload of every machine until the next call; None draws again.

        Raises:
            ConfigError: There are not as many as machines, or one cannot be steered.
        """
        self._pinned = [*pinned(workloads, self._num_machines, self._steerable.of)]

    def begin(self, index: int, generator: np.random.Generator, plan: AttackPlan) -> Episode:
        """Begin an episode on a machine and its twin, with even heat; they start alike."""
        del plan
        seed = int(generator.integers(2**31))
        chosen = self._pinned[index]
        if chosen is None:
            chosen = self._choices[int(generator.integers(len(self._choices)))]
        self._drawn[index] = chosen
        info = self._attacked.begin(index, seed, self._drawn)
        self._twins.begin(index, seed, self._drawn)
        self._epoch[index], self._slowdown[:, index] = 1, 1.0
        names = (info["workload"][index], info["family"][index], info["footprint_bytes"][index])
        return Episode(*names)

    def set_quota_feedback(self, index: int, feedback: Any) -> None:
        """Let the tuner's quota loops of a machine start from a state that they had."""
        self.machines.set_quota_feedback(index, feedback)

    def commit(self, plan: AttackPlan) -> NDArray[np.bool_]:
        """Set the heat of the next interval on both sides; nothing is ever refused."""
        for index, rate_hz in enumerate(plan.rate_hz):
            for side in (self._attacked, self._twins):
                side.machines.steer(index, int(self._epoch[index]), rate_hz)
        self._epoch += 1
        return np.zeros(self._num_machines, np.bool_)

    def run(self, seconds: float) -> Telemetry:
        """Let the tuners decide for one interval of the attacker."""
        del seconds
        self._slowdown = np.stack(
            [side.run(self._decisions) for side in (self._attacked, self._twins)]
        )
        return self.telemetry()

    def telemetry(self) -> AttackTelemetry:
        """Look at the machines under attack, and at what their twins are spared."""
        seen = self.machines.telemetry()
        shares = [
            _known(side.machines.truth().fast_share) for side in (self._attacked, self._twins)
        ]
        return AttackTelemetry(
            **{item.name: getattr(seen, item.name) for item in fields(seen)},
            slowdown=self._slowdown[0].copy(),
            noop_slowdown=self._slowdown[1].copy(),
            fast_share=shares[0],
            noop_fast_share=shares[1],
        )

    def truth(self) -> GroundTruth:
        """Return what only an emulator knows of the machines under attack."""
        return self.machines.truth()

    def document(self, document: Document) -> Document:
        """Return a document with the addresses of the first machine under attack."""
        return self.machines.with_addresses(0, document)

    def close(self) -> None:
        """Close both sides."""
        self._attacked.close()
        self._twins.close()


class _Steerable:
    """Makes workloads fit the attacker's steps: cells, length and number of epochs."""

    def __init__(self, interval_s: float, steps: int) -> None:
        self._access = {"cells": CELLS, "epochs": steps, "epoch_s": interval_s}

    def of(self, choice: Any) -> dict[str, Any]:
        """Return a workload's mapping with as many epochs as the attacker has decisions."""
        values, name = _values(choice)
        access = values.get("access")
        if not isinstance(access, Mapping) or access.get("kind") != "steered":
            raise ConfigError(
                "an attacker cannot steer this workload",
                got=name,
                allowed="one of kind steered, such as workload=steered",
            )
        return {"name": name, **values, "access": {**access, **self._access}}


def _values(choice: Any) -> tuple[dict[str, Any], str]:
    if isinstance(choice, Mapping):
        return dict(choice), str(choice.get("name", "custom"))
    if str(choice).endswith((".yaml", ".yml")):
        return load_yaml(Path(choice)), Path(choice).stem
    return load_choice("workload", str(choice)), str(choice)


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return shares, 0 where nothing has been accessed yet."""
    return np.nan_to_num(values)
