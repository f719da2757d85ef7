"""The task of several tenants by hand: its document, numbers, features, reward; what it refuses."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from damosrl.damon import U32_MAX, Action, GoalMetric
from damosrl.damon.scheme import Scheme
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.machine import GroundTruth, MemcgTruth, MemcgUse, QuotaLoop, SchemeStats, Source
from damosrl_tasks.tenants.config import TenantsConfig, TenantTarget, tenants_config
from damosrl_tasks.tenants.measured import tenant_measures
from damosrl_tasks.tenants.reward import reward_config
from damosrl_tasks.tenants.task import TenantsTask, kernel_task
from damosrl_tasks.tiering.reward import reward_config as tiering_reward

MIB = 2**20
WEB = TenantTarget("/web", slowdown=1.2, share=0.5)
BATCH = TenantTarget("/batch", slowdown=1.6, share=0.3)
CONFIG = TenantsConfig(tenants={"web": WEB, "batch": BATCH})


def _task(config: TenantsConfig = CONFIG, nodes: int = 2, reward: Any = "psi") -> TenantsTask:
    return TenantsTask(1, nodes, config, reward_config(reward))


def _schemes(task: TenantsTask, loop: QuotaLoop = QuotaLoop.DIRECT, **knobs: float) -> list[Scheme]:
    physical = task.spec.knobs.to_physical(task.spec.action(**knobs)[None].astype(np.float64))
    document = task.plan(physical, loop).document(0)
    return [scheme for kdamond in document.kdamonds for scheme in kdamond.contexts[0].schemes]


def _of(schemes: list[Scheme], metric: GoalMetric, path: str) -> Scheme:
    found = [
        scheme
        for scheme in schemes
        if any(g.metric is metric and g.memcg_path == path for g in scheme.quota.goals)
    ]
    assert len(found) == 1
    return found[0]


def test_each_tenant_has_a_pair_of_schemes_of_its_own() -> None:
    """Promotion and demotion carry the group in goal and filter, and stat schemes the filter."""
    schemes = _schemes(_task(), web_share=40.0)
    for path in ("/web", "/batch"):
        up = _of(schemes, GoalMetric.NODE_MEMCG_USED_BP, path)
        down = _of(schemes, GoalMetric.NODE_MEMCG_FREE_BP, path)
        assert (up.action, up.target_nid) == (Action.MIGRATE_HOT, 0)
        assert (down.action, down.target_nid) == (Action.MIGRATE_COLD, 1)
        mine = [s for s in schemes if s.filters and s.filters[0].memcg_path == path]
        assert [s.action for s in mine].count(Action.STAT) == 3
        assert len(mine) == 5
        assert all(s.filters[0].allow and s.filters[0].matching for s in mine)


def test_shares_become_goals_of_node_0() -> None:
    """Promotion stops a little above the share, demotion below it takes even what is hot."""
    schemes = _schemes(_task(), web_share=40.0, hot_threshold=30.0)
    up = _of(schemes, GoalMetric.NODE_MEMCG_USED_BP, "/web")
    down = _of(schemes, GoalMetric.NODE_MEMCG_FREE_BP, "/web")
    assert (up.quota.goals[0].target_value, up.quota.goals[0].nid) == (4020, 0)
    assert (down.quota.goals[0].target_value, down.quota.goals[0].nid) == (6000, 0)
    assert up.access_pattern.nr_accesses.min == 6
    assert (down.access_pattern.nr_accesses.min, down.access_pattern.nr_accesses.max) == (
        0,
        U32_MAX,
    )


def test_a_share_of_all_of_node_0_is_no_limit() -> None:
    """At 100 % a tenant's promotion never reaches its goal, and its demotion always has."""
    schemes = _schemes(_task(), web_share=100.0)
    up = _of(schemes, GoalMetric.NODE_MEMCG_USED_BP, "/web")
    down = _of(schemes, GoalMetric.NODE_MEMCG_FREE_BP, "/web")
    assert up.quota.goals[0].target_value == 10_000
    assert down.quota.goals[0].target_value == 1


