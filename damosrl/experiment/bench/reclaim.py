"""The bench rows on proactive reclaim: size independence, and training against an idle world."""

from functools import partial
from typing import Any

import gymnasium
import numpy as np

from damosrl.experiment.bench.measure import Row, Sample, in_turn
from damosrl.experiment.bench.training import default_ppo_ratio, shipped_ppo_ratio

RECLAIM = "damosrl/Reclaim-v0"
MACHINES, STEPS = 8, 40
LEARNERS, SHIPPED = 512, 64
MIX = "reclaim_mix"
MIB = 2**20


def reclaim_rows() -> list[Row]:
    """Return the rows on reclaim."""
    what = (
        f"timesteps per wall second of Reclaim-v0 on {MIX}, as it is trained, threads=2, over an "
        "environment that does nothing"
    )
    span = "one torch thread; a rollout and its update, no episode ends"
    return [
        Row(
            "reclaim_step_cost_16TiB_over_1GiB",
            f"wall time of {STEPS} steps of {MACHINES} machines of Reclaim-v0, footprint 16 TiB "
            "over 1 GiB, the same pieces, a third idle; 64 MiB/s of what was idle for 5 s",
            partial(footprint_ratio, "16 TiB", "1 GiB"),
            target=1.3,
            at_least=False,
        ),
        Row(
            "reclaim_ppo_throughput_over_idle_environment",
            f"{what}; {LEARNERS} machines, Stable-Baselines3's default PPO with n_steps=32, {span}",
            partial(default_ppo_ratio, LEARNERS, RECLAIM, MIX),
            target=0.6,
            repeats=3,
        ),
        Row(
            "reclaim_shipped_ppo_throughput_over_idle_environment",
            f"{what}; {SHIPPED} machines, conf/agent/reclaim_ppo.yaml by its learner, {span}",
            partial(shipped_ppo_ratio, SHIPPED, RECLAIM, MIX, "reclaim_ppo"),
            target=0.6,
            repeats=3,
        ),
    ]


def footprint_ratio(large: str, small: str) -> Sample:
    """Prepare the cost of steps with a large footprint over that with a small one."""
    return in_turn(partial(_steps, _machines(large)), partial(_steps, _machines(small)))


def _machines(footprint: str) -> Any:
    workload = {
        "footprint": footprint,
        "randomize": False,
        "access": {"kind": "static_hot", "idle_share": 0.33, "mean_rate_hz": 5.0},
    }
    env = gymnasium.make_vec(RECLAIM, num_envs=MACHINES, workload=workload, steps=10_000)
    env.reset(seed=1)
    return env


def _steps(env: Any) -> None:
    spec = env.unwrapped.task_spec
    action = spec.action(reclaim_quota=64 * MIB, cold_age=5.0, psi_target=10.0)
    actions = np.tile(action, (MACHINES, 1))
    for _ in range(STEPS):
        env.step(actions)
