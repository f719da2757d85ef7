"""The bench rows on hosts with guests: size independence, and training against an idle world."""

from functools import partial
from typing import Any

import gymnasium
import numpy as np

from damosrl.experiment.bench.measure import Row, Sample, in_turn
from damosrl.experiment.bench.training import default_ppo_ratio

ACMA = "damosrl/Acma-v0"
HOSTS, STEPS = 16, 200
LEARNERS = 512


def host_rows() -> list[Row]:
    """Return the rows on hosts with guests."""
    return [
        Row(
            "acma_step_cost_16TiB_over_1GiB",
            f"wall time of {STEPS} steps of {HOSTS} machines of Acma-v0, one guest of 16 TiB over "
            "one of 1 GiB; workload acma_server, the RFC's parameters, reporting, compaction",
            partial(size_ratio, 16.0 * 1024.0, 1.0),
            target=1.3,
            at_least=False,
        ),
        Row(
            "acma_ppo_throughput_over_idle_environment",
            f"timesteps per wall second of {LEARNERS} machines of default Acma-v0, threads=2, over "
            "an environment that does nothing; Stable-Baselines3's default PPO with n_steps=32, "
            "one torch thread; a rollout and its update, no episode ends",
            partial(default_ppo_ratio, LEARNERS, ACMA),
            target=0.6,
            repeats=3,
        ),
    ]


def size_ratio(large_gib: float, small_gib: float) -> Sample:
    """Prepare the cost of steps with large guests over that with small ones."""
    return in_turn(partial(_steps, _hosts(large_gib)), partial(_steps, _hosts(small_gib)))


def _hosts(memory_gib: float) -> Any:
    machine = {"name": "bench", "kind": "acma", "guests": [{"memory_gib": memory_gib}]}
    env = gymnasium.make_vec(
        ACMA, num_envs=HOSTS, machine=machine, workload="acma_server", steps=STEPS
    )
    env.reset(seed=1)
    return env


def _steps(env: Any) -> None:
    spec = env.unwrapped.task_spec
    action = spec.action(pressure_target=0.1, page_reporting=1.0, compaction=5.0)
    actions = np.tile(action, (HOSTS, 1))
    for _ in range(STEPS):
        env.step(actions)
