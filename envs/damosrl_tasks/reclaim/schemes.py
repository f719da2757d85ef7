"""The kdamond of a machine with one memory node and swap: a pageout scheme with a goal on PSI."""

from collections.abc import Mapping

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
from damosrl_tasks.reclaim.config import ReclaimConfig
from damosrl_tasks.reclaim.knobs import OFF_BYTES, SchemeNumbers

PAGEOUT: Place = (0, 0)
"""The one scheme."""
FAILED_COSTS_ONE_IN = 1000
"""Share of the quota that bytes take which were tried in vain."""


def template(config: ReclaimConfig) -> Document:
    """Build the document: as DAMON_RECLAIM's (7.3), but with the goal on PSI and no watermarks.

    Under a quota the oldest memory goes first: only age has a weight. Free memory is idle too, and
    trying it pages nothing out: so that it does not use the quota up, bytes that failed are charged
    by a thousandth (``fail_charge``, kernel 7.3).
    """
    scheme = Scheme(
        action=Action.PAGEOUT,
        access_pattern=AccessPattern(nr_accesses=Range(0, 0), age=Range(0, U32_MAX)),
        apply_interval_us=round(config.apply_s * 1e6),
        quota=Quota(
            sz_bytes=OFF_BYTES,
            reset_interval_ms=round(config.apply_s * 1e3),
            weights=Weights(sz_permil=0, nr_accesses_permil=0, age_permil=1),
            goals=(QuotaGoal(GoalMetric.SOME_MEM_PSI_US, target_value=10_000),),
            goal_tuner=GoalTuner.CONSIST,
            fail_charge_num=1,
            fail_charge_denom=FAILED_COSTS_ONE_IN,
        ),
    )
    context = Context(
        ops=Ops.PADDR,
        targets=(Target(),),
        attrs=Attrs(
            intervals=Intervals(sample_us=config.sample_us, aggr_us=config.aggr_us),
            min_nr_regions=config.min_nr_regions,
            max_nr_regions=config.max_nr_regions,
        ),
        schemes=(scheme,),
    )
    return Document(kdamonds=(Kdamond(contexts=(context,)),))


_TUNERS: Mapping[QuotaLoop, int] = {
    loop: GOAL_TUNER_CODES.index(tuner)
    for loop, tuner in (
        (QuotaLoop.DIRECT, GoalTuner.TEMPORAL),
        (QuotaLoop.CONSIST, GoalTuner.CONSIST),
        (QuotaLoop.TEMPORAL, GoalTuner.TEMPORAL),
        (QuotaLoop.OFF, None),
    )
}
"""Goal tuner under every loop."""


def build_plan(
    document: Document, numbers: SchemeNumbers, loops: QuotaLoop | NDArray[np.object_]
) -> Plan:
    """Write the numbers of N machines into a plan.

    Under ``DIRECT`` the size quota is what the tuner says, and paging out stops while the pressure
    of the last window is above the target; under ``CONSIST`` it is a cap. ``OFF`` leaves one byte.
    """
    count = len(numbers.psi_us)
    names: list[QuotaLoop] = [loops] * count if isinstance(loops, QuotaLoop) else loops.tolist()
    tuners = np.array([_TUNERS[loop] for loop in names], dtype=np.int64)
    off = np.array([loop is QuotaLoop.OFF for loop in names])
    fields: Mapping[SchemeField, IntArray] = {
        SchemeField.QUOTA_BYTES: np.where(off, OFF_BYTES, numbers.quota_bytes),
        SchemeField.MIN_AGE: numbers.min_age,
        SchemeField.GOAL_TARGET: numbers.psi_us,
        SchemeField.GOAL_TUNER: tuners,
    }
    settings = {Setting(*PAGEOUT, field): values for field, values in fields.items()}
    return Plan(document, settings)
