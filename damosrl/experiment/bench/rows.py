"""The rows of `damosrl bench`: machines differ, ratios travel.

Every row runs its two sides in turn, several times, and reports the median of the ratios with
their spread. The targets are those of the design (section "speed and size").
"""

import json
import subprocess
import sys
import time
from functools import partial
from typing import Any

from damosrl.emulator.presets import machine_config
from damosrl.experiment.bench.daemon import daemon_rows
from damosrl.experiment.bench.hosts import host_rows
from damosrl.experiment.bench.kernel_step import step_p99_ms
from damosrl.experiment.bench.machines import (
    MACHINE,
    drawn_workload,
    machines,
    two_node_document,
)
from damosrl.experiment.bench.measure import Row, Sample, in_turn, wall_s
from damosrl.experiment.bench.opponent import per_page_machine
from damosrl.experiment.bench.reclaim import reclaim_rows
from damosrl.experiment.bench.training import default_ppo_ratio, shipped_ppo_ratio
from damosrl.experiment.plugins import load_environments
from damosrl.experiment.progress import progress_bar

LEARNERS = 512
BATCH = 64
LONG_S, SHORT_S = 600.0, 120.0
STEP_REGIONS, STEPS = 200, 400


def run(*, quiet: bool = False) -> dict[str, Any]:
    """Measure all rows; returns ``{"rows": {name: {...}}}`` ready for JSON.

    Args:
        quiet: Show no progress.

    Example:
        >>> run()["rows"]["emulated_seconds_per_second"]["target"]  # doctest: +SKIP
        10000.0
    """
    load_environments()
    rows = [
        *engine_rows(),
        *training_rows(),
        *host_rows(),
        *reclaim_rows(),
        *kernel_rows(),
        *daemon_rows(),
        start_row(),
    ]
    results = {}
    with progress_bar("measuring", len(rows), quiet=quiet) as advance:
        for done, row in enumerate(rows):
            advance(done, row.name)
            results[row.name] = row.result()
    return {"rows": results}


def as_json(result: dict[str, Any]) -> str:
    """Format the result of `run` as one JSON object."""
    return json.dumps(result, indent=2)


def engine_rows() -> list[Row]:
    """Return the rows on the emulated machine itself."""
    return [
        Row(
            "emulated_seconds_per_second",
            f"emulated over wall seconds; {_WHAT}, {LONG_S:.0f} s",
            partial(emulated_rate, 100, LONG_S),
            target=10_000.0,
        ),
        Row(
            "step_cost_16TiB_over_1GiB",
            f"wall time, footprint 16 TiB over 1 GiB, same regions and pieces; {_WHAT} otherwise",
            partial(size_ratio, "16 TiB", "1 GiB", LONG_S),
            target=1.2,
            at_least=False,
        ),
        Row(
            "step_cost_1000_over_100_regions_per_region",
            f"wall time per region, 1,000 regions over 100 (1 is linear); {_WHAT} otherwise",
            partial(regions_ratio, 1000, 100, SHORT_S),
            target=1.2,
            at_least=False,
        ),
        Row(
            "emulator_over_per_page_numpy",
            "emulated seconds per wall second over those of benchmarks/per_page_numpy, which draws "
            f"an accessed bit per 4 KiB page and 5 ms; the same workload and schemes; {_WHAT}, "
            f"{LONG_S:.0f} s against 0.2 s",
            partial(per_page_ratio, 100, "16 GiB", 0.2, LONG_S),
            target=100.0,
            repeats=3,
            missing="benchmarks/ is part of a checkout, not of a wheel",
        ),
        Row(
            "threads_2_over_1",
            f"speed-up of {BATCH} machines by a second thread; {_WHAT} each otherwise",
            partial(threads_ratio, BATCH, SHORT_S),
            target=1.6,
        ),
        Row(
            "exact_over_fast_monitor",
            f"wall time, monitor exact over fast; for information; {_WHAT} otherwise",
            partial(monitor_ratio, 100, SHORT_S),
        ),
    ]


_WHAT = (
    "one machine of two nodes, about 100 regions in all, one scheme per node, static hot set of "
    "16 GiB, fast monitor, one core, after 60 s"
)


