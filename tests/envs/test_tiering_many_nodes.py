"""Tiering-v0 on machines of three and four tiers."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from damosrl.config import load_choice
from damosrl.experiment.rollout import Rollout, run_rollout
from damosrl.experiment.settings import World
from damosrl_envs.tiering import ENVIRONMENT

FAMILIES = (
    "static_hot",
    "zipf",
    "zipf_scattered",
    "shifting_hot",
    "cyclic_scan",
    "uniform",
    "phases_synthetic",
)

MACHINES = (
    "dram_cxl",
    "dram_cxl_slow",
    "dram_cxl_zram",
    "dram_pmem",
    "dram_remote",
    "hbm_dram_cxl",
    "hbm_dram_cxl_nvme",
)


def _envs(machine: str, **settings: Any) -> Any:
    settings = {"task": "tiering_tiers", "workload": "shifting_hot", "steps": 30, **settings}
    return gymnasium.make_vec(ENVIRONMENT["id"], num_envs=2, machine=machine, **settings)


@pytest.mark.parametrize("task", ["tiering", "tiering_tiers", "tiering_swap"])
@pytest.mark.parametrize("machine", ["hbm_dram_cxl", "hbm_dram_cxl_nvme", "dram_cxl_zram"])
def test_bytes_are_conserved_over_all_tiers(machine: str, task: str) -> None:
    """Whatever is turned, used memory of all nodes and the swap store stays the footprint."""
    envs = _envs(machine, task=task)
    rng = np.random.default_rng(3)
    envs.reset(seed=3)
    nodes = envs.unwrapped.machine.world.nodes
    used = (nodes["total"] - nodes["free"]).sum(axis=1)
    width = envs.single_action_space.shape[0]
    for _ in range(12):
        observation, reward, *_, info = envs.step(rng.uniform(-1.0, 1.0, (2, width)))
        nodes = envs.unwrapped.machine.world.nodes
        assert ((nodes["total"] - nodes["free"]).sum(axis=1) == used).all()
        assert (nodes["free"] >= 0).all()
        assert np.isfinite(reward).all()
        assert (np.abs(observation) <= 1.0).all()
        granule = envs.unwrapped.machine.world.machines["granule_bytes"]
        frames = (nodes["total"] - nodes["free"])[:, 1] * granule
        assert np.array_equal(info["node1_used_bytes"], frames.astype(np.float64))


def test_the_last_node_is_kept_free_by_paging_out() -> None:
    """With pageout idle memory of the last node goes to swap until its free target is met."""
    workload = load_choice("workload", "static_hot")
    workload = {**workload, "access": {**workload["access"], "idle_share": 0.4}}
    free_percent, swapped = {}, {}
    for task in ("tiering_tiers", "tiering_swap"):
        envs = _envs("hbm_dram_cxl_nvme", task=task, workload=workload)
        envs.reset(seed=1)
        action = envs.unwrapped.task_spec.action(
            promotion_quota=0.0, demotion_quota=2.0**28, free_target=5.0, hot_threshold=60.0
        )
        for _ in range(5):
            envs.step(np.tile(action, (2, 1)))
        nodes = envs.unwrapped.machine.world.nodes[0]
        free_percent[task] = 100.0 * nodes["free"][2] / nodes["total"][2]
        swapped[task] = int(nodes["total"][3] - nodes["free"][3])
    assert swapped["tiering_tiers"] == 0 < swapped["tiering_swap"]
    assert free_percent["tiering_tiers"] < 5.0 <= free_percent["tiering_swap"] < 8.0


@pytest.mark.parametrize("workload", FAMILIES)
def test_the_oracle_is_no_worse_than_doing_nothing(workload: str) -> None:
    """On three nodes and swap the oracle's mean slowdown is at most that of no-op."""
    choice = {"machine": "hbm_dram_cxl_nvme", "task": "tiering_tiers", "reward": "latency"}
    parts: dict[str, Any] = {group: load_choice(group, name) for group, name in choice.items()}
    world = World(**parts)
    means = {}
    for name in ("noop", "oracle"):
        job = Rollout(name, name, workload, workload, (1, 2), 40, world, recorded=False)
        rows = run_rollout(job).rows
        means[name] = np.mean([float(row["slowdown_mean_ratio"]) for row in rows])
    assert means["oracle"] <= means["noop"] * (1.0 + 1e-3)


@pytest.mark.parametrize("machine", MACHINES)
def test_shipped_machines_have_an_order(machine: str) -> None:
    """Every machine of conf/machine with two memory nodes or more makes an environment."""
    knobs = 9 if machine.startswith("hbm") else 5
    assert _envs(machine).single_action_space.shape == (knobs,)
