"""How much of PPO's throughput is left when the world is a task's instead of nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium

from damosrl.experiment.bench.measure import Sample, in_turn
from damosrl.experiment.idle_env import IdleVecEnv
from damosrl.learner import TrainingProgress, TrainingRequest
from damosrl.registry import make_learner

TIERING = "damosrl/Tiering-v0"
STEPS = 32
"""Decisions per rollout and machine."""


def environments(
    machines: int, environment: str = TIERING, workload: str | None = None
) -> tuple[Any, Any]:
    """Return an environment with two threads, and an idle one of its spaces, for SB3.

    Args:
        machines: Machines side by side.
        environment: Gymnasium's id.
        workload: What runs on the machines; None takes the environment's default.
    """
    settings: dict[str, Any] = {} if workload is None else {"workload": workload}
    made: Any = gymnasium.make_vec(environment, num_envs=machines, threads=2, **settings).unwrapped
    busy = made.sb3()
    return busy, IdleVecEnv(machines, busy.observation_space, busy.action_space)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch compute in one thread, as the shipped learner does; restore it afterwards.

    Several threads wait for each other by spinning: on cores that others use too, an update of a
    small network then takes many times as long, and the ratio says nothing.
    """
    import torch  # noqa: PLC0415  only where RL is trained

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def default_ppo_ratio(
    machines: int, environment: str = TIERING, workload: str | None = None
) -> Sample:
    """Prepare throughput over idle with Stable-Baselines3's own default PPO, rollouts of 32."""
    from stable_baselines3 import PPO  # noqa: PLC0415  torch only where RL is trained
    from stable_baselines3.common.logger import Logger  # noqa: PLC0415

    busy, idle = (
        PPO("MlpPolicy", env, n_steps=STEPS, seed=1, device="cpu")
        for env in environments(machines, environment, workload)
    )

    def learn(model: PPO) -> None:
        model.set_logger(Logger(folder=None, output_formats=[]))  # the library's makes a folder
        with one_torch_thread():
            model.learn(machines * STEPS, reset_num_timesteps=False)

    return in_turn(lambda: learn(idle), lambda: learn(busy))


def shipped_ppo_ratio(
    machines: int, environment: str = TIERING, workload: str | None = None, agent: str = "ppo"
) -> Sample:
    """Prepare throughput over idle with a choice of conf/agent, by the learner's own code."""
    busy, idle = environments(machines, environment, workload)
    spec = busy.envs.task_spec

    def rollout_s(env: Any) -> float:
        """Train two rollouts; time from the end of the first to that of the second.

        Between them lie one update and one rollout; making model and episodes is not counted.
        """
        ends: list[float] = []

        def note(progress: TrainingProgress) -> None:
            if progress.timesteps == (len(ends) + 1) * machines * STEPS:
                ends.append(time.perf_counter())

        learner = make_learner(agent, report_every_timesteps=machines * STEPS)
        learner.train(
            env, TrainingRequest(1, timesteps=2 * machines * STEPS, progress=note, spec=spec)
        )
        return ends[1] - ends[0]

    rollout_s(busy)
    return lambda: rollout_s(idle) / rollout_s(busy)
