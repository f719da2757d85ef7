"""Lets a tuner drive DAMON of the running kernel, second by second; prints what comes of it.

As root, on a machine with two memory tiers and DAMON to itself (`damosrl doctor` tells):

    python examples/kernel_control_loop.py --tuner pi --steps 60

What was there before is restored at the end, also after Ctrl-C.
"""

import argparse
import sys
from typing import Any

import gymnasium
import numpy as np

import damosrl_envs  # noqa: F401  registers the environment
from damosrl.errors import DamosrlError
from damosrl.kernel.files import OsFiles
from damosrl.kernel.host.nodes import memory_nodes, node_counters
from damosrl.kernel.roots import Roots
from damosrl.registry import make_tuner

COUNTED = ("pgmigrate_success", "numa_hit", "numa_foreign")
MIB = 1 << 20

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--tuner", default="pi", help="a name of conf/agent, or an artifact's path")
parser.add_argument("--machine", default="kernel", help="a choice of conf/machine, or a YAML")
parser.add_argument("--steps", type=int, default=60)
parser.add_argument("--safety", default="default")


def counters() -> str:
    """Return what the kernel has counted on each node, in pages."""
    roots, files = Roots(), OsFiles()
    found = []
    for node in memory_nodes(files, roots):
        told = node_counters(files, roots, node.nid)
        numbers = " ".join(f"{name}={told[name]}" for name in COUNTED if name in told)
        found.append(f"node {node.nid}: {numbers}")
    return "; ".join(found)


def drive(options: argparse.Namespace) -> None:
    """Run one episode on the kernel."""
    tuner = make_tuner(options.tuner)
    env: Any = gymnasium.make(
        "damosrl/Tiering-v0",
        machine=options.machine,
        steps=options.steps,
        safety=options.safety,
        quota_loop=str(tuner.quota_loop),
    ).unwrapped
    try:
        observation, _ = env.reset(seed=0)
        tuner.reset(env.task_spec, seed=0)
        print(f"before: {counters()}")
        for step in range(options.steps):
            observation, reward, _, _, info = env.step(tuner.act(observation))
            told = env.kernel.telemetry().stats.effective_bytes[0]
            esz = " ".join(f"{bytes_ / MIB:8.2f}" for bytes_ in told.ravel())
            print(
                f"{step:3} free {100 * info['fast_free_ratio']:5.1f} % | quotas in force {esz} MiB"
                f" | up {info['promoted_bytes'] / MIB:7.1f} down {info['demoted_bytes'] / MIB:7.1f}"
                f" MiB | reward {reward:7.3f} | knobs {np.round(info['knobs'], 3).tolist()}"
                f"{' | refused' if info['refused'] else ''}"
            )
        print(f"after: {counters()}")
        known = dict(zip(env.task_spec.observation.names, info["mask"], strict=True))
        unknown = [name for name, is_known in known.items() if not is_known]
        print(f"late steps: {info['overruns_count']}; unknown features: {', '.join(unknown)}")
    finally:
        env.close()


try:
    drive(parser.parse_args())
except DamosrlError as error:
    sys.exit(f"error: {error}")
