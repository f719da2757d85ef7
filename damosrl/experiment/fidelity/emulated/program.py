"""The guest's program as a workload: its segments become epochs with the measured rates.

The program sweeps over a segment at a measured number of passes per second; the emulator takes that
as the rate of independent accesses to each page. A page swept every T seconds is surely touched
within an interval d > T, the emulator says 1 - exp(-d/T): alike where d is far above or below T.
"""

import numpy as np

from damosrl.emulator.presets import MachineConfig, Tier
from damosrl.emulator.workload.address_space import Process, Vma
from damosrl.emulator.workload.model import AccessModel, Application, StartState, Workload
from damosrl.machine import IntArray

PID = 1
CURVE_GBPS, CURVE_NS = (1.0, 1000.0), (100.0, 100.0)
"""No latency effects: an emulated processor has none, and the study claims nothing of it."""


def machine(
    capacities_bytes: tuple[int, ...], overshoot: float, granule: str = "4 KiB"
) -> MachineConfig:
    """Return a machine with memory nodes of given sizes and the guest's sampling overshoot."""
    tiers = tuple(
        Tier(f"node{place}", CURVE_GBPS, CURVE_NS, capacity=str(size))
        for place, size in enumerate(capacities_bytes)
    )
    return MachineConfig("guest", tiers, granule=granule, sleep_overshoot=overshoot, tick_s=0.01)


def workload(
    area: tuple[int, int],
    touched: dict[str, IntArray],
    origin_ns: int,
    start: StartState | None = None,
) -> Workload:
    """Return the program's accesses from the moment on when DAMON started.

    Args:
        area: First address of its memory and one past the last, bytes.
        touched: Segments, columns ``start_ns``, ``end_ns``, ``start``, ``end``, ``passes``.
        origin_ns: When DAMON started.
        start: How memory lies at that moment.
    """
    base, size = area[0], area[1] - area[0]
    places = np.concatenate([touched["start"], touched["end"]]) - base
    borders = np.unique(np.append(places, [0, size]))
    seconds = (touched["end_ns"] - touched["start_ns"]) / 1e9
    epochs = np.append((touched["start_ns"] - origin_ns) / 1e9, 0.0)
    epochs = np.array([0.0, *np.maximum(epochs[:-1], 1e-3)])
    rates = np.zeros((len(epochs), len(borders) - 1), np.float32)
    for place, (low, high, passes, length) in enumerate(
        zip(touched["start"], touched["end"], touched["passes"], seconds, strict=True), 1
    ):
        inside = (borders[:-1] >= low - base) & (borders[1:] <= high - base)
        rates[place, inside] = passes / length
    return Workload(
        "guest",
        "guest",
        AccessModel(borders, epochs, rates),
        Application(threads=1),
        start or StartState(fast_fill=1.0),
        fast_share=1.0,
        processes=(Process(PID, (Vma(base, size, 0),)),),
    )
