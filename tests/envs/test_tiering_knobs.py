"""From knobs to the numbers of the schemes, and the document they mean."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.damon import U32_MAX, Action, Document, GoalMetric, GoalTuner
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import FloatArray
from damosrl.machine import QuotaLoop
from damosrl_tasks.tiering.config import TieringConfig, tiering_config
from damosrl_tasks.tiering.knobs import KNOBS, SchemeNumbers, scheme_numbers
from damosrl_tasks.tiering.reward import reward_config
from damosrl_tasks.tiering.task import TieringTask

MIB = 2**20
NORMAL = st.floats(-1.0, 1.0)


def _numbers(knobs: FloatArray, samples: int = 20) -> SchemeNumbers:
    return scheme_numbers(
        knobs,
        samples_per_aggregation=samples,
        aggregation_s=0.1,
        reset_s=1.0,
        hysteresis_ratio=0.5,
    )


def _task(nodes: int = 2, **config: Any) -> TieringTask:
    return TieringTask(1, nodes, TieringConfig(**config), reward_config("psi"))


def _document(task: TieringTask, loop: QuotaLoop, **knobs: float) -> Document:
    physical = KNOBS.to_physical(task.spec.action(**knobs).astype(np.float64)[None])
    return task.plan(physical, loop).document(0)


@given(st.tuples(NORMAL, NORMAL, NORMAL, NORMAL, NORMAL), st.sampled_from([1, 5, 20, 100]))
def test_every_knob_position_gives_valid_numbers(
    row: tuple[float, float, float, float, float], samples: int
) -> None:
    """Quotas are never 0 (unlimited), cold lies below hot, all within what the kernel takes."""
    numbers = _numbers(KNOBS.to_physical(np.array([row])), samples)
    assert 1 <= numbers.promotion_bytes[0] <= 1024 * MIB
    assert 1 <= numbers.demotion_bytes[0] <= 1024 * MIB
    assert 1 <= numbers.hot_min_nr_accesses[0] <= samples
    assert 0 <= numbers.cold_max_nr_accesses[0] < numbers.hot_min_nr_accesses[0]
    assert 0 <= numbers.cold_min_age[0] <= 300
    assert 50 <= numbers.free_bp[0] <= 500


@settings(deadline=None)
@given(st.tuples(NORMAL, NORMAL, NORMAL, NORMAL, NORMAL), st.sampled_from(list(QuotaLoop)))
def test_every_plan_is_a_valid_document(
    row: tuple[float, float, float, float, float], loop: QuotaLoop
) -> None:
    """Whatever the knobs and the loop, the document breaks no rule of the kernel."""
    document = _task(nodes=3).plan(KNOBS.to_physical(np.array([row])), loop).document(0)
    assert len(document.kdamonds) == 3


def test_thresholds_are_counted_as_damon_does() -> None:
    """Hot rounds up, cold is half of it and rounds down, ages count aggregations."""
    knobs = np.array(
        [[MIB, MIB, 5.0, 0.0, 0.5], [MIB, MIB, 15.0, 3.0, 2.0], [MIB, MIB, 40.0, 30.0, 5.0]]
    )
    numbers = _numbers(knobs)
    assert numbers.hot_min_nr_accesses.tolist() == [1, 3, 8]
    assert numbers.cold_max_nr_accesses.tolist() == [0, 1, 4]
    assert numbers.cold_min_age.tolist() == [0, 30, 300]
    assert numbers.free_bp.tolist() == [50, 200, 500]


def test_two_nodes_follow_mtier() -> None:
    """Under consist, with mtier's knobs, the document is that of samples/damon/mtier.c."""
    document = _document(
        _task(),
        QuotaLoop.CONSIST,
        promotion_quota=200.0 * MIB,
        demotion_quota=200.0 * MIB,
        hot_threshold=5.0,
        cold_age=0.0,
        free_target=0.5,
    )
    fast, slow = (kdamond.contexts[0].schemes for kdamond in document.kdamonds)
    assert (fast[0].action, fast[0].target_nid) == (Action.MIGRATE_COLD, 1)
    assert (slow[0].action, slow[0].target_nid) == (Action.MIGRATE_HOT, 0)
    assert fast[0].access_pattern.nr_accesses.max == 0
    assert (slow[0].access_pattern.nr_accesses.min, slow[0].access_pattern.age.max) == (1, U32_MAX)
    goals = [scheme.quota.goals[0] for scheme in (*fast, *slow)]
    assert [(goal.metric, goal.target_value, goal.nid) for goal in goals] == [
        (GoalMetric.NODE_MEM_FREE_BP, 50, 0),
        (GoalMetric.NODE_MEM_USED_BP, 9970, 0),
    ]
    for scheme in (*fast, *slow):
        assert scheme.quota.sz_bytes == pytest.approx(200 * MIB, rel=1e-5)
        assert scheme.quota.goal_tuner is GoalTuner.CONSIST
        assert scheme.quota.reset_interval_ms == 1000


