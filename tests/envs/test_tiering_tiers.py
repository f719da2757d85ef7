"""The order of a machine's nodes, and the knobs and schemes at their borders."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.damon import Action, GoalMetric
from damosrl.emulator.presets import machine_config
from damosrl.errors import ConfigError, MachineError, UnknownNameError
from damosrl.machine import QuotaLoop, Setting
from damosrl.nodes import split_node
from damosrl_envs.tiering import ENVIRONMENT
from damosrl_envs.tiering.order import abstract_distance
from damosrl_tasks.tiering.config import tiering_config
from damosrl_tasks.tiering.knobs import KNOBS
from damosrl_tasks.tiering.reward import reward_config
from damosrl_tasks.tiering.task import TieringTask
from damosrl_tasks.tiering.tiers import tiers_of

GOLDEN = json.loads((Path(__file__).parent / "tiering_spec.json").read_text("utf-8"))
MIB = 2**20


def _task(nodes: int, **values: Any) -> TieringTask:
    config = tiering_config({"knobs": "per_tier", **values})
    return TieringTask(1, nodes, config, reward_config("psi"))


@pytest.mark.parametrize("knobs", ["shared", "per_tier"])
def test_two_nodes_are_what_they_were(knobs: str) -> None:
    """With two nodes names, units, ranges and meanings are those recorded, whatever the knobs."""
    spec = _task(2, knobs=knobs).spec
    found = {
        "knobs": [asdict(item) for item in spec.knobs.items],
        "observation": [asdict(item) for item in spec.observation.items],
    }
    assert found == GOLDEN


def test_two_nodes_step_the_same_with_knobs_of_their_own() -> None:
    """Per-tier knobs of two nodes give the observations and rewards of shared ones, bit for bit."""
    rows = []
    for task in ("tiering", "tiering_tiers"):
        envs = gymnasium.make_vec(ENVIRONMENT["id"], num_envs=2, task=task, workload="zipf")
        rng = np.random.default_rng(5)
        seen = [envs.reset(seed=5)[0]]
        for _ in range(8):
            observation, reward, *_ = envs.step(rng.uniform(-1.0, 1.0, (2, 5)))
            seen += [observation, reward[:, None]]
        rows.append(np.concatenate(seen, axis=1))
    assert np.array_equal(rows[0], rows[1])


def test_every_border_has_knobs_of_its_own() -> None:
    """Three nodes: promotion of nodes 1 and 2, demotion of 0 and 1, one cold age."""
    assert _task(3).spec.knobs.names == (
        "node1_promotion_quota",
        "node0_demotion_quota",
        "node1_hot_threshold",
        "node0_free_target",
        "node2_promotion_quota",
        "node1_demotion_quota",
        "node2_hot_threshold",
        "node1_free_target",
        "cold_age",
    )
    assert _task(3, knobs="shared").spec.knobs == KNOBS


@pytest.mark.parametrize("nodes", [3, 4, 8])
@pytest.mark.parametrize("pageout", [False, True])
def test_features_are_named_by_node(nodes: int, pageout: bool) -> None:
    """With more than two nodes no feature is called fast or slow, and no name comes twice."""
    names = _task(nodes, pageout=pageout).spec.observation.names
    assert len(set(names)) == len(names)
    assert not any("fast" in name or "slow" in name for name in names)
    assert {split_node(name)[0] for name in names} == {None, *range(nodes)}


@settings(deadline=None, max_examples=60)
@given(
    nodes=st.integers(3, 5),
    pageout=st.booleans(),
    loop=st.sampled_from(list(QuotaLoop)),
    knob=st.integers(0, 30),
    before=st.floats(-1.0, 1.0),
    after=st.floats(-1.0, 1.0),
)
def test_a_knob_turns_its_own_border_only(
    nodes: int, pageout: bool, loop: QuotaLoop, knob: int, before: float, after: float
) -> None:
    """No knob of a border changes a scheme of another border; the cold age changes demotions."""
    task = _task(nodes, pageout=pageout)
    names = task.spec.knobs.names
    place = knob % len(names)
    action = np.full((2, len(names)), before)
    action[1, place] = after
    plans = [task.plan(task.spec.knobs.to_physical(row[None]), loop).settings for row in action]
    movers = (*task._layout.promotions, *task._layout.demotions)
    border_of = {(mover.kdamond, mover.scheme): mover.border for mover in movers}
    changed = {
        border_of[key.kdamond, key.scheme]
        for key in plans[0]
        if int(plans[0][key][0]) != int(plans[1][key][0])
    }
    own = {border for border, row in enumerate(task._layout.tiers.places) if place in row.tolist()}
    assert changed <= own
    assert names[place] == "cold_age" or len(own) <= 2
    assert isinstance(next(iter(plans[0])), Setting)


def test_two_lower_neighbours_share_the_quota_by_weight() -> None:
    """Node 0 demotes 3 : 1 to nodes 1 and 2: one scheme each, since paddr ignores dests."""
    task = _task(3, demotes_to={"node0": {"node1": 3.0, "node2": 1.0}})
    knobs = task.spec.knobs.to_physical(
        task.spec.action(demotion_quota=64.0 * MIB).astype(np.float64)[None]
    )
    schemes = task.plan(knobs, QuotaLoop.DIRECT).document(0).kdamonds[0].contexts[0].schemes
    assert [(str(item.action), item.target_nid) for item in schemes] == [
        ("migrate_cold", 1),
        ("migrate_cold", 2),
    ]
    assert [item.quota.sz_bytes / MIB for item in schemes] == pytest.approx([48, 16], rel=1e-5)
    assert {item.quota.goals[0].nid for item in schemes} == {0}


def test_the_last_node_pages_out_when_asked() -> None:
    """With pageout the last node's cold memory goes to swap while it is short of free memory."""
    last = _task(3, pageout=True).template.kdamonds[-1].contexts[0].schemes
    assert [item.action for item in last] == [Action.PAGEOUT, Action.MIGRATE_HOT]
    goal = last[0].quota.goals[0]
    assert (goal.metric, goal.nid) == (GoalMetric.NODE_MEM_FREE_BP, 2)
    assert "node2_demotion_quota" in _task(3, pageout=True).spec.knobs.names