def test_quotas_are_shared_out_evenly() -> None:
    """Two tenants have half of the quota each; the scheme for all keeps all of it."""
    schemes = _schemes(_task(), promotion_quota=100.0 * MIB, demotion_quota=60.0 * MIB)
    up = [_of(schemes, GoalMetric.NODE_MEMCG_USED_BP, path) for path in CONFIG.paths]
    down = [_of(schemes, GoalMetric.NODE_MEMCG_FREE_BP, path) for path in CONFIG.paths]
    assert [s.quota.sz_bytes for s in up] == [pytest.approx(50 * MIB, rel=1e-6)] * 2
    assert [s.quota.sz_bytes for s in down] == [pytest.approx(30 * MIB, rel=1e-6)] * 2
    assert schemes[0].quota.sz_bytes == pytest.approx(60 * MIB, rel=1e-6)


def test_without_a_loop_nothing_is_moved() -> None:
    """Under ``off`` every scheme that moves memory has one byte and no goal."""
    for scheme in _schemes(_task(), QuotaLoop.OFF):
        if scheme.action is not Action.STAT:
            assert (scheme.quota.sz_bytes, scheme.quota.goals) == (1, ())


def test_features_tell_each_tenants_memory(build: Any) -> None:
    """Bytes by node and what passed the filters become shares of the tenant's memory."""
    task = _task()
    told = build(free_mib=0.0)
    used = np.array([[[60.0, 40.0], [30.0, 70.0]]]) * MIB
    zero = np.zeros((1, 2, 7), np.int64)
    told = replace(told, memcgs=MemcgUse(CONFIG.paths, used), stats=SchemeStats(*([zero] * 7)))
    task.reset(np.ones(1, np.bool_), told)
    passed = zero.copy()
    passed[0, 0, 3], passed[0, 1, 2], passed[0, 0, 4] = 30 * MIB, 10 * MIB, 20 * MIB
    stats = told.stats
    observation = None
    for second in range(1, 40):
        counted = stats._replace(sz_ops_filter_passed=passed * second)
        told = replace(told, time_s=np.array([float(second)]), stats=counted)
        observation = task.outcome(told, np.zeros((1, 7)), None).observation[0]
    assert observation is not None
    value = task.spec.value
    assert value(observation, "web_fast") == pytest.approx(0.6, abs=1e-6)
    assert value(observation, "web_size") == pytest.approx(0.5, abs=1e-6)
    assert value(observation, "web_in_fast") == pytest.approx(0.6, abs=1e-6)
    assert value(observation, "web_hot_fast") == pytest.approx(0.3, rel=1e-3)
    assert value(observation, "web_hot_slow") == pytest.approx(0.1, rel=1e-3)
    assert value(observation, "web_idle_fast") == pytest.approx(0.2, rel=1e-3)
    assert value(observation, "web_slow_hot") == pytest.approx(0.25, rel=1e-3)
    assert value(observation, "batch_fast") == pytest.approx(0.3, abs=1e-6)
    assert value(observation, "batch_hot_fast") == 0.0


def test_what_nobody_tells_is_masked(build: Any) -> None:
    """Without the groups' memory only the shares in force are known of the tenants."""
    task = _task()
    told = replace(build(), stats=SchemeStats(*([np.zeros((1, 2, 7), np.int64)] * 7)))
    for reading in (told, replace(told, missing=(Source.MEMCGS,))):
        observation = task.reset(np.ones(1, np.bool_), reading)[0]
        known = dict(zip(task.spec.observation.names, task.mask(reading)[0], strict=True))
        assert not known["web_fast"]
        assert not known["batch_slow_hot"]
        assert known["last_web_share"]
        assert task.spec.value(observation, "web_fast") == 0.0
    assert task.sources(("web_fast",)) == {Source.MEMCGS}
    assert task.sources(("last_web_share",)) == frozenset()


def _truth(web: float, batch: float) -> GroundTruth:
    one = np.ones(1)
    groups = MemcgTruth(CONFIG.paths, np.array([[web, batch]]), one[None], one[None])
    return GroundTruth(1.3 * one, one, one, one, one, groups)


def test_each_tenant_is_charged_for_its_own_excess(build: Any) -> None:
    """Within its target a tenant costs nothing; beyond it the multiplier times ln(excess)."""
    task = _task(reward="tenants")
    told = replace(build(), stats=SchemeStats(*([np.zeros((1, 2, 7), np.int64)] * 7)))
    told = replace(told, memcgs=MemcgUse(CONFIG.paths, np.zeros((1, 2, 2))))
    task.reset(np.ones(1, np.bool_), told)
    terms = task.outcome(told, np.zeros((1, 7)), _truth(1.32, 1.5)).terms
    assert terms["web_bound"][0] == pytest.approx(-2.0 * math.log(1.1))
    assert terms["batch_bound"][0] == 0.0
    assert terms["slowdown"][0] == pytest.approx(-2.0 * math.log(1.3))


