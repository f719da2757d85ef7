"""The attacker's task: where heat lies, and what it did to the tuner."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import GroundTruth, QuotaLoop, Telemetry
from damosrl.task import StepOutcome, TaskSpec
from damosrl_tasks.attack.config import AttackConfig
from damosrl_tasks.attack.features import OBSERVATION, observe
from damosrl_tasks.attack.heat import KNOBS, PLACE, moved, rates
from damosrl_tasks.attack.reward import MEASURES
from damosrl_tasks.attack.telemetry import AttackTelemetry
from damosrl_tasks.reward import RewardConfig, weigh

NAME = "attack-v0"


class AttackPlan(NamedTuple):
    """What the attacked machines' workloads do until the next decision."""

    rate_hz: FloatArray
    """Accesses per second per page, ``(N, CELLS)``."""


class AttackTask:
    """An attacker of N machines.

    Args:
        num_machines: N.
        config: Budget and timing.
        reward: What an interval is worth to the attacker.

    Example:
        >>> from damosrl_tasks.attack.reward import reward_config
        >>> AttackTask(2, AttackConfig(), reward_config("attack")).spec.task
        'attack-v0'
    """

    template = None
    """There are no kdamonds of the attacker."""

    def __init__(self, num_machines: int, config: AttackConfig, reward: RewardConfig) -> None:
        self._config, self._reward = config, reward
        self._spec = TaskSpec(NAME, OBSERVATION, KNOBS, config.decision_interval_s)
        self._knobs = np.tile(KNOBS.defaults(), (num_machines, 1))
        self._former_place = self._knobs[:, PLACE].copy()
        self._observation = np.zeros((num_machines, len(OBSERVATION)), dtype=np.float32)
        self._counted = np.zeros((3, num_machines))
        self._grown = np.zeros((3, num_machines))

    @property
    def spec(self) -> TaskSpec:
        """What attackers are told."""
        return self._spec

    def mask(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell that all features are known, ``(N, d)``."""
        return np.ones((len(telemetry.time_s), len(OBSERVATION)), dtype=np.bool_)

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> Float32Array:
        """Forget the past of the marked machines ``(N,)``; return all observations ``(N, d)``."""
        self._knobs[which] = KNOBS.defaults()
        self._former_place[which] = self._knobs[which, PLACE]
        self._counted[:, which] = _counters(telemetry)[:, which]
        still = np.zeros(len(which))
        fresh = observe(_paired(telemetry), still, still, self._knobs, self._former_place)
        self._observation[which] = fresh[which]
        return self._observation.copy()

    def still(self) -> AttackPlan:
        """Return a plan under which every page is alike."""
        return AttackPlan(np.ones((len(self._knobs), 1)))

    def plan(self, knobs: FloatArray, loops: NDArray[np.object_] | QuotaLoop) -> AttackPlan:
        """Turn knobs ``(N, 4)`` into rates; the heat moves no further than the budget allows."""
        del loops
        self._former_place = self._knobs[:, PLACE].copy()
        place = moved(self._former_place, knobs[:, PLACE], self._config.largest_move_share)
        self._knobs = knobs.copy()
        self._knobs[:, PLACE] = place
        return AttackPlan(rates(self._knobs))

    def outcome(
        self, telemetry: Telemetry, applied: FloatArray, truth: GroundTruth | None
    ) -> StepOutcome:
        """Score the interval that just ended by what the tuner lost to doing nothing."""
        del applied, truth
        seen, now = _paired(telemetry), _counters(telemetry)
        self._grown, self._counted = now - self._counted, now
        seconds, promoted, demoted = self._grown
        seconds = np.maximum(seconds, 1e-9)
        self._observation = observe(
            seen, promoted / seconds, demoted / seconds, self._knobs, self._former_place
        )
        terms = weigh(self._reward, MEASURES, seen)
        reward = np.asarray(np.sum(list(terms.values()), axis=0), dtype=np.float64)
        return StepOutcome(self._observation.copy(), reward, terms)

    def measured(self, telemetry: Telemetry, truth: GroundTruth | None) -> dict[str, Any]:
        """Return what happened in the interval just scored, arrays ``(N,)``."""
        del truth
        seen = _paired(telemetry)
        return {
            "time_s": seen.time_s,
            "harm": seen.harm,
            "gain": -seen.harm,
            "slowdown": seen.slowdown,
            "noop_slowdown": seen.noop_slowdown,
            "fast_share": seen.fast_share,
            "promoted_bytes": self._grown[1],
            "demoted_bytes": self._grown[2],
            "heat_place": self._knobs[:, PLACE].copy(),
        }


def _paired(telemetry: Telemetry) -> AttackTelemetry:
    if not isinstance(telemetry, AttackTelemetry):
        raise TypeError(f"an attacker needs AttackTelemetry, got {type(telemetry).__name__}")
    return telemetry


def _counters(telemetry: Telemetry) -> FloatArray:
    """Return time and bytes moved up and down since the start, ``(3, N)``."""
    return np.stack((telemetry.time_s, telemetry.migrated_up_bytes, telemetry.migrated_down_bytes))
