"""The task of several tenants: fast memory for whom it serves, within what each is promised."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array, FloatArray, QuantitySet
from damosrl.machine import GroundTruth, Plan, QuotaLoop, Source, Telemetry
from damosrl.task import StepOutcome, TaskSpec
from damosrl_tasks.reward import RewardConfig, Weigher
from damosrl_tasks.tenants.config import TenantsConfig, tenants_config
from damosrl_tasks.tenants.features import TenantFeatures
from damosrl_tasks.tenants.knobs import tenant_knobs
from damosrl_tasks.tenants.measured import tenant_measures
from damosrl_tasks.tenants.reward import TenantBounds, measures, reward_config
from damosrl_tasks.tenants.schemes import build_tenant_plan, tenant_layout
from damosrl_tasks.tiering.counters import Counters, read_counters
from damosrl_tasks.tiering.features import Features
from damosrl_tasks.tiering.knobs import KNOBS, scheme_numbers
from damosrl_tasks.tiering.measured import measured
from damosrl_tasks.tiering.monitor import Summarise, summarise
from damosrl_tasks.tiering.reward import Interval

NAME = "tenants-v0"
SHARED = len(KNOBS)
"""Knobs that all tenants share, the first ones."""


class TenantsTask:
    """Knobs, observation and reward of several tenants on two memory nodes, for N machines.

    Args:
        num_machines: N.
        num_nodes: Memory nodes of every machine, which have to be two.
        config: The tenants, monitoring and timing.
        reward: What an interval is worth.
        summarise: Sums up snapshots; compiled where many machines are stepped.

    Raises:
        ConfigError: The machines have not two nodes, or the reward does not fit.

    Example:
        >>> task = TenantsTask(1, 2, tenants_config("tiering_tenants"), reward_config("psi"))
        >>> task.spec.knobs.names[-2:]
        ('web_share', 'batch_share')
    """

    def __init__(
        self,
        num_machines: int,
        num_nodes: int,
        config: TenantsConfig,
        reward: RewardConfig,
        summarise: Summarise = summarise,
    ) -> None:
        if num_nodes != 2:
            raise ConfigError(
                "tenants share two memory nodes",
                got=f"{num_nodes} memory nodes",
                allowed="2; swap does not count",
                fix="choose a machine such as dram_cxl",
            )
        self._config = config
        self._tiers = config.tiers(num_nodes)
        self._layout = tenant_layout(config, self._tiers)
        targets = np.array(list(config.targets.values()))
        self._bounds = TenantBounds(reward.bound, tuple(config.tenants), targets, num_machines)
        weighed = replace(reward, bound=None)
        self._weigher = Weigher(weighed, measures(targets), num_machines)
        self._machine = Features(config, self._layout.moving, num_machines, summarise)
        self._tenants = TenantFeatures(config, self._layout, num_machines)
        self._knobs = tenant_knobs(config)
        observation = (*self._machine.vocabulary.quantities.items, *self._tenants.quantities.items)
        self._spec = TaskSpec(
            NAME, QuantitySet(observation), self._knobs, config.decision_interval_s
        )
        self._counters: Counters | None = None
        self._grown: Counters | None = None

    @property
    def spec(self) -> TaskSpec:
        """What tuners are told."""
        return self._spec

    @property
    def template(self) -> Document:
        """The structure that every plan has."""
        return self._layout.moving.document

    @property
    def memcgs(self) -> tuple[str, ...]:
        """Paths of the control groups that telemetry has to tell of."""
        return self._config.paths

    def still(self) -> Plan:
        """Return a plan that moves nothing."""
        return Plan(self.template, {})

    def mask(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell which features are known, ``(N, d)``; the others hold a fixed value."""
        machine = self._machine.vocabulary.observed(telemetry.missing)
        known = np.concatenate([machine, self._tenants.observed(telemetry)])
        return np.tile(known, (len(telemetry.time_s), 1))

    def sources(self, features: Collection[str]) -> frozenset[Source]:
        """Return the sources of telemetry that some features need."""
        machine = self._machine.vocabulary.sources_of(features)
        return machine | self._tenants.sources_of(features)

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> Float32Array:
        """Forget the past of the marked machines ``(N,)``; return all observations ``(N, d)``.

        Multipliers are not forgotten: they are what was learnt about the targets.
        """
        now = read_counters(telemetry, self._layout.moving)
        self._counters = now if self._counters is None else self._counters.replaced(which, now)
        knobs = np.tile(self._knobs.defaults(), (len(which), 1))
        machine = self._machine.reset(which, telemetry, now.since(now), knobs[:, :SHARED])
        tenants = self._tenants.reset(which, telemetry, knobs[:, SHARED:])
        return np.concatenate([machine, tenants], axis=1)

    def plan(self, knobs: FloatArray, loops: NDArray[np.object_] | QuotaLoop) -> Plan:
        """Turn knobs ``(N, k)`` in physical units into what the machine commits."""
        config = self._config
        numbers = scheme_numbers(
            knobs[:, :SHARED],
            samples_per_aggregation=config.samples_per_aggregation,
            aggregation_s=config.aggr_us / 1e6,
            reset_s=config.apply_s,
            hysteresis_ratio=config.hysteresis_ratio,
        )
        return build_tenant_plan(self._layout, config, numbers, knobs[:, SHARED:], loops)

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
        now = read_counters(telemetry, self._layout.moving)
        grown = now.since(self._counters or now)
        self._counters, self._grown = now, grown
        knobs = self._knobs.to_physical(applied)
        machine = self._machine.update(telemetry, grown, knobs[:, :SHARED])
        tenants = self._tenants.update(telemetry, grown.time_s, knobs[:, SHARED:])
        slow_share = 1.0 - self._machine.share.means[:, 0, 0]
        interval = Interval(telemetry, grown, slow_share, truth)
        terms = self._weigher.terms(interval, grown.time_s)
        terms.update(self._bounds.terms(truth, grown.time_s))
        reward = np.asarray(np.sum(list(terms.values()), axis=0), dtype=np.float64)
        return StepOutcome(np.concatenate([machine, tenants], axis=1), reward, terms)

    def measured(self, telemetry: Telemetry, truth: GroundTruth | None) -> dict[str, FloatArray]:
        """Return what happened in the interval just scored, arrays ``(N,)``.

        Raises:
            RuntimeError: No interval has been scored yet.
        """
        if self._grown is None:
            raise RuntimeError("no interval has been scored yet: call outcome first")
        common = measured(telemetry, self._grown, truth)
        return {**common, **tenant_measures(self._config, telemetry, common["slowdown"], truth)}


def kernel_task(settings: Mapping[str, Any], num_nodes: int) -> TenantsTask:
    """Build the task for one kernel; its reward is one that needs no ground truth.

    Args:
        settings: Values of a choice of ``conf/task``.
        num_nodes: Memory nodes of the machine.

    Raises:
        ConfigError: A setting is wrong, or there are not two nodes.
    """
    return TenantsTask(1, num_nodes, tenants_config(settings), reward_config("psi"))
