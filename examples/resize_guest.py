"""Resizes a real guest by balloon and by hotplug, idle and under load, and lets a tuner do it.

    damosrl vm build
    python examples/resize_guest.py --out results/resize_guest

Every change is 256 MiB, down and up. The load allocates and frees memory all the time. The same
changes are made in the emulated room of the ACMA task. Then tuners of that task scale the guest, a
decision every few seconds. Writes guest.csv, emulated.csv and transcript.txt. Ten minutes on two
idle cores; the processor is emulated, so compare times with one another.
"""

import argparse
import csv
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

import damosrl_envs  # noqa: F401  registers the environments
from damosrl.acma.blocks import BLOCK_BYTES
from damosrl.acma.config import host_config
from damosrl.acma.machine import AcmaHosts, new_knobs
from damosrl.acma.workload import host_workload
from damosrl.errors import DamosrlError
from damosrl.registry import make_tuner
from damosrl.vm.balloon import Balloon
from damosrl.vm.breathing import Breathing
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.listener import MemoryListener
from damosrl.vm.machine import GuestMachine
from damosrl.vm.memory_blocks import ONLINE_ANY, ONLINE_MOVABLE, MemoryBlocks
from damosrl.vm.resize_trial import Resizable, measure
from damosrl.vm.virtio_mem import VirtioMem

MIB = 2**20
CHANGE_MIB = 256
LOAD_MIB = (300, 360, 420, 360)
TIMEOUT_S = 40.0
TUNERS = {name: {"step_percent": 5.0} for name in ("acma_balloon", "acma_four_features")}
"""Tuners, with larger steps than usual: they decide every few seconds here."""
POLICIES = {"movable": ONLINE_MOVABLE, "any": ONLINE_ANY}
"""Which pages plugged memory takes, and the word for the guest's kernel."""
Row = dict[str, Any]


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/resize_guest"))
    parser.add_argument("--name", default="resize", help="the guest; booted if it does not run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tuners", nargs="*", choices=list(TUNERS), default=list(TUNERS))
    parser.add_argument("--steps", type=int, default=10, help="decisions of each tuner")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between decisions")
    return parser.parse_args()


def changes(guest: Guest, repeats: int, hotplug_only: bool, listener: Any) -> Iterator[Row]:
    """Shrink and grow the guest by each device in turn."""
    hot = guest_machine().hotplug_mib
    devices: Sequence[tuple[str, Resizable, int, int]] = (
        ("balloon", Balloon(guest.control), guest_machine().memory_mib, -CHANGE_MIB),
        ("blocks", MemoryBlocks(guest.control), 0, CHANGE_MIB),
        ("virtio_mem", VirtioMem(guest.control, hot), 0, CHANGE_MIB),
    )
    for _ in range(repeats):
        for name, device, home_mib, first in devices[1 if hotplug_only else 0 :]:
            device.resize(home_mib, TIMEOUT_S)  # where an earlier change got stuck
            for change in (first, -first):
                trial = measure(
                    device, change, listener, plugs=name != "balloon", timeout_s=TIMEOUT_S
                )
                yield {"device": name, **trial.row()}


def guest_machine() -> GuestMachine:
    """Return the hardware."""
    return GuestMachine.preset("resizable")


def in_guest(guest: Guest, policy: str, repeats: int, say: Any) -> list[Row]:
    """Measure idle, then under load; memory that takes any page only by hotplug under load."""
    listener = MemoryListener.start(guest, 0.25)
    rows = []
    try:
        for load in ("idle", "load") if policy == "movable" else ("load",):
            program = None
            if load == "load":
                program = Breathing.start(guest, LOAD_MIB * 1000, touches_per_s=0.05)
                while program.newest() is None:
                    listener.after(listener.newest().uptime_s)
            for change in changes(guest, repeats, policy != "movable", listener):
                row = {"policy": policy, "load": load, **change}
                say(" ".join(f"{key}={value}" for key, value in row.items()))
                rows.append(row)
            if program is not None:
                say(f"the load at the end: {program.newest()}")
                program.stop()
    finally:
        listener.stop()
    return rows


def emulated(repeats: int) -> Iterator[Row]:
    """Make the same changes in the emulated room; a second is its shortest time."""
    memory = guest_machine().memory_mib + guest_machine().hotplug_mib
    guest = {"memory_gib": memory / 1024, "collaborative": False, "threads": 2}
    config = host_config({"name": "one", "kind": "acma", "guests": [guest], "host_share": 1.0})
    share = LOAD_MIB[1] / memory
    program = {"low": share, "high": share, "unmovable": 0.05, "unmovable_end": 0.05}
    steady = {"name": "steady", "kind": "acma", "family": "steady", "programs": [program]}
    for seed in range(repeats):
        for device, knob in (("balloon", "balloon"), ("blocks", "unplug")):
            hosts = AcmaHosts([config])
            loads = host_workload(steady).draw(np.random.default_rng(seed), 1, 60)
            hosts.load(0, loads, seed)
            hosts.run(10.0)
            for change in (-CHANGE_MIB, CHANGE_MIB):
                yield {"device": device, **emulated_change(hosts, knob, change, memory)}


