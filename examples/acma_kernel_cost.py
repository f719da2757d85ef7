"""Measures what one emulated second of a host costs, by the size of its guest.

    python examples/acma_kernel_cost.py

CPU time of the kernels alone, without the loop around them, and how many of the 120 classes of
blocks are in use: an operation on blocks costs a step for each class that it finds, and nothing for
those that nobody is in. The least of some repeats, on which other load of the machine tells least.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from damosrl.acma.blocks import CLASSES
from damosrl.acma.config import host_config
from damosrl.acma.machine import AcmaHosts, new_knobs
from damosrl.acma.state import INTENDED
from damosrl.acma.workload import host_workload

WORKLOADS = ("acma_server", "acma_burst", "acma_diurnal", "acma_build")


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1.0, 8.0, 64.0, 1024.0, 16384.0])
    parser.add_argument("--hosts", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=200, help="emulated, per measurement")
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


def loaded(memory_gib: float, workload: str, count: int, seconds: int) -> AcmaHosts:
    """Make hosts with one guest each, under the RFC's parameters, reporting and compaction."""
    config = {"name": "one", "kind": "acma", "guests": [{"memory_gib": memory_gib}]}
    hosts = AcmaHosts([host_config(config)] * count)
    for place in range(count):
        generator = np.random.default_rng(place)
        hosts.load(place, host_workload(workload).draw(generator, 1, seconds), place)
    knobs = new_knobs(count)
    knobs["rule"], knobs["minimum"], knobs["target"] = INTENDED, 0.1, 0.001
    knobs["reporting"], knobs["compaction_ms"] = 1, 5.0
    hosts.set_knobs(knobs)
    return hosts


def measured(memory_gib: float, workload: str, asked: argparse.Namespace) -> tuple[float, float]:
    """Return us of CPU time per second of a host, and classes in use at the end."""
    least_s = np.inf
    for _ in range(asked.repeats):
        hosts = loaded(memory_gib, workload, asked.hosts, asked.seconds)
        begin_s = time.process_time()
        hosts.run(asked.seconds)
        least_s = min(least_s, time.process_time() - begin_s)
    used = float((hosts.state.counts > 0).sum(axis=2).mean())
    return 1e6 * least_s / (asked.seconds * asked.hosts), used


def row(workload: str, sizes: Sequence[float], asked: argparse.Namespace) -> str:
    """Measure one workload at all sizes."""
    found = [measured(size, workload, asked) for size in sizes]
    least_us = found[0][0]
    cells = [
        f"{size:g} GiB {cost_us:.1f} us ({cost_us / least_us:.2f}; {used:.0f} of {CLASSES} classes)"
        for size, (cost_us, used) in zip(sizes, found, strict=True)
    ]
    return f"{workload}: {', '.join(cells)}"


def main() -> None:
    """Compile, then measure every workload."""
    asked = options()
    loaded(1.0, WORKLOADS[0], 1, 2).run(2.0)
    for workload in WORKLOADS:
        print(row(workload, asked.sizes, asked), flush=True)


main()
