"""The task of proactive reclaim: hold little memory, and slow nobody down by it."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import GroundTruth, Plan, QuotaLoop, Source, Telemetry
from damosrl.task import StepOutcome, TaskSpec
from damosrl_tasks.reclaim.config import ReclaimConfig, reclaim_config
from damosrl_tasks.reclaim.counters import Counters, read_counters
from damosrl_tasks.reclaim.features import Features
from damosrl_tasks.reclaim.knobs import KNOBS, scheme_numbers
from damosrl_tasks.reclaim.measured import measured
from damosrl_tasks.reclaim.quantities import OBSERVATION, SOURCES, observed
from damosrl_tasks.reclaim.reward import MEASURES, Interval, reward_config
from damosrl_tasks.reclaim.schemes import build_plan, template
from damosrl_tasks.reward import RewardConfig, Weigher

NAME = "reclaim-v0"


class ReclaimTask:
    """Knobs, observation and reward of proactive reclaim, for N machines at once.

    Args:
        num_machines: N.
        config: Monitoring and timing.
        reward: What an interval is worth.

    Example:
        >>> task = ReclaimTask(num_machines=1, reward=reward_config("reclaim_psi"))
        >>> task.spec.knobs.names
        ('reclaim_quota', 'cold_age', 'psi_target')
    """

    def __init__(
        self,
        num_machines: int,
        config: ReclaimConfig | None = None,
        reward: RewardConfig | None = None,
    ) -> None:
        self._config = config or ReclaimConfig()
        reward = reward or reward_config("reclaim_tco")
        self._template = template(self._config)
        self._features = Features(self._config, num_machines)
        self._weigher = Weigher(reward, MEASURES, num_machines)
        self._spec = TaskSpec(NAME, OBSERVATION, KNOBS, self._config.decision_interval_s)
        self._counters: Counters | None = None
        self._grown: Counters | None = None

    @property
    def spec(self) -> TaskSpec:
        """What tuners are told."""
        return self._spec

    @property
    def template(self) -> Document:
        """The structure that every plan has."""
        return self._template

    def still(self) -> Plan:
        """Return a plan that pages nothing out."""
        return Plan(self._template, {})

    @staticmethod
    def mask(telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell which features are known, ``(N, d)``; the others hold a fixed value."""
        known = observed(telemetry.missing)
        return np.tile(known, (len(telemetry.time_s), 1))

    @staticmethod
    def sources(features: Collection[str]) -> frozenset[Source]:
        """Return the sources of telemetry that some features need."""
        return frozenset(source for name in features for source in SOURCES.get(name, ()))

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> Float32Array:
        """Forget the past of the marked machines ``(N,)``; return all observations ``(N, d)``.

        The multiplier is not forgotten: it is what was learnt about the bound.
        """
        now = read_counters(telemetry)
        self._counters = now if self._counters is None else self._counters.replaced(which, now)
        knobs = np.tile(KNOBS.defaults(), (len(which), 1))
        return self._features.reset(which, telemetry, now.since(now), knobs)

    def plan(self, knobs: FloatArray, loops: NDArray[np.object_] | QuotaLoop) -> Plan:
        """Turn knobs ``(N, 3)`` in physical units into what the machine commits."""
        numbers = scheme_numbers(
            knobs, aggregation_s=self._config.aggr_us / 1e6, reset_s=self._config.apply_s
        )
        return build_plan(self._template, numbers, loops)

    def outcome(
        self, telemetry: Telemetry, applied: FloatArray, truth: GroundTruth | None
    ) -> StepOutcome:
        """Score the interval that just ended.

        Args:
            telemetry: What the machines say now.
            applied: Normalised action in force ``(N, 3)``.
            truth: Ground truth; None on a real machine.

        Raises:
            ConfigError: The reward needs ground truth and there is none.
        """
        now = read_counters(telemetry)
        grown = now.since(self._counters or now)
        self._counters, self._grown = now, grown
        observation = self._features.update(telemetry, grown, KNOBS.to_physical(applied))
        terms = self._weigher.terms(Interval(telemetry, grown, truth), grown.time_s)
        reward = np.asarray(np.sum(list(terms.values()), axis=0), dtype=np.float64)
        return StepOutcome(observation, reward, terms)

    def measured(self, telemetry: Telemetry, truth: GroundTruth | None) -> dict[str, FloatArray]:
        """Return what happened in the interval just scored, arrays ``(N,)``.

        Raises:
            RuntimeError: No interval has been scored yet.
        """
        if self._grown is None:
            raise RuntimeError("no interval has been scored yet: call outcome first")
        return measured(telemetry, self._grown, truth, self._weigher.multiplier.value.copy())


def kernel_task(settings: Mapping[str, Any], num_nodes: int) -> ReclaimTask:
    """Build the task for one kernel; its reward is one that needs no ground truth.

    Args:
        settings: Values of a choice of ``conf/task``.
        num_nodes: Memory nodes of the machine; the first one is reclaimed.

    Raises:
        ConfigError: A setting is wrong.
    """
    del num_nodes
    return ReclaimTask(1, reclaim_config(settings), reward_config("reclaim_psi"))