def test_loops_differ_in_goals_and_quotas() -> None:
    """Direct: promotion without goal; temporal on both; off: one byte and no goal."""
    task = _task()
    schemes = {}
    for loop in QuotaLoop:
        document = _document(task, loop, promotion_quota=64.0 * MIB)
        schemes[loop] = [kdamond.contexts[0].schemes[0] for kdamond in document.kdamonds]
    demotion, promotion = schemes[QuotaLoop.DIRECT]
    assert not promotion.quota.goals
    assert (len(demotion.quota.goals), demotion.quota.goal_tuner) == (1, GoalTuner.TEMPORAL)
    assert all(
        (len(scheme.quota.goals), scheme.quota.goal_tuner) == (1, GoalTuner.TEMPORAL)
        for scheme in schemes[QuotaLoop.TEMPORAL]
    )
    assert [scheme.quota.sz_bytes for scheme in schemes[QuotaLoop.OFF]] == [1, 1]
    assert not any(scheme.quota.goals for scheme in schemes[QuotaLoop.OFF])


def test_a_quota_switched_off_is_one_byte() -> None:
    """Zero would mean unlimited in DAMOS."""
    document = _document(_task(), QuotaLoop.DIRECT, promotion_quota=0.0, demotion_quota=0.0)
    quotas = [kdamond.contexts[0].schemes[0].quota.sz_bytes for kdamond in document.kdamonds]
    assert quotas == [1, 1]


def test_loops_may_differ_by_machine() -> None:
    """An array of loops gives every machine the numbers of its own."""
    task = TieringTask(2, 2, TieringConfig(), reward_config("psi"))
    knobs = np.tile(KNOBS.defaults(), (2, 1))
    loops = np.array([QuotaLoop.CONSIST, QuotaLoop.DIRECT], dtype=object)
    plan = task.plan(knobs, loops)
    for machine, loop in enumerate(loops):
        alone = TieringTask(1, 2, TieringConfig(), reward_config("psi")).plan(knobs[:1], loop)
        assert plan.document(machine) == alone.document(0)


def test_middle_nodes_move_both_ways() -> None:
    """With three nodes the middle one demotes down and promotes up."""
    kdamonds = _task(nodes=3).template.kdamonds
    targets = [
        [(str(scheme.action), scheme.target_nid) for scheme in kdamond.contexts[0].schemes]
        for kdamond in kdamonds
    ]
    assert targets == [
        [("migrate_cold", 1)],
        [("migrate_cold", 2), ("migrate_hot", 0)],
        [("migrate_hot", 1)],
    ]


@pytest.mark.parametrize(
    "name", ["tiering", "tiering_relative", "tiering_discrete", "tiering_slow"]
)
def test_shipped_tasks_compose(name: str) -> None:
    """Every choice of conf/task is readable and carries its name."""
    assert tiering_config(name).name == name


@pytest.mark.parametrize(
    "values",
    [
        {"action": "sideways"},
        {"decision_interval_s": 0.01},
        {"hysteresis_ratio": 1.5},
        {"sample_us": 200_000},
        {"decision_intervals_s": 1.0},
    ],
)
def test_wrong_task_values_are_refused(values: dict[str, object]) -> None:
    """Values outside their ranges and unknown keys end in one line."""
    with pytest.raises(ConfigError):
        tiering_config(values)


def test_unknown_task_names_the_nearest() -> None:
    """A misspelt choice is answered with the right one."""
    with pytest.raises(UnknownNameError, match="did you mean 'tiering'"):
        tiering_config("tierin")
