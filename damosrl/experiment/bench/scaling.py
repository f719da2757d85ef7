"""How the emulator's cost grows with regions, memory and machines: a table and a figure."""

import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from damosrl.emulator.machine import EmulatedMachines
from damosrl.experiment.bench.machines import drawn_workload, machines, mean_regions
from damosrl.experiment.bench.measure import wall_s
from damosrl.experiment.progress import Advance, progress_bar

REGIONS = (20, 50, 100, 200, 500, 1000, 2000)
FOOTPRINTS = ("1 GiB", "4 GiB", "16 GiB", "64 GiB", "256 GiB", "1 TiB", "4 TiB", "16 TiB")
MACHINES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
THREADS = (1, 2)
TABLE = "scaling.csv"
FIGURE = "figures/scaling.png"


@dataclass(frozen=True, slots=True)
class Point:
    """One measured size.

    Args:
        series: ``regions``, ``memory`` or ``machines``.
        size: Regions per machine, bytes of the workload's footprint, or machines.
        threads: Threads of the emulator.
        cost_us: Wall time per emulated second of all machines: the shortest sample, as other
            work on the computer can only add to it.
        median_us: Median of the samples.
        greatest_us: Longest sample.
        to_ideal: Cost over what the ideal says: linear in regions and machines, constant in
            memory, from the series' reference (100 regions, 1 GiB, one machine; one thread).
    """

    series: str
    size: float
    threads: int
    cost_us: float
    median_us: float
    greatest_us: float
    to_ideal: float = 1.0


@dataclass(frozen=True, slots=True)
class Extent:
    """What is measured, and for how long.

    Args:
        regions: Numbers of regions; one of them 100.
        footprints: Footprints, smallest first.
        machines: Numbers of machines, smallest first.
        emulated_s: Emulated time of a sample of one machine with 100 regions; sizes that cost
            more run shorter.
        repeats: Samples of each size.
    """

    regions: Sequence[int] = REGIONS
    footprints: Sequence[str] = FOOTPRINTS
    machines: Sequence[int] = MACHINES
    emulated_s: float = 400.0
    repeats: int = 5


def write_scaling(folder: Path, extent: Extent | None = None, *, quiet: bool = False) -> Path:
    """Measure all series and write ``scaling.csv`` and ``figures/scaling.png``.

    Args:
        folder: Where to write; made if it is not there.
        extent: What to measure; None measures all.
        quiet: Show no progress.

    Returns:
        The folder.
    """
    from damosrl.experiment.bench.scaling_figure import draw_scaling  # noqa: PLC0415  matplotlib

    points = measure_scaling(extent or Extent(), quiet=quiet)
    figure = folder / FIGURE
    figure.parent.mkdir(parents=True, exist_ok=True)
    figure.write_bytes(draw_scaling(points).png)
    write_table(folder / TABLE, points)
    return folder


def measure_scaling(extent: Extent, *, quiet: bool = False) -> list[Point]:
    """Measure every size of every series."""
    batches = len(extent.machines) * len(THREADS)
    total = len(extent.regions) + len(extent.footprints) + batches
    with progress_bar("scaling", total, quiet=quiet) as advance:
        return [
            *_regions(extent, partial(_advance, advance, 0)),
            *_memory(extent, partial(_advance, advance, len(extent.regions))),
            *_machines(extent, partial(_advance, advance, total - batches)),
        ]


def _advance(advance: Advance, before: int, done: int, words: str) -> None:
    advance(before + done, words)


def _regions(extent: Extent, advance: Advance) -> list[Point]:
    points = []
    for done, regions in enumerate(extent.regions):
        advance(done, f"{regions} regions")
        batch = machines(regions)
        seconds = max(extent.emulated_s * 100 / max(regions, 100), 1.0)
        points.append(_point("regions", mean_regions(batch), batch, seconds, extent.repeats))
    return _linear(points, points[list(extent.regions).index(100)])


def _memory(extent: Extent, advance: Advance) -> list[Point]:
    points = []
    for done, footprint in enumerate(extent.footprints):
        advance(done, footprint)
        size = drawn_workload(footprint).access.footprint_bytes
        batch = machines(footprint=footprint)
        points.append(_point("memory", size, batch, extent.emulated_s, extent.repeats))
    reference = points[0].cost_us
    return [replace(point, to_ideal=point.cost_us / reference) for point in points]


def _machines(extent: Extent, advance: Advance) -> list[Point]:
    points: list[Point] = []
    for threads in THREADS:
        for count in extent.machines:
            advance(len(points), f"{count} machines, {threads} threads")
            batch = machines(count=count, threads=threads)
            seconds = max(extent.emulated_s / count, 1.0)
            points.append(_point("machines", count, batch, seconds, extent.repeats, threads))
    return _linear(points, points[0])


def _linear(points: list[Point], reference: Point) -> list[Point]:
    per_item = reference.cost_us / reference.size
    return [replace(point, to_ideal=point.cost_us / point.size / per_item) for point in points]


def _point(
    series: str,
    size: float,
    batch: EmulatedMachines,
    seconds: float,
    repeats: int,
    threads: int = 1,
) -> Point:
    """Measure one batch, warmed up by one sample that is thrown away."""
    batch.run(seconds)
    samples = [1e6 * wall_s(partial(batch.run, seconds)) / seconds for _ in range(max(repeats, 1))]
    return Point(series, size, threads, min(samples), statistics.median(samples), max(samples))


def write_table(path: Path, points: Sequence[Point]) -> None:
    """Write the points, one row each, units in the names of the columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(
            [
                "series",
                "size_regions_bytes_or_machines",
                "threads_count",
                "wall_us_per_emulated_s_least",
                "wall_us_per_emulated_s_median",
                "wall_us_per_emulated_s_greatest",
                "cost_over_ideal_ratio",
            ]
        )
        rows.writerows(
            [
                point.series,
                f"{point.size:.10g}",
                point.threads,
                f"{point.cost_us:.2f}",
                f"{point.median_us:.2f}",
                f"{point.greatest_us:.2f}",
                f"{point.to_ideal:.3f}",
            ]
            for point in points
        )
