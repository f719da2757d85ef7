"""The task of memory tiering: keep hot memory fast and cold memory out of its way."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import GroundTruth, Plan, QuotaLoop, Source, Telemetry
from damosrl.task import StepOutcome, TaskSpec
from damosrl_tasks.reward import RewardConfig, Weigher
from damosrl_tasks.tiering.config import TieringConfig, tiering_config
from damosrl_tasks.tiering.counters import Counters, read_counters
from damosrl_tasks.tiering.features import Features
from damosrl_tasks.tiering.knobs import scheme_numbers
from damosrl_tasks.tiering.measured import measured
from damosrl_tasks.tiering.monitor import Summarise, summarise
from damosrl_tasks.tiering.reward import MEASURES, Interval, reward_config
from damosrl_tasks.tiering.schemes import build_plan, layout

NAME = "tiering-v0"


class TieringTask:
    """Knobs, observation and reward of memory tiering, for N machines at once.

    Args:
        num_machines: N.
        num_nodes: Memory nodes of every machine, at least 2; node 0 is the fastest.
        config: Monitoring and timing.
        reward: What an interval is worth.
        summarise: Sums up snapshots; compiled where many machines are stepped.

    Raises:
        ConfigError: There is only one node: nothing to tier.

    Example:
        >>> task = TieringTask(num_machines=1, num_nodes=2, reward=reward_config("psi"))
        >>> task.spec.knobs.names[0]
        'promotion_quota'
    """

    def __init__(
        self,
        num_machines: int,
        num_nodes: int,
        config: TieringConfig | None = None,
        reward: RewardConfig | None = None,
        summarise: Summarise = summarise,
    ) -> None:
        if num_nodes < 2:
            raise ConfigError(
                "tiering needs a second memory node",
                got=f"{num_nodes} memory node",
                allowed="at least 2; swap does not count",
                fix="choose a machine such as dram_cxl or dram_cxl_zram",
            )
        self._config = config or TieringConfig()
        reward = reward or reward_config("latency")
        self._weigher = Weigher(reward, MEASURES, num_machines)
        self._tiers = self._config.tiers(num_nodes)
        self._layout = layout(self._config, self._tiers)
        self._features = Features(self._config, self._layout, num_machines, summarise)
        self._spec = TaskSpec(
            NAME,
            self._features.vocabulary.quantities,
            self._tiers.knobs,
            self._config.decision_interval_s,
        )
        self._counters: Counters | None = None
        self._grown: Counters | None = None

    @property
    def spec(self) -> TaskSpec:
        """What tuners are told."""
        return self._spec

    @property
    def config(self) -> TieringConfig:
        """Monitoring and timing."""
        return self._config

    @property
    def template(self) -> Document:
        """The structure that every plan has."""
        return self._layout.document

    @property
    def last_growth(self) -> Counters:
        """Growth of the counters over the last interval.

        Raises:
            RuntimeError: No interval has been scored yet.
        """
        if self._grown is None:
            raise RuntimeError("no interval has been scored yet: call outcome first")
        return self._grown

    def still(self) -> Plan:
        """Return a plan that moves nothing."""
        return Plan(self.template, {})

    def measured(self, telemetry: Telemetry, truth: GroundTruth | None) -> dict[str, FloatArray]:
        """Return what happened in the interval just scored, arrays ``(N,)``."""
        return measured(telemetry, self.last_growth, truth)

    def mask(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell which features are known, ``(N, d)``; the others hold a fixed value."""
        known = self._features.vocabulary.observed(telemetry.missing)
        return np.tile(known, (len(telemetry.time_s), 1))

    def sources(self, features: Collection[str]) -> frozenset[Source]:
        """Return the sources of telemetry that some features need."""
        return self._features.vocabulary.sources_of(features)

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> Float32Array:
        """Forget the past of the marked machines ``(N,)``; return all observations ``(N, d)``."""
        now = read_counters(telemetry, self._layout)
        self._counters = now if self._counters is None else self._counters.replaced(which, now)
        knobs = np.tile(self._tiers.knobs.defaults(), (len(which), 1))
        return self._features.reset(which, telemetry, now.since(now), knobs)

    def plan(self, knobs: FloatArray, loops: NDArray[np.object_] | QuotaLoop) -> Plan:
        """Turn knobs ``(N, k)`` in physical units into what the machine commits."""
        config = self._config
        numbers = [
            scheme_numbers(
                border,
                samples_per_aggregation=config.samples_per_aggregation,
                aggregation_s=config.aggr_us / 1e6,
                reset_s=config.apply_s,
                hysteresis_ratio=config.hysteresis_ratio,
            )
            for border in self._tiers.split(knobs)
        ]
        return build_plan(self._layout, config, numbers, loops)

    def outcome(
        self, telemetry: Telemetry, applied: FloatArray, truth: GroundTruth | None
    ) -> StepOutcome:
        """Score the interval that just ended.

        Args:
            telemetry: What the machines say now.
            applied: Normalised action in force ``(N, k)``.
            truth: Ground truth; None on a real machine.

        Raises:
            ConfigError: The reward needs ground truth and there is none.
        """
        now = read_counters(telemetry, self._layout)
        grown = now.since(self._counters or now)
        self._counters, self._grown = now, grown
        observation = self._features.update(
            telemetry, grown, self._tiers.knobs.to_physical(applied)
        )
        slow_share = 1.0 - self._features.share.means[:, 0, 0]
        interval = Interval(telemetry, grown, slow_share, truth)
        terms = self._weigher.terms(interval, grown.time_s)
        reward = np.asarray(np.sum(list(terms.values()), axis=0), dtype=np.float64)
        return StepOutcome(observation, reward, terms)


def kernel_task(settings: Mapping[str, Any], num_nodes: int) -> TieringTask:
    """Build the task for one kernel; its reward is one that needs no ground truth.

    Args:
        settings: Values of a choice of ``conf/task``.
        num_nodes: Memory nodes of the machine.

    Raises:
        ConfigError: A setting is wrong, or there is only one node.
    """
    return TieringTask(1, num_nodes, tiering_config(settings), reward_config("psi"))