def emulated_change(hosts: AcmaHosts, knob: str, change_mib: int, memory_mib: int) -> Row:
    """Ask for one change and let seconds pass until it is there."""
    before = hosts.read()
    knobs = new_knobs(1)
    wanted = CHANGE_MIB if change_mib < 0 else 0
    knobs[knob] = wanted / memory_mib
    hosts.set_knobs(knobs)
    seconds = 0
    while seconds < TIMEOUT_S:
        after = hosts.run(1.0)
        seconds += 1
        blocks = after.guests["unplugged"] * BLOCK_BYTES
        gone = after.gauges.balloon_bytes if knob == "balloon" else blocks
        lacking_mib = abs(float(gone.sum()) / MIB - wanted)
        if lacking_mib < 1.0:
            break
    failures = after.guests["unplug_failures"] - before.guests["unplug_failures"]
    return {
        "change_mib": change_mib,
        "usable_s": seconds,
        "failed_ratio": round(lacking_mib / CHANGE_MIB, 3),
        "failures": int(failures.sum()),
        "whole_before_mib": round(float(before.gauges.whole_bytes.sum()) / MIB),
        "whole_after_mib": round(float(after.gauges.whole_bytes.sum()) / MIB),
        "broken_before_ratio": round(float(before.gauges.broken_ratio.sum()), 3),
        "broken_after_ratio": round(float(after.gauges.broken_ratio.sum()), 3),
    }


def drive(tuner_name: str, asked: argparse.Namespace, say: Any) -> None:
    """Let one tuner of the ACMA task scale the guest."""
    env: Any = gymnasium.make(
        "damosrl/Acma-v0",
        machine={"name": "qemu_guest", "kind": "qemu_guest", "guest": asked.name},
        workload="acma_diurnal",
        task={"name": "acma", "decision_interval_s": asked.interval},
        steps=asked.steps,
        disable_env_checker=True,
    ).unwrapped
    tuner = make_tuner(tuner_name, **TUNERS[tuner_name])
    try:
        observation, _ = env.reset(seed=7)
        tuner.reset(env.task_spec, 7)
        for step in range(asked.steps):
            observation, reward, _, _, info = env.step(tuner.act(observation))
            say(line(tuner_name, step, float(reward), info))
    finally:
        env.close()


def line(tuner: str, step: int, reward: float, info: Mapping[str, Any]) -> str:
    """Say what a decision led to."""
    return (
        f"{tuner} decision {step}: held {100 * info['held_ratio']:.0f} %, "
        f"given {info['given_bytes'] / MIB:.0f} MiB, back {info['returned_bytes'] / MIB:.0f} MiB, "
        f"pressure {100 * info['psi_some_ratio']:.2f} %, broken {100 * info['broken_ratio']:.1f} %,"
        " "
        f"failed unplugs {info['unplug_failures']:.0f}, reward {reward:.3f}"
    )


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def summary(rows: Sequence[Row], keys: Sequence[str]) -> Iterator[str]:
    """Give medians of equal changes."""
    groups = sorted({tuple(row[key] for key in keys) for row in rows})
    for group in groups:
        own = [row for row in rows if tuple(row[key] for key in keys) == group]
        seconds = [float(row["usable_s"]) for row in own]
        failed = [row["failed_ratio"] for row in own]
        least, middle, most = min(seconds), statistics.median(seconds), max(seconds)
        what, lost = " ".join(map(str, group)), 100 * statistics.mean(failed)
        yield f"{what} MiB: median {middle:.2f} s ({least:.2f} .. {most:.2f}), failed {lost:.0f} %"


def main() -> None:
    """Boot, measure, let tuners drive, power off."""
    asked = options()
    asked.out.mkdir(parents=True, exist_ok=True)
    with (asked.out / "transcript.txt").open("w", encoding="utf-8") as transcript:

        def say(text: str) -> None:
            print(text, flush=True)
            print(text, file=transcript, flush=True)

        rows = []
        for policy, argument in POLICIES.items():
            with Guest.boot(
                Lab.default(), guest_machine(), name=asked.name, arguments=[argument]
            ) as guest:
                rows += in_guest(guest, policy, asked.repeats, say)
                write(asked.out / "guest.csv", rows)
                for tuner in asked.tuners if policy == "movable" else ():
                    drive(tuner, asked, say)
        other = list(emulated(10 * asked.repeats))
        write(asked.out / "emulated.csv", other)
        for text in summary(rows, ("device", "policy", "load", "change_mib")):
            say(f"guest: {text}")
        for text in summary(other, ("device", "change_mib")):
            say(f"emulated: {text}")


try:
    main()
except DamosrlError as error:
    sys.exit(f"error: {error}")
