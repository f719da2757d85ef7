"""Draws what happens to a guest's blocks over time under several tuners of the ACMA task."""

import argparse
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

import damosrl_envs  # noqa: F401  registers the environment
from damosrl.acma.blockmap import block_map
from damosrl.experiment.report.figures.filmstrip import filmstrip
from damosrl.registry import make_tuner

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument(
    "--tuners", nargs="+", default=["acma_reporting", "acma_balloon", "acma_four_features",
                                    "acma_rfc_posted", "acma_rfc"]
)  # fmt: skip
parser.add_argument("--workload", default="acma_server")
parser.add_argument("--seconds", type=int, nargs="+", default=[0, 30, 60, 120, 180, 240, 299])
parser.add_argument("--guest", type=int, default=1)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", default="acma_filmstrip.png")
options = parser.parse_args()


def film(name: str) -> list[NDArray[np.int64]]:
    """Run one episode; return the guest's map at the moments asked for."""
    tuner = make_tuner(name)
    env: Any = gymnasium.make_vec(
        "damosrl/Acma-v0",
        num_envs=1,
        workload=options.workload,
        steps=max(options.seconds) + 1,
        quota_loop=str(tuner.quota_loop),
        autoreset="disabled",
    ).unwrapped
    observation, _ = env.reset(seed=options.seed)
    tuner.reset(env.task_spec, options.seed)
    maps = []
    for second in range(max(options.seconds) + 1):
        if second in options.seconds:
            state = env.machine.state
            maps.append(block_map(state.counts[0, options.guest], state.guests[0, options.guest]))
        observation, *_ = env.step(tuner.act(observation[0])[None])
    return maps


films = {name.removeprefix("acma_"): film(name) for name in options.tuners}
title = f"Blocks of guest {options.guest} on {options.workload}, lowest address at the bottom"
filmstrip(films, options.seconds, title).savefig(options.out, dpi=130)
print(options.out)
