"""What the daemon costs: a decision, the policy alone, memory, CPU time, and its start.

The kernel is the fake one, whose own share (it is Python too) is in every number but the policy's.
The policy is a network of the size that `damosrl train` makes, with random weights.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.artifact import Deployment, save_artifact
from damosrl.experiment.bench.measure import Row, Sample
from damosrl.kernel_tasks import task_factory
from damosrl.testing.sample_policies import sample_network

DECISIONS, REGIONS, HIDDEN = 400, 200, 64
PROCESSES = 3
Number = Callable[[dict[str, Any]], float]


def daemon_rows() -> list[Row]:
    """Return the rows on the daemon."""
    what = (
        f"{DECISIONS} decisions in a process of its own on the fake kernel of damosrl.testing, "
        f"{REGIONS} regions told at each, a random network of {HIDDEN} units as policy"
    )
    rows: list[tuple[str, str, float, Number]] = [
        ("daemon_decision_p99_ms", "telemetry read to commit, wall", 5.0, _p99_ms("decision_us")),
        ("daemon_policy_p99_ms", "the policy alone, wall", 0.2, _p99_ms("policy_us")),
        ("daemon_peak_resident_mib", "peak of the process", 80.0, _peak_mib),
        ("daemon_cpu_percent_at_1_hz", "CPU time of a decision, fake kernel's too", 0.5, _cpu),
        (
            "daemon_start_to_first_decision_s",
            "start of the process to the first commit",
            1.0,
            _start,
        ),
    ]
    return [
        Row(
            name,
            f"{how}; {what}",
            partial(_prepare, number),
            target=target,
            at_least=False,
            repeats=PROCESSES,
        )
        for name, how, target, number in rows
    ]


def _prepare(number: Number) -> Sample:
    """Return samples of one number, each of another process."""
    processes = iter(range(PROCESSES))
    return lambda: number(_measured(next(processes)))


@cache
def _measured(process: int) -> dict[str, Any]:
    """Measure all numbers in one process; rows share them."""
    del process
    spec = task_factory("tiering-v0")({}, 2).spec
    policy = sample_network(np.random.default_rng(1), spec, hidden=HIDDEN, normalised=True)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "random.damosrl"
        save_artifact(bundle, policy, spec=spec, algorithm="random", deployment=Deployment())
        words = ["-m", "damosrl.testing.daemon_process", str(bundle), str(DECISIONS), str(REGIONS)]
        done = subprocess.run(  # noqa: S603  our own words
            [sys.executable, *words], check=True, capture_output=True, text=True
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _p99_ms(name: str) -> Number:
    return lambda found: float(np.percentile(found[name], 99.0)) / 1e3


def _peak_mib(found: dict[str, Any]) -> float:
    return float(found["peak_kib"]) / 1024.0


def _cpu(found: dict[str, Any]) -> float:
    return 100.0 * float(found["cpu_s_per_decision"])


def _start(found: dict[str, Any]) -> float:
    return float(found["start_to_first_decision_s"])