@pytest.mark.parametrize(
    ("demotes_to", "error", "hint"),
    [
        ({"node1": {"node0": 1.0}}, ConfigError, "node1 -> node0 -> node1"),
        ({"node2": {"node2": 1.0}}, ConfigError, "node2 -> node2"),
        ({"node2": {"node0": 1.0}}, ConfigError, "node2 -> node0 -> node1 -> node2"),
        ({"node0": {"node7": 1.0}}, UnknownNameError, "node7"),
        ({"nod1": {"node2": 1.0}}, UnknownNameError, "did you mean 'node1'"),
        ({"node0": {"node1": 0.0}}, ConfigError, "node1 in demotes_to of node0"),
    ],
)
def test_impossible_orders_are_refused_by_name(
    demotes_to: dict[str, dict[str, float]], error: type[ConfigError], hint: str
) -> None:
    """Cycles, unknown nodes and weights of nothing are refused, and the nodes are named."""
    with pytest.raises(error, match=hint):
        tiers_of(3, demotes_to=demotes_to)


@pytest.mark.parametrize(
    ("lower", "hint"),
    [
        ({"curve_gbps": [1, 10], "curve_ns": [100, 200]}, "one and two .* equally far"),
        ({"curve_gbps": [1, 20], "curve_ns": [100, 200]}, "one and two .* wrong order"),
    ],
)
def test_tiers_without_an_order_are_refused_by_name(lower: dict[str, Any], hint: str) -> None:
    """Two nodes that are equally far, or the nearer one below, make no tiers."""
    upper = {"name": "one", "curve_gbps": [1, 10], "curve_ns": [100, 200]}
    machine = {"name": "odd", "tiers": [upper, {"name": "two", **lower}]}
    with pytest.raises(MachineError, match=hint):
        gymnasium.make_vec(ENVIRONMENT["id"], num_envs=1, machine=machine)


def test_bandwidth_brings_hbm_above_dram() -> None:
    """HBM answers later than DRAM but carries more: 112 / 98 * 70.8 / 235 of DRAM's 576."""
    hbm, dram, *_ = machine_config("hbm_dram_cxl").tiers
    assert hbm.idle_latency_ns > dram.idle_latency_ns
    assert abstract_distance(dram, dram) == 576.0
    assert abstract_distance(hbm, dram) == pytest.approx(576.0 * 112 / 98 * 70.8 / 235)
