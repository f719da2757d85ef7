"""The kdamonds of a machine with tenants: one per node, with schemes of each tenant's own.

A tenant's memory is promoted while its control group uses less of node 0 than it may
(``node_memcg_used_bp``), and demoted, coldest first, while it uses more (``node_memcg_free_bp``);
filters of the operations layer keep each pair of schemes to its group. One scheme without a filter
keeps node 0 from filling up, as in plain tiering. Schemes with the action ``stat`` move nothing:
what passes their filters is how much of a tenant's memory is hot, or idle.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import (
    U32_MAX,
    AccessPattern,
    Action,
    Document,
    Filter,
    FilterType,
    GoalMetric,
    QuotaGoal,
    Range,
    Scheme,
)
from damosrl.knobs import FloatArray
from damosrl.machine import IntArray, Plan, QuotaLoop, SchemeField
from damosrl_tasks.growth import Place
from damosrl_tasks.tenants.config import TenantsConfig
from damosrl_tasks.tiering.knobs import OFF_BYTES, SchemeNumbers
from damosrl_tasks.tiering.schemes import (
    FULL_BP,
    Layout,
    Mover,
    build_plan,
    demotion,
    kdamond,
    loop_arrays,
    mover_scheme,
    part_of,
    settings_of,
)
from damosrl_tasks.tiering.tiers import Tiers

FAST, SLOW = 0, 1
ANY = Range(0, U32_MAX)


@dataclass(frozen=True)
class TenantLayout:
    """A template document and where its schemes lie; tenants in the order of the task.

    Args:
        moving: All schemes that move memory, as plain tiering counts them.
        promotions: The promotion of each tenant.
        demotions: The demotion of each tenant.
        hot: The ``stat`` schemes of each tenant's hot memory, node by node.
        idle: The ``stat`` scheme of each tenant's idle memory in node 0.
    """

    moving: Layout
    promotions: tuple[Mover, ...]
    demotions: tuple[Mover, ...]
    hot: tuple[tuple[Place, Place], ...]
    idle: tuple[Place, ...]


def tenant_layout(config: TenantsConfig, tiers: Tiers) -> TenantLayout:
    """Build the template for a machine of two nodes; node 0 is the fast one."""
    paths, part = config.paths, 1.0 / len(config.tenants)
    upper: list[Scheme] = [demotion(config, FAST, SLOW)]
    lower: list[Scheme] = []
    whole = Mover(FAST, 0, 0, 1.0)
    demotions, promotions, hot, idle = [], [], [], []
    for path in paths:
        demotions.append(Mover(FAST, len(upper), 0, part))
        upper.append(_limited(config, Action.MIGRATE_COLD, path))
        promotions.append(Mover(SLOW, len(lower), 0, part))
        lower.append(_limited(config, Action.MIGRATE_HOT, path))
    for path in paths:
        hot.append(((FAST, len(upper)), (SLOW, len(lower))))
        upper.append(_counted(config, _hot_pattern(config), path))
        lower.append(_counted(config, _hot_pattern(config), path))
        idle.append((FAST, len(upper)))
        upper.append(_counted(config, _idle_pattern(config), path))
    document = Document(kdamonds=(kdamond(config, upper), kdamond(config, lower)))
    moving = Layout(document, tiers, tuple(promotions), (whole, *demotions))
    return TenantLayout(moving, tuple(promotions), tuple(demotions), tuple(hot), tuple(idle))


def _only(path: str) -> tuple[Filter, ...]:
    """Let nothing pass but the memory of a control group."""
    return (Filter(FilterType.MEMCG, matching=True, allow=True, memcg_path=path),)


def _limited(config: TenantsConfig, action: Action, path: str) -> Scheme:
    """Move a group's memory into node 0, or out of it, until its share there is reached."""
    up = action is Action.MIGRATE_HOT
    metric = GoalMetric.NODE_MEMCG_USED_BP if up else GoalMetric.NODE_MEMCG_FREE_BP
    target = FAST if up else SLOW
    goal = QuotaGoal(metric, target_value=FULL_BP // 2, nid=FAST, memcg_path=path)
    scheme = mover_scheme(config, action, target, AccessPattern(nr_accesses=ANY, age=ANY), goal)
    return replace(scheme, filters=_only(path))


def _counted(config: TenantsConfig, pattern: AccessPattern, path: str) -> Scheme:
    return Scheme(
        action=Action.STAT,
        access_pattern=pattern,
        apply_interval_us=round(config.apply_s * 1e6),
        filters=_only(path),
    )


def _hot_pattern(config: TenantsConfig) -> AccessPattern:
    least = max(round(config.hot_percent / 100.0 * config.samples_per_aggregation), 1)
    return AccessPattern(nr_accesses=Range(least, U32_MAX), age=ANY)


def _idle_pattern(config: TenantsConfig) -> AccessPattern:
    least = round(config.idle_s * 1e6 / config.aggr_us)
    return AccessPattern(nr_accesses=Range(0, 0), age=Range(least, U32_MAX))


def build_tenant_plan(
    layout: TenantLayout,
    config: TenantsConfig,
    numbers: SchemeNumbers,
    share_percent: FloatArray,
    loops: QuotaLoop | NDArray[np.object_],
) -> Plan:
    """Write the numbers of N machines into a plan.

    The quotas are shared out evenly. A tenant's own demotion takes what is coldest, cold or not:
    its limit holds. Under ``DIRECT`` the goals of tenants switch their quotas on and off
    (``temporal``).

    Args:
        layout: The template.
        config: Timing.
        numbers: The five knobs of tiering.
        share_percent: Limit of each tenant, per cent of node 0, ``(N, G)``.
        loops: Quota loop of all machines, or of each.
    """
    settings = dict(build_plan(layout.moving, config, [numbers], loops).settings)
    _, tuner, off = loop_arrays(loops, len(share_percent))
    share_bp: IntArray = np.rint(share_percent * 100.0).astype(np.int64)
    overlap_bp = round(config.overlap_percent * 100.0)
    for place, mover in enumerate(layout.promotions):
        limit = np.minimum(share_bp[:, place] + overlap_bp, FULL_BP)
        quota = part_of(numbers.promotion_bytes, mover.share)
        settings.update(settings_of(mover, _goal(quota, limit, tuner, off)))
    for place, mover in enumerate(layout.demotions):
        # a goal is at least 1; what little is over a limit of all of node 0 is let be
        limit = np.maximum(FULL_BP - share_bp[:, place], 1)
        quota = part_of(numbers.demotion_bytes, mover.share)
        fields = _goal(quota, limit, tuner, off)
        fields[SchemeField.MAX_NR_ACCESSES] = np.full_like(limit, U32_MAX)
        fields[SchemeField.MIN_AGE] = np.zeros_like(limit)
        settings.update(settings_of(mover, fields))
    return Plan(layout.moving.document, settings)


def _goal(
    quota: IntArray, target: IntArray, tuner: IntArray, off: NDArray[np.bool_]
) -> dict[SchemeField, IntArray]:
    return {
        SchemeField.QUOTA_BYTES: np.where(off, OFF_BYTES, quota),
        SchemeField.GOAL_TARGET: target,
        SchemeField.GOAL_TUNER: tuner,
    }
