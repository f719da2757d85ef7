"""Measures what each part of the safety layer does alone, on patterns made to harm tuners."""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.config import load_choice, typed
from damosrl.experiment.compose import compose
from damosrl.experiment.harm import harm_of
from damosrl.experiment.jobs import run_jobs
from damosrl.experiment.rollout import Rollout, Row, run_rollout
from damosrl.experiment.settings import NOOP, CompareSettings, World, world_of
from damosrl.experiment.statistics import bootstrap, means
from damosrl.knobs import FloatArray

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument(
    "--tuners", nargs="+", default=["pi", "best_static", "results/published/demo/train",
                                    "results/published/attack/robust_train"]
)  # fmt: skip
parser.add_argument("--workload", default="adversarial")
parser.add_argument("--seeds", type=int, default=24)
parser.add_argument("--seed-base", type=int, default=60_000)
parser.add_argument("--steps", type=int, default=180)
parser.add_argument("--jobs", type=int, default=1)
parser.add_argument("--out", default="results/safety_parts")
options = parser.parse_args()

NONE = "none"
TIGHT_QUOTA = 200.0 * 2**20
"""Bytes per second: that of Linux samples/damon/mtier.c, a fifth of the default limit."""
COLUMNS = ("part", "tuner", "seed", "slowdown_mean_ratio", "harm_ratio", "clamp_events_count",
           "fallback_events_count")  # fmt: skip


def parts() -> dict[str, dict[str, Any]]:
    """Return choices of conf/safety that hold one part of the default each, and the ends."""
    whole = load_choice("safety", "default")
    tight = {name: [0.0, TIGHT_QUOTA] for name in ("promotion_quota", "demotion_quota")}
    alone = {
        NONE: {},
        "limits": {"limits": whole["limits"]},
        "limits, quotas to 200 MiB/s": {"limits": {**whole["limits"], **tight}},
        "slew": {"slew": whole["slew"]},
        "dead-band": {"dead_band": whole["dead_band"]},
        "breaker": {"breaker": whole["breaker"], "fallback": whole["fallback"]},
    }
    return {**{name: {"name": name, **values} for name, values in alone.items()}, "all": whole}


def rollouts(world: World) -> Iterator[tuple[str, Rollout]]:
    """Yield what has to run, by part; doing nothing is the same under all of them."""
    seeds = tuple(range(options.seed_base, options.seed_base + options.seeds))
    for part, safety in parts().items():
        tuners = [NOOP, *options.tuners] if part == NONE else options.tuners
        for tuner in tuners:
            yield (
                part,
                Rollout(
                    name=f"{part}/{tuner}",
                    agent=tuner,
                    workload=options.workload,
                    workload_name=options.workload,
                    seeds=seeds,
                    steps=options.steps,
                    world=replace(world, safety=safety),
                    recorded=False,
                ),
            )


def measured() -> list[Row]:
    """Run everything; return one row per part, tuner and seed, with its harm."""
    settings = typed(CompareSettings, compose("compare", []), "compare")
    part_of = {job.name: (part, job) for part, job in rollouts(world_of(settings))}
    jobs = [job for _, job in part_of.values()]
    rows = []
    for job, done in run_jobs(run_rollout, jobs, options.jobs):
        rows += [{**row, "part": part_of[job.name][0], "tuner": job.agent} for row in done.rows]
    noop = {row["seed"]: row["slowdown_mean_ratio"] for row in rows if row["tuner"] == NOOP}
    for row in rows:
        cost = np.array([row["slowdown_mean_ratio"]])
        row["harm_ratio"] = float(harm_of(cost, np.array([noop[row["seed"]]]))[0])
    return sorted(rows, key=lambda row: (list(parts()).index(row["part"]), str(row["tuner"])))


def column(rows: list[Row], part: str, tuner: str, name: str) -> FloatArray:
    """Return one number by seed ``(S,)``."""
    mine = (row for row in rows if row["part"] == part and row["tuner"] == tuner)
    return np.array([row[name] for row in sorted(mine, key=lambda row: int(row["seed"]))])


def table(rows: list[Row]) -> str:
    """Return the table: harm without any part, then the paired difference that each part makes."""
    heads = ["part", *(f"{Path(tuner).name}" for tuner in options.tuners)]
    lines = [heads, ["---"] * len(heads)]
    for part in parts():
        cells = [part]
        for tuner in options.tuners:
            harm = 100.0 * column(rows, part, tuner, "harm_ratio")
            bare = 100.0 * column(rows, NONE, tuner, "harm_ratio")
            shown = harm if part == NONE else harm - bare
            found = bootstrap(shown[None], np.random.default_rng(0), means)
            clamps = column(rows, part, tuner, "clamp_events_count").mean()
            falls = column(rows, part, tuner, "fallback_events_count").sum()
            sign = "" if part == NONE else "+"
            cells.append(f"{found.value:{sign}.2f} [{found.low:{sign}.2f}, {found.high:{sign}.2f}]"
                         f" ({clamps:.0f}, {falls:.0f})")  # fmt: skip
        lines.append(cells)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def write(rows: list[Row]) -> None:
    """Write every episode and the table."""
    folder = Path(options.out)
    folder.mkdir(parents=True)
    with (folder / "episodes.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "table.md").write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    found = measured()
    write(found)
    print(table(found))
    print(options.out)
