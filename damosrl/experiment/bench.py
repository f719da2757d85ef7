"""The speed targets, measured as ratios in one run: machines differ, ratios travel.

Every row runs its two sides in turn, several times, and reports the median of the pairwise
ratios with their spread. The targets are those of the design (section "speed and size").
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from damosrl.config import load_choice
from damosrl.experiment.idle_env import IdleVecEnv
from damosrl.experiment.plugins import load_environments

TIERING = "damosrl/Tiering-v0"
STATIC = "static_hot"


@dataclass(frozen=True, slots=True)
class Row:
    """One target.

    Args:
        name: Key of the row.
        target: Number to reach.
        at_least: Whether more is better.
        how: What was run against what.
        measure: Returns one sample of the ratio (or rate).
        repeats: Samples to take.
    """

    name: str
    target: float
    at_least: bool
    how: str
    measure: Callable[[], float]
    repeats: int = 5

    def result(self) -> dict[str, Any]:
        """Measure; the first sample warms up and is thrown away."""
        self.measure()
        samples = sorted(self.measure() for _ in range(self.repeats))
        value = statistics.median(samples)
        meets = value >= self.target if self.at_least else value <= self.target
        return {
            "value": round(value, 4),
            "target": self.target,
            "meets": meets,
            "spread": [round(samples[0], 4), round(samples[-1], 4)],
            "how": f"{self.how}; median of {self.repeats}",
        }


def run() -> dict[str, Any]:
    """Measure all rows; returns ``{"rows": {name: {...}}}`` ready for JSON.

    Example:
        >>> run()["rows"]["emulated_seconds_per_second"]["target"]  # doctest: +SKIP
        10000.0
    """
    load_environments()
    rows = {}
    for row in _rows():
        sys.stderr.write(f"measuring {row.name}\n")
        rows[row.name] = row.result()
    return {"rows": rows}


def _rows() -> list[Row]:
    return [
        Row(
            "emulated_seconds_per_second",
            10_000.0,
            at_least=True,
            how="two nodes, 100 regions in all, static hot set of 16 GiB, fast monitor, one core",
            measure=lambda: 600.0 / _stepping_time_s(_machine(50), 600),
        ),
        Row(
            "step_cost_16TiB_over_1GiB",
            1.2,
            at_least=False,
            how="the same regions and pieces, footprint 16 TiB against 1 GiB",
            measure=_size_ratio,
        ),
        Row(
            "step_cost_1000_over_100_regions_per_region",
            1.2,
            at_least=False,
            how="1,000 against 100 regions, cost per region; 1 is linear",
            measure=_regions_ratio,
        ),
        Row(
            "ppo_throughput_over_idle_environment",
            0.8,
            at_least=True,
            how="one PPO, on 512 machines of Tiering-v0 against an environment that does nothing",
            measure=_training_ratio,
            repeats=2,
        ),
        Row(
            "help_start_over_numpy_import",
            2.0,
            at_least=False,
            how="`damosrl --help` against `python -c 'import numpy'`, whole processes",
            measure=_cold_start_ratio,
        ),
    ]


def _machine(regions_per_node: int, footprint: str = "16 GiB") -> gymnasium.vector.VectorEnv:
    """Build one machine whose monitors keep a given number of regions."""
    task = {
        **load_choice("task", "tiering"),
        "min_nr_regions": regions_per_node,
        "max_nr_regions": regions_per_node + 2,
    }
    env = gymnasium.make_vec(
        TIERING,
        num_envs=1,
        workload={**load_choice("workload", STATIC), "footprint": footprint},
        task=task,
        steps=1_000_000,
    )
    env.reset(seed=0)
    for _ in range(60):
        env.step(np.zeros_like(env.action_space.sample()))
    return env


def _stepping_time_s(env: gymnasium.vector.VectorEnv, seconds: int) -> float:
    machine = env.unwrapped.machine  # type: ignore[attr-defined]
    start = time.perf_counter()
    for _ in range(seconds // 60):
        machine.run(60.0)
    return time.perf_counter() - start


def _size_ratio() -> float:
    large, small = _machine(50, "16 TiB"), _machine(50, "1 GiB")
    return _stepping_time_s(large, 300) / _stepping_time_s(small, 300)


def _regions_ratio() -> float:
    many, few = _machine(500), _machine(50)
    return _stepping_time_s(many, 120) / _stepping_time_s(few, 120) / 10.0


def _training_ratio() -> float:
    from stable_baselines3 import PPO  # noqa: PLC0415  torch only where RL is trained

    env = gymnasium.make_vec(TIERING, num_envs=512, workload=STATIC, threads=2)
    busy = env.unwrapped.sb3()  # type: ignore[attr-defined]
    idle = IdleVecEnv(512, busy.observation_space, busy.action_space)
    times = []
    for venv in (idle, busy):
        model = PPO("MlpPolicy", venv, n_steps=32, batch_size=2048, n_epochs=4, device="cpu")
        model.learn(512 * 32)
        start = time.perf_counter()
        model.learn(512 * 32, reset_num_timesteps=False)
        times.append(time.perf_counter() - start)
    return times[0] / times[1]


def _cold_start_ratio() -> float:
    help_s = _process_s([sys.executable, "-m", "damosrl.cli", "--help"])
    return help_s / _process_s([sys.executable, "-c", "import numpy"])


def _process_s(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  our own words
    return time.perf_counter() - start


def as_json(result: dict[str, Any]) -> str:
    """Format the result of `run` as one JSON object."""
    return json.dumps(result, indent=2)
