"""Tiering-v0 stays what it was: steps recorded before its loop was shared with other tasks.

Those of ``zram`` were recorded anew when faults began to be drawn piece by piece.
"""

import json
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from damosrl_envs.tiering import ENVIRONMENT

GOLDEN = json.loads((Path(__file__).parent / "tiering_steps.json").read_text("utf-8"))
CASES: dict[str, dict[str, Any]] = {
    "cxl": {"workload": "shifting_hot"},
    "zram": {"machine": "dram_cxl_zram", "workload": "zipf", "reward": "tco"},
    "psi": {"workload": "rec_kvzipf", "reward": "psi", "quota_loop": "consist"},
}


def _steps(seed: int, settings: dict[str, Any]) -> dict[str, list[Any]]:
    envs = gymnasium.make_vec(ENVIRONMENT["id"], num_envs=2, steps=50, **settings)
    rng = np.random.default_rng(seed)
    observation, _ = envs.reset(seed=seed)
    sums, rewards = [float(observation.sum(dtype=np.float64))], []
    for _ in range(20):
        observation, reward, *_ = envs.step(rng.uniform(-1.0, 1.0, (2, 5)))
        sums.append(float(observation.sum(dtype=np.float64)))
        rewards.append(reward.tolist())
    return {"observation_sums": sums, "rewards": rewards}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("case", CASES)
def test_steps_are_those_recorded(case: str, seed: int) -> None:
    """Twenty steps of two machines give the recorded rewards and observations."""
    found, golden = _steps(seed, CASES[case]), GOLDEN[f"{case}-{seed}"]
    assert np.array(found["rewards"]) == pytest.approx(np.array(golden["rewards"]), rel=1e-9)
    assert found["observation_sums"] == pytest.approx(golden["observation_sums"], rel=1e-9)
