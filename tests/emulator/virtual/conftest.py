"""Workloads of processes, documents that watch them, and small machines."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike

from damosrl.damon import Attrs, Context, Document, Intervals, Kdamond, Ops, Scheme, Target
from damosrl.emulator.presets import MachineConfig, Tier
from damosrl.emulator.workload.address_space import Process
from damosrl.emulator.workload.model import (
    AccessModel,
    Application,
    PageLayout,
    StartState,
    Workload,
)

MIB = 1 << 20
MakeProcesses = Callable[..., Workload]
Watch = Callable[..., Document]


@pytest.fixture(scope="session")
def two_tiers() -> MachineConfig:
    """Return a machine of fast and slow memory, frames of 2 MiB."""
    fast = Tier("fast", curve_gbps=(1.0, 40.0), curve_ns=(100.0, 400.0))
    slow = Tier("slow", curve_gbps=(1.0, 25.0), curve_ns=(200.0, 600.0))
    return MachineConfig("two", (fast, slow))


@pytest.fixture(scope="session")
def with_swap() -> MachineConfig:
    """Return a machine whose memory is half the footprint, and a swap store."""
    fast = Tier("fast", curve_gbps=(1.0, 40.0), curve_ns=(100.0, 400.0), capacity="50 %")
    swap = Tier(
        "swap",
        curve_gbps=(0.1, 3.0),
        curve_ns=(2000.0, 9000.0),
        kind="swap",
        fault_p99_ns=6000.0,
        store_ns=1000.0,
    )
    return MachineConfig("swapping", (fast, swap))


@pytest.fixture(scope="session")
def make_processes() -> MakeProcesses:
    """Return a maker of workloads with pieces of equal size and given processes."""

    def make(
        rates: ArrayLike,
        processes: Sequence[Process] = (),
        *,
        piece_mib: int = 64,
        fast_share: float = 0.5,
        fast_fill: float = 0.9,
        pages: PageLayout | None = None,
    ) -> Workload:
        table = np.atleast_2d(np.asarray(rates, np.float32))
        access = AccessModel(np.arange(table.shape[1] + 1) * piece_mib * MIB, np.zeros(1), table)
        start = StartState(fast_fill)
        return Workload(
            "test", "test", access, Application(), start, fast_share, pages, tuple(processes)
        )

    return make


@pytest.fixture(scope="session")
def watch() -> Watch:
    """Return a maker of documents with one kdamond on some targets."""

    def make(
        *targets: Target,
        ops: Ops = Ops.VADDR,
        schemes: Sequence[Scheme] = (),
        update_us: int = 1_000_000,
        least: int = 10,
        most: int = 100,
        addr_unit: int = 1,
    ) -> Document:
        attrs = Attrs(
            Intervals(5000, 100_000, update_us), min_nr_regions=least, max_nr_regions=most
        )
        context = Context(ops, targets, attrs, tuple(schemes), addr_unit=addr_unit)
        return Document((Kdamond((context,)),))

    return make
