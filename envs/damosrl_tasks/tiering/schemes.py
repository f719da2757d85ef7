"""The kdamonds of a tiered machine: one per memory node, moving hot up and cold down.

The structure is that of the kernel's samples/damon/mtier.c (7.3), continued to more than two
nodes; the knobs change numbers only, never the structure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import (
    U32_MAX,
    AccessPattern,
    Action,
    Attrs,
    Context,
    Document,
    GoalMetric,
    GoalTuner,
    Intervals,
    Kdamond,
    Ops,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Target,
    Weights,
)
from damosrl.machine import GOAL_TUNER_CODES, IntArray, Plan, QuotaLoop, SchemeField, Setting
from damosrl_tasks.growth import Place
from damosrl_tasks.tiering.config import TieringConfig
from damosrl_tasks.tiering.knobs import OFF_BYTES, SchemeNumbers

FULL_BP = 10_000


@dataclass(frozen=True)
class Layout:
    """A template document and where its schemes lie.

    Args:
        document: Valid as it stands; nothing is moved by it.
        promotions: Places of the migrate_hot schemes.
        demotions: Places of the migrate_cold schemes.
    """

    document: Document
    promotions: tuple[Place, ...]
    demotions: tuple[Place, ...]


def layout(config: TieringConfig, num_nodes: int) -> Layout:
    """Build the template for a machine with ``num_nodes`` memory nodes, node 0 the fastest."""
    kdamonds: list[Kdamond] = []
    promotions: list[Place] = []
    demotions: list[Place] = []
    for node in range(num_nodes):
        schemes: list[Scheme] = []
        if node + 1 < num_nodes:
            demotions.append((node, len(schemes)))
            schemes.append(_demotion(config, node))
        if node > 0:
            promotions.append((node, len(schemes)))
            schemes.append(_promotion(config, node))
        context = Context(
            ops=Ops.PADDR,
            targets=(Target(),),
            attrs=Attrs(
                intervals=Intervals(sample_us=config.sample_us, aggr_us=config.aggr_us),
                min_nr_regions=config.min_nr_regions,
                max_nr_regions=config.max_nr_regions,
            ),
            schemes=tuple(schemes),
        )
        kdamonds.append(Kdamond(contexts=(context,)))
    return Layout(Document(kdamonds=tuple(kdamonds)), tuple(promotions), tuple(demotions))


def _demotion(config: TieringConfig, node: int) -> Scheme:
    goal = QuotaGoal(GoalMetric.NODE_MEM_FREE_BP, target_value=50, nid=node)
    pattern = AccessPattern(nr_accesses=Range(0, 0), age=Range(0, U32_MAX))
    return _scheme(config, Action.MIGRATE_COLD, node + 1, pattern, goal)


def _promotion(config: TieringConfig, node: int) -> Scheme:
    goal = QuotaGoal(GoalMetric.NODE_MEM_USED_BP, target_value=9970, nid=node - 1)
    pattern = AccessPattern(nr_accesses=Range(1, U32_MAX), age=Range(0, U32_MAX))
    return _scheme(config, Action.MIGRATE_HOT, node - 1, pattern, goal)


def _scheme(
    config: TieringConfig, action: Action, target: int, pattern: AccessPattern, goal: QuotaGoal
) -> Scheme:
    return Scheme(
        action=action,
        access_pattern=pattern,
        target_nid=target,
        apply_interval_us=round(config.apply_s * 1e6),
        quota=Quota(
            sz_bytes=OFF_BYTES,
            reset_interval_ms=round(config.apply_s * 1e3),
            weights=Weights(sz_permil=0, nr_accesses_permil=100, age_permil=100),
            goals=(goal,),
            goal_tuner=GoalTuner.CONSIST,
        ),
    )


_LOOP_CODES: Mapping[QuotaLoop, tuple[int, int]] = {
    loop: (GOAL_TUNER_CODES.index(promotion), GOAL_TUNER_CODES.index(demotion))
    for loop, promotion, demotion in (
        (QuotaLoop.DIRECT, None, GoalTuner.TEMPORAL),
        (QuotaLoop.CONSIST, GoalTuner.CONSIST, GoalTuner.CONSIST),
        (QuotaLoop.TEMPORAL, GoalTuner.TEMPORAL, GoalTuner.TEMPORAL),
        (QuotaLoop.OFF, None, None),
    )
}
"""Goal tuner of promotion and of demotion under every loop."""


def build_plan(
    layout: Layout,
    config: TieringConfig,
    numbers: SchemeNumbers,
    loops: QuotaLoop | NDArray[np.object_],
) -> Plan:
    """Write the numbers of N machines into a plan.

    Under ``DIRECT`` a size quota is what the tuner says and demotion stops at the free target;
    under a kernel loop it is a cap. ``OFF`` leaves one byte.
    """
    count = len(numbers.free_bp)
    promotion_tuner, demotion_tuner, off = _loop_arrays(loops, count)
    promotion = {
        SchemeField.QUOTA_BYTES: np.where(off, OFF_BYTES, numbers.promotion_bytes),
        SchemeField.MIN_NR_ACCESSES: numbers.hot_min_nr_accesses,
        SchemeField.GOAL_TARGET: FULL_BP - numbers.free_bp + round(config.overlap_percent * 100),
        SchemeField.GOAL_TUNER: promotion_tuner,
    }
    demotion = {
        SchemeField.QUOTA_BYTES: np.where(off, OFF_BYTES, numbers.demotion_bytes),
        SchemeField.MAX_NR_ACCESSES: numbers.cold_max_nr_accesses,
        SchemeField.MIN_AGE: numbers.cold_min_age,
        SchemeField.GOAL_TARGET: numbers.free_bp,
        SchemeField.GOAL_TUNER: demotion_tuner,
    }
    settings: dict[Setting, IntArray] = {}
    for places, fields in ((layout.promotions, promotion), (layout.demotions, demotion)):
        for kdamond, scheme in places:
            for field, values in fields.items():
                settings[Setting(kdamond, scheme, field)] = values
    return Plan(layout.document, settings)


def _loop_arrays(
    loops: QuotaLoop | NDArray[np.object_], count: int
) -> tuple[IntArray, IntArray, NDArray[np.bool_]]:
    promotion, demotion = np.zeros(count, np.int64), np.zeros(count, np.int64)
    off = np.zeros(count, np.bool_)
    for loop, codes in _LOOP_CODES.items():
        which = np.full(count, loops is loop) if isinstance(loops, QuotaLoop) else loops == loop
        promotion[which], demotion[which] = codes
        off |= which & (loop is QuotaLoop.OFF)
    return promotion, demotion, off
