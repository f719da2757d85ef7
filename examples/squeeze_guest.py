"""Squeezes a real guest as hard as the knobs allow, under a load: what stops it are the limits.

    damosrl vm build
    python examples/squeeze_guest.py --hotplug blocks --out results/squeeze_guest

Every decision asks for the smallest size: the balloon for 80 % of memory and hotplug for all that
was plugged in, together more than there is. A line per decision says what the guest has. A program
that is killed for want of memory, or a guest that does not answer, ends the run with an error. The
breaker of the safety layer is off unless `--safety acma` is given: the limits of the machine stand
alone.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import gymnasium

import damosrl_envs  # noqa: F401  registers the environments
from damosrl.errors import DamosrlError
from damosrl.task import TaskSpec

MIB = 2**20
SMALLEST = {"min_memory": 5.0, "max_memory": 100.0, "balloon": 80.0, "unplug": 80.0}


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/squeeze_guest"))
    parser.add_argument("--name", default="squeeze", help="the guest; booted if it does not run")
    parser.add_argument("--hotplug", choices=["virtio_mem", "blocks"], default="virtio_mem")
    parser.add_argument("--workload", default="acma_burst")
    parser.add_argument("--reserve", type=int, default=192, help="MiB beside what is in use")
    parser.add_argument("--safety", default="off")
    parser.add_argument("--steps", type=int, default=20, help="decisions")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between decisions")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def environment(asked: argparse.Namespace) -> Any:
    """Make the environment of one real guest."""
    machine = {
        "name": "qemu_guest",
        "kind": "qemu_guest",
        "guest": asked.name,
        "hotplug": asked.hotplug,
        "reserve_mib": asked.reserve,
    }
    return gymnasium.make(
        "damosrl/Acma-v0",
        machine=machine,
        workload=asked.workload,
        task={"name": "acma", "decision_interval_s": asked.interval},
        safety=asked.safety,
        steps=asked.steps,
        disable_env_checker=True,
    ).unwrapped


def line(step: int, spec: TaskSpec, observation: Any, info: Any, memory_mib: int) -> str:
    """Say what a decision led to."""
    usable, ballooned = (spec.value(observation, name) for name in ("usable", "ballooned"))
    has_mib = memory_mib * (usable - ballooned)
    free_mib = memory_mib * spec.value(observation, "least_free")
    return (
        f"decision {step}: asked 0 MiB, has {has_mib:.0f} MiB, free of them {free_mib:.0f}, "
        f"given {info['given_bytes'] / MIB:.0f}, back {info['returned_bytes'] / MIB:.0f}, "
        f"refused {info['failed_bytes'] / MIB:.0f} MiB, "
        f"pressure some {100 * info['psi_some_ratio']:.2f} % full "
        f"{100 * info['psi_full_ratio']:.2f} %, failed unplugs {info['unplug_failures']:.0f}, "
        f"fall-back {int(info['fallback'])}"
    )


def squeeze(asked: argparse.Namespace, say: Any) -> None:
    """Ask for the smallest size in every decision."""
    env = environment(asked)
    try:
        _, info = env.reset(seed=asked.seed)
        memory_mib = int(info["footprint_bytes"]) // MIB
        say(
            f"{asked.hotplug}, reserve {asked.reserve} MiB, {asked.workload}, "
            f"safety {asked.safety}, {memory_mib} MiB in all"
        )
        action = env.task_spec.action(**SMALLEST)
        for step in range(asked.steps):
            observation, _, _, _, info = env.step(action)
            say(line(step, env.task_spec, observation, info, memory_mib))
        say("nothing was killed")
    finally:
        env.close()


def main() -> None:
    """Squeeze, and keep what is said."""
    asked = options()
    asked.out.mkdir(parents=True, exist_ok=True)
    name = f"{asked.hotplug}_{asked.reserve}_{asked.safety}.txt"
    with (asked.out / name).open("w", encoding="utf-8") as transcript:

        def say(text: str) -> None:
            print(text, flush=True)
            print(text, file=transcript, flush=True)

        try:
            squeeze(asked, say)
        except DamosrlError as error:
            say(f"ended: {error}")
            raise


try:
    main()
except DamosrlError as error:
    sys.exit(f"error: {error}")