def test_the_cost_adds_what_is_beyond_the_targets(build: Any) -> None:
    """The cost is the machine's slowdown and each tenant's excess; a met target tells so."""
    told = replace(build(), memcgs=MemcgUse(CONFIG.paths, np.full((1, 2, 2), 25.0 * MIB)))
    found = tenant_measures(CONFIG, told, np.array([1.3]), _truth(1.3, 1.7))
    assert found["tenants_cost"][0] == pytest.approx(1.3 + 0.1 + 0.1)
    assert (found["web_met_ratio"][0], found["web_fast_ratio"][0]) == (0.0, 0.25)
    assert tenant_measures(CONFIG, told, np.ones(1), _truth(1.2, 1.0))["web_met_ratio"][0] == 1.0
    unknown = tenant_measures(CONFIG, told, np.array([math.nan]), None)
    assert math.isnan(unknown["web_met_ratio"][0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tenants": {}}, "no tenants"),
        ({"tenants": {"a": TenantTarget("/a", 1.1, 0.0)}}, "a sum of 0"),
        (
            {"tenants": {"a": TenantTarget("/a", 1.1, 0.7), "b": TenantTarget("/b", 1.1, 0.6)}},
            "1.3",
        ),
        ({"tenants": {"a": WEB, "b": replace(WEB, memcg="/web/")}}, "one control group"),
        ({"tenants": {"node0": WEB}}, "name is wrong"),
        ({"tenants": {"Web": WEB}}, "name is wrong"),
        ({"pageout": True}, "two memory nodes"),
        ({"knobs": "per_tier"}, "two memory nodes"),
    ],
)
def test_wrong_settings_are_refused(change: dict[str, Any], words: str) -> None:
    """Shares beyond the whole, two tenants of one name, and settings of many nodes are errors."""
    with pytest.raises(ConfigError, match=words):
        TenantsConfig(**{"tenants": CONFIG.tenants, **change})


@pytest.mark.parametrize(
    ("memcg", "slowdown", "share"),
    [("/", 1.1, 0.5), ("web", 1.1, 0.5), ("/a", 0.9, 0.5), ("/a", 1.1, 1.5)],
)
def test_wrong_tenants_are_refused(memcg: str, slowdown: float, share: float) -> None:
    """A tenant needs a group of its own, a target of at least 1 and a share of at most 1."""
    with pytest.raises(ConfigError):
        TenantTarget(memcg, slowdown, share)


def test_misspelt_keys_get_the_nearest_name() -> None:
    """A key that does not exist is named with the one that was meant."""
    with pytest.raises(UnknownNameError, match="slowdown"):
        tenants_config({"tenants": {"web": {"memcg": "/web", "slowdwn": 1.1, "share": 0.5}}})


@pytest.mark.parametrize("nodes", [1, 3])
def test_tenants_share_two_nodes(nodes: int) -> None:
    """One node has nothing to share, and three are refused rather than guessed at."""
    with pytest.raises(ConfigError, match="two memory nodes"):
        _task(nodes=nodes)


def test_a_reward_bounds_tenants_or_nothing() -> None:
    """A bound on the machine's slowdown would hold no tenant's target."""
    values = {"name": "mine", "meaning": "Wrong.", "ground_truth": True,
              "terms": {"slowdown": {"weight": 1.0, "scale": 1.0}},
              "bound": {"measure": "slowdown", "limit": 0.1, "scale": 0.1}}  # fmt: skip
    with pytest.raises(ConfigError, match="bounds each tenant"):
        _task(reward=values)


def test_a_kernels_task_needs_no_truth() -> None:
    """What drives a kernel weighs what a kernel tells, and asks for the groups' memory."""
    settings = {"tenants": {"web": {"memcg": "/web", "slowdown": 1.2, "share": 0.5}}}
    task = kernel_task(settings, 2)
    assert task.memcgs == ("/web",)
    assert not tiering_reward("psi").ground_truth
