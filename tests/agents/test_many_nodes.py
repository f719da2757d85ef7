"""Tuners on machines of more than two memory nodes."""

from collections.abc import Iterator

import numpy as np
import pytest

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.registry import make_tuner
from damosrl.task import TaskSpec
from damosrl.testing import check_tuner
from damosrl_agents.assignment_oracle import AssignmentOracle
from damosrl_agents.borders import borders_of, tier_names
from damosrl_agents.controllers.hysteresis import Hysteresis
from damosrl_agents.controllers.pi import PI
from damosrl_agents.heuristics.hmsdk import HMSDK
from damosrl_agents.heuristics.quantile import Quantile
from damosrl_agents.heuristics.waterfall import Waterfall
from damosrl_agents.rl.border_q import MOVES, discretise
from damosrl_agents.rl.tabular_q import TabularQ
from damosrl_tasks.tiering.config import tiering_config
from damosrl_tasks.tiering.task import TieringTask

MIB = float(2**20)
TIERING_TUNERS = (
    "aimd",
    "assignment",
    "best_static",
    "consist",
    "consist_warm",
    "hmsdk",
    "hysteresis",
    "noop",
    "oracle",
    "pi",
    "quantile",
    "random",
    "static",
    "tabular_q",
    "temporal",
    "waterfall",
)
KNOBS = ("shared", "per_tier")


def _spec(nodes: int = 3, knobs: str = "per_tier") -> TaskSpec:
    return TieringTask(1, nodes, tiering_config({"knobs": knobs})).spec


def _observe(spec: TaskSpec, **features: float) -> Float32Array:
    physical = np.zeros(len(spec.observation))
    for name, value in features.items():
        physical[spec.observation.index(name)] = value
    return spec.observation.to_normal(physical).astype(np.float32)


def _knobs(spec: TaskSpec, action: Float32Array) -> dict[str, float]:
    physical = spec.knobs.to_physical(action.astype(np.float64))
    return dict(zip(spec.knobs.names, physical.tolist(), strict=True))


def _of(knobs: dict[str, float], stem: str) -> Iterator[float]:
    return (value for name, value in knobs.items() if name.endswith(stem))


@pytest.mark.parametrize("knobs", KNOBS)
@pytest.mark.parametrize("name", TIERING_TUNERS)
def test_every_tuner_keeps_the_contract_on_three_nodes(name: str, knobs: str) -> None:
    """Tuners of tiered memory hold the contract on three nodes, whichever knobs there are."""
    check_tuner(lambda: make_tuner(name), _spec(3, knobs))


def test_borders_carry_the_knobs_of_their_nodes() -> None:
    """Promotion and threshold belong to the lower node, demotion and target to the upper."""
    first, second = borders_of(_spec())
    assert (first.promotion_quota, first.hot_threshold) == (
        "node1_promotion_quota",
        "node1_hot_threshold",
    )
    assert (second.upper, second.demotion_quota, second.free_target) == (
        "node1",
        "node1_demotion_quota",
        "node1_free_target",
    )
    assert [border.promotion_quota for border in borders_of(_spec(3, "shared"))] == [
        "promotion_quota"
    ]
    assert tier_names(_spec(4)) == ("node0", "node1", "node2", "node3")


def test_pi_has_a_loop_for_every_border() -> None:
    """A node that is short of free memory gets more demotion; the other node's is not changed."""
    spec, tuner = _spec(), PI(free_target_percent=2.0)
    tuner.reset(spec, seed=0)
    knobs = _knobs(spec, tuner.act(_observe(spec, node0_free=1.0, node1_free=2.0)))
    # e = (2 - 1) / 2: du = 0.25 * 1 s * 0.5; the other error is 0
    assert knobs["node0_demotion_quota"] == pytest.approx(32 * MIB * np.exp(0.125), rel=1e-4)
    assert knobs["node1_demotion_quota"] == pytest.approx(32 * MIB, rel=1e-4)


def test_hysteresis_chooses_each_border_by_itself() -> None:
    """Only the node below its lower mark makes room."""
    spec, tuner = _spec(), Hysteresis()
    tuner.reset(spec, seed=0)
    knobs = _knobs(spec, tuner.act(_observe(spec, node0_free=0.1, node1_free=3.0)))
    assert knobs["node1_promotion_quota"] == knobs["node1_demotion_quota"] == 0.0
    assert min(knobs["node0_demotion_quota"], knobs["node2_promotion_quota"]) > 0.0


def test_quantile_fills_every_tier_from_the_hottest_down() -> None:
    """0.1 of all memory at 70 %, 0.2 at 20 %: they are the thresholds of two filled tiers."""
    spec, tuner = _spec(), Quantile(free_target_percent=0.5, smoothing=1.0)
    tuner.reset(spec, seed=0)
    heat = _observe(
        spec,
        node0_capacity=0.1,
        node1_capacity=0.2,
        node0_heat_0=1.0,
        node1_heat_0=1.0,
        node2_heat_70=1.0 / 7.0,
        node2_heat_20=2.0 / 7.0,
        node2_heat_0=4.0 / 7.0,
    )
    for _ in range(8):
        knobs = _knobs(spec, tuner.act(heat))
    assert knobs["node1_hot_threshold"] == pytest.approx(70.0, rel=1e-4)
    assert knobs["node2_hot_threshold"] == pytest.approx(20.0, rel=1e-4)
    assert min(_of(knobs, "promotion_quota")) > 0.0


