"""The kdamonds of a tiered machine: one per memory node, moving hot up and cold down.

The structure is that of the kernel's samples/damon/mtier.c (7.3), continued to more than two
nodes; the knobs change numbers only, never the structure. Each node demotes to those below it while
its own free memory is short, and promotes to the next one above it while that one is not full.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
from damosrl_tasks.tiering.config import TieringConfig
from damosrl_tasks.tiering.knobs import OFF_BYTES, SchemeNumbers
from damosrl_tasks.tiering.tiers import Tiers

FULL_BP = 10_000


class Mover(NamedTuple):
    """A scheme that moves memory over a border of `Tiers`, and its share of the border's quota."""

    kdamond: int
    scheme: int
    border: int
    share: float


@dataclass(frozen=True)
class Layout:
    """A template document and where its schemes lie.

    Args:
        document: Valid as it stands; nothing is moved by it.
        tiers: The borders that they work at.
        promotions: The migrate_hot schemes.
        demotions: The migrate_cold schemes, and the pageout scheme of the last node.
    """

    document: Document
    tiers: Tiers
    promotions: tuple[Mover, ...]
    demotions: tuple[Mover, ...]


def layout(config: TieringConfig, tiers: Tiers) -> Layout:
    """Build the template for a machine; node 0 is the fastest."""
    kdamonds: list[Kdamond] = []
    promotions: list[Mover] = []
    demotions: list[Mover] = []
    for node in range(tiers.num_nodes):
        schemes: list[Scheme] = []
        if node < len(tiers.below):
            for target, share in tiers.below[node]:
                demotions.append(Mover(node, len(schemes), node, share))
                schemes.append(demotion(config, node, target))
            if not tiers.below[node]:
                demotions.append(Mover(node, len(schemes), node, 1.0))
                schemes.append(demotion(config, node, None))
        if node > 0:
            promotions.append(Mover(node, len(schemes), node - 1, 1.0))
            schemes.append(_promotion(config, node))
        kdamonds.append(kdamond(config, schemes))
    document = Document(kdamonds=tuple(kdamonds))
    return Layout(document, tiers, tuple(promotions), tuple(demotions))


def kdamond(config: TieringConfig, schemes: Sequence[Scheme]) -> Kdamond:
    """Return a kdamond that watches one memory node."""
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
    return Kdamond(contexts=(context,))


def demotion(config: TieringConfig, node: int, target: int | None) -> Scheme:
    """Move cold memory of a node to another one; to the swap store where there is none."""
    goal = QuotaGoal(GoalMetric.NODE_MEM_FREE_BP, target_value=50, nid=node)
    pattern = AccessPattern(nr_accesses=Range(0, 0), age=Range(0, U32_MAX))
    if target is None:
        return mover_scheme(config, Action.PAGEOUT, -1, pattern, goal)
    return mover_scheme(config, Action.MIGRATE_COLD, target, pattern, goal)


def _promotion(config: TieringConfig, node: int) -> Scheme:
    goal = QuotaGoal(GoalMetric.NODE_MEM_USED_BP, target_value=9970, nid=node - 1)
    pattern = AccessPattern(nr_accesses=Range(1, U32_MAX), age=Range(0, U32_MAX))
    return mover_scheme(config, Action.MIGRATE_HOT, node - 1, pattern, goal)


def mover_scheme(
    config: TieringConfig, action: Action, target: int, pattern: AccessPattern, goal: QuotaGoal
) -> Scheme:
    """Return a scheme that moves memory under a quota of one byte and a goal."""
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
    numbers: Sequence[SchemeNumbers],
    loops: QuotaLoop | NDArray[np.object_],
) -> Plan:
    """Write the numbers of N machines, one set per border, into a plan.

    Under ``DIRECT`` a size quota is what the tuner says and demotion stops at the free target;
    under a kernel loop it is a cap. ``OFF`` leaves one byte.
    """
    promotion_tuner, demotion_tuner, off = loop_arrays(loops, len(numbers[0].free_bp))
    settings: dict[Setting, IntArray] = {}
    for mover in layout.promotions:
        values = numbers[mover.border]
        used_bp = FULL_BP - values.free_bp + round(config.overlap_percent * 100)
        fields = {
            SchemeField.QUOTA_BYTES: np.where(off, OFF_BYTES, values.promotion_bytes),
            SchemeField.MIN_NR_ACCESSES: values.hot_min_nr_accesses,
            SchemeField.GOAL_TARGET: used_bp,
            SchemeField.GOAL_TUNER: promotion_tuner,
        }
        settings.update(settings_of(mover, fields))
    for mover in layout.demotions:
        values = numbers[mover.border]
        quota = part_of(values.demotion_bytes, mover.share)
        fields = {
            SchemeField.QUOTA_BYTES: np.where(off, OFF_BYTES, quota),
            SchemeField.MAX_NR_ACCESSES: values.cold_max_nr_accesses,
            SchemeField.MIN_AGE: values.cold_min_age,
            SchemeField.GOAL_TARGET: values.free_bp,
            SchemeField.GOAL_TUNER: demotion_tuner,
        }
        settings.update(settings_of(mover, fields))
    return Plan(layout.document, settings)


def settings_of(
    mover: Mover, fields: Mapping[SchemeField, IntArray]
) -> Iterator[tuple[Setting, IntArray]]:
    """Address some numbers of one scheme."""
    for field, values in fields.items():
        yield Setting(mover.kdamond, mover.scheme, field), values


def part_of(quota: IntArray, share: float) -> IntArray:
    """Return a neighbour's part of a quota; never 0, which would mean unlimited."""
    part: IntArray = np.rint(quota * share).astype(np.int64)
    return np.asarray(np.maximum(part, OFF_BYTES))


def loop_arrays(
    loops: QuotaLoop | NDArray[np.object_], count: int
) -> tuple[IntArray, IntArray, NDArray[np.bool_]]:
    """Return the goal tuners of promotion and demotion, and whether all is off, ``(N,)`` each."""
    promotion, demotion = np.zeros(count, np.int64), np.zeros(count, np.int64)
    off = np.zeros(count, np.bool_)
    for loop, codes in _LOOP_CODES.items():
        which = np.full(count, loops is loop) if isinstance(loops, QuotaLoop) else loops == loop
        promotion[which], demotion[which] = codes
        off |= which & (loop is QuotaLoop.OFF)
    return promotion, demotion, off