def training_rows() -> list[Row]:
    """Return the rows on training."""
    what = f"{LEARNERS} machines of default Tiering-v0, threads=2, over an environment that does"
    return [
        Row(
            "ppo_throughput_over_idle_environment",
            f"timesteps per wall second of {what} nothing; Stable-Baselines3's default PPO "
            "(batch_size 64, n_epochs 10, its default network) with n_steps=32, one torch "
            "thread; a rollout and its update, no episode ends",
            partial(default_ppo_ratio, LEARNERS),
            target=0.8,
            repeats=3,
        ),
        Row(
            "shipped_ppo_throughput_over_idle_environment",
            f"timesteps per wall second of {what} nothing; conf/agent/ppo.yaml by its learner, "
            "which takes one torch thread; a rollout and its update, no episode ends",
            partial(shipped_ppo_ratio, LEARNERS),
            target=0.8,
            repeats=3,
        ),
    ]


def kernel_rows() -> list[Row]:
    """Return the rows on a step of a real kernel's machine: milliseconds, not ratios."""
    what = (
        f"99th percentile of {STEPS} steps on the fake kernel of damosrl.testing, its own cost "
        f"included: {STEP_REGIONS} regions told and five numbers committed at each, then telemetry"
    )
    return [
        Row(
            "kernel_step_overhead",
            f"CPU milliseconds of the process with its threads; {what}",
            partial(step_p99_ms, STEP_REGIONS, STEPS),
            target=5.0,
            at_least=False,
        ),
        Row(
            "kernel_step_wall",
            f"wall milliseconds, what else runs here included; for information; {what}",
            partial(step_p99_ms, STEP_REGIONS, STEPS, time.perf_counter),
        ),
    ]


def start_row() -> Row:
    """Return the row on the command line's cold start."""
    return Row(
        "help_start_over_numpy_import",
        "`damosrl --help` over `python -c 'import numpy'`, whole processes",
        start_ratio,
        target=2.0,
        at_least=False,
    )


def emulated_rate(regions: int, seconds: float) -> Sample:
    """Prepare emulated seconds per wall second."""
    machine = machines(regions)
    return lambda: seconds / wall_s(partial(machine.run, seconds))


def size_ratio(large: str, small: str, seconds: float) -> Sample:
    """Prepare the cost of a large footprint over that of a small one."""
    return in_turn(
        partial(machines(100, large).run, seconds), partial(machines(100, small).run, seconds)
    )


def regions_ratio(many: int, few: int, seconds: float) -> Sample:
    """Prepare the cost per region of many regions over that of few."""
    ratio = in_turn(partial(machines(many).run, seconds), partial(machines(few).run, seconds))
    return lambda: ratio() * few / many


def threads_ratio(count: int, seconds: float) -> Sample:
    """Prepare the speed-up of a batch by a second thread."""
    one, two = (machines(count=count, threads=threads) for threads in (1, 2))
    return in_turn(partial(one.run, seconds), partial(two.run, seconds))


def monitor_ratio(regions: int, seconds: float) -> Sample:
    """Prepare the cost of the exact monitor over that of the fast one."""
    exact, fast = machines(regions, monitor="exact"), machines(regions, monitor="fast")
    return in_turn(partial(exact.run, seconds), partial(fast.run, seconds))


def per_page_ratio(
    regions: int, footprint: str, per_page_s: float, emulated_s: float
) -> Sample | None:
    """Prepare the emulator's speed over that of the per-page simulation; None without it."""
    opponent = per_page_machine()
    if opponent is None:
        return None
    slow = opponent(
        machine_config(MACHINE), drawn_workload(footprint), two_node_document(regions), seed=1
    )
    fast = machines(regions, footprint)
    ratio = in_turn(partial(slow.run, per_page_s), partial(fast.run, emulated_s))
    return lambda: ratio() * emulated_s / per_page_s


def start_ratio() -> Sample:
    """Prepare the time of `damosrl --help` over that of importing NumPy."""
    python = sys.executable
    return in_turn(
        partial(_process, [python, "-m", "damosrl.cli", "--help"]),
        partial(_process, [python, "-c", "import numpy"]),
    )


def _process(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  our own words