def test_quantile_with_shared_knobs_turns_the_upper_border() -> None:
    """With one set of knobs for all nodes the threshold is the fastest node's."""
    spec, tuner = _spec(3, "shared"), Quantile(free_target_percent=0.5, smoothing=1.0)
    tuner.reset(spec, seed=0)
    heat = _observe(spec, node0_capacity=0.1, node1_capacity=0.2, node2_heat_70=0.3)
    assert _knobs(spec, tuner.act(heat))["hot_threshold"] == pytest.approx(70.0, rel=1e-4)


def test_tabular_q_learns_every_border_by_itself() -> None:
    """What lies above a border is its fast memory: 0.3, then 0.3 + 0.4 of the accesses."""
    spec, tuner = _spec(), TabularQ(learning_rate=0.2, exploration=0.0, migration_cost=0.5)
    tuner.reset(spec, seed=0)
    seen = _observe(
        spec,
        node0_free=0.1,
        node1_free=1.0,
        node0_access_share=0.3,
        node1_access_share=0.4,
        node2_promotion_use=0.5,
        node2_promotion_success=0.4,
    )
    tuner.act(seen)
    tuner.act(seen)
    first, second = (learner.table.values for learner in tuner.learners)
    assert first[discretise(0.3, 0.1, 0.0), 0] == pytest.approx(0.2 * 0.3, abs=1e-4)
    # half of the quota was tried and 0.4 of that moved: 0.2 of one quota, 0.1 of both
    learnt = 0.2 * (0.7 - 0.5 * 0.1)
    assert second[discretise(0.7, 1.0, 0.0), 0] == pytest.approx(learnt, abs=1e-4)


@pytest.mark.parametrize("border", [0, 1])
def test_tabular_q_turns_the_knobs_of_one_border_only(border: int) -> None:
    """A move that one table prefers doubles the quotas of its border; the others stay."""
    spec, tuner = _spec(), TabularQ(exploration=0.0)
    tuner.reset(spec, seed=0)
    tuner.learners[border].table.values[:, MOVES.index((2.0, 1.0))] = 1.0
    knobs = _knobs(spec, tuner.act(_observe(spec, node0_free=1.0, node1_free=1.0)))
    promotion = [knobs["node1_promotion_quota"], knobs["node2_promotion_quota"]]
    demotion = [knobs["node0_demotion_quota"], knobs["node1_demotion_quota"]]
    wanted = [100 * MIB, 100 * MIB]
    wanted[border] *= 2
    assert promotion == pytest.approx(wanted, rel=1e-4)
    assert demotion == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("nodes", [2, 3, 5])
def test_fixed_policies_set_every_border_alike(nodes: int) -> None:
    """Waterfall: 2 % free, the second hit of twenty; HMSDK: 30 s idle, 5 %; at every border."""
    spec = _spec(nodes)
    waterfall, hmsdk = Waterfall(), HMSDK()
    for tuner in (waterfall, hmsdk):
        tuner.reset(spec, seed=0)
    observation = _observe(spec)
    knobs = _knobs(spec, waterfall.act(observation))
    assert list(_of(knobs, "free_target")) == pytest.approx([2.0] * (nodes - 1), rel=1e-4)
    assert list(_of(knobs, "hot_threshold")) == pytest.approx([10.0] * (nodes - 1), rel=1e-4)
    assert list(_of(knobs, "quota")) == pytest.approx([1024 * MIB] * 2 * (nodes - 1), rel=1e-4)
    knobs = _knobs(spec, hmsdk.act(observation))
    assert knobs["cold_age"] == pytest.approx(30.0, rel=1e-4)
    assert list(_of(knobs, "hot_threshold")) == pytest.approx([5.0] * (nodes - 1), rel=1e-4)


class _Memory:
    """Records what an oracle asks for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float, float]] = []

    def assign(self, index: int, budget_bytes: float, horizon_s: float) -> float:
        self.asked.append((index, budget_bytes, horizon_s))
        return 0.0


def test_the_assignment_oracle_guides_the_machine_it_is_shown() -> None:
    """Memory is placed within the budget and the horizon, on the machine named."""
    memory = _Memory()
    AssignmentOracle(budget_mib=256.0, horizon_s=5.0).guide(memory, index=2)
    assert memory.asked == [(2, 256 * MIB, 5.0)]


@pytest.mark.parametrize(
    ("build", "what"),
    [
        (lambda: Waterfall(watermark_percent=-1.0), "watermark_percent"),
        (lambda: HMSDK(cold_age_s=float("nan")), "cold_age_s"),
        (lambda: AssignmentOracle(horizon_s=0.0), "horizon_s"),
    ],
)
def test_parameters_out_of_range_are_refused(build: object, what: str) -> None:
    """A parameter that makes no sense is refused by name when the tuner is built."""
    assert callable(build)
    with pytest.raises(ConfigError, match=what):
        build()
