"""`damosrl conformance --random`: many random machines through engine and reference."""

import json
from pathlib import Path

from damosrl.emulator.conformance.differential import (
    Tally,
    chunks,
    compare_machines,
    smallest_failure,
)
from damosrl.errors import ConfigError
from damosrl.experiment.jobs import run_jobs
from damosrl.experiment.progress import progress_bar

MOST_SHRUNK = 20
"""Failing cases of which the smallest is looked for."""


def run_random_machines(
    machines: int, seed: int, jobs: int, folder: Path, *, quiet: bool
) -> tuple[Tally, Path | None]:
    """Compare random machines; stop soon after a difference and write a small case that shows it.

    Args:
        machines: Number of machines.
        seed: Number of the series; machine i is the same however many there are.
        jobs: Processes.
        folder: Where the failing case goes.
        quiet: Show no progress.

    Returns:
        The counts, and the path of the failing case if there is one.

    Raises:
        ConfigError: A number is too small.
    """
    for name, value, least in (("random", machines, 1), ("jobs", jobs, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"--{name} is too small", got=value, allowed=f">= {least}")
    total = Tally()
    with progress_bar("random machines", machines, quiet=quiet) as advance:
        for _, tally in run_jobs(compare_machines, chunks(machines, seed), jobs):
            total.add(tally)
            advance(total.machines, f"{len(total.differing)} differing")
            if total.differing:
                break
    if not total.differing:
        return total, None
    case = smallest_failure(total.differing[:MOST_SHRUNK])
    path = folder / f"{case['name']}.json"
    path.write_text(json.dumps(case) + "\n", encoding="utf-8")
    return total, path
