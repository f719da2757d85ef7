"""Migrations under a size quota on emulated machines with the guest's nodes."""

from typing import NamedTuple

import numpy as np

from damosrl.damon import AddressRange, Context, Document, Kdamond, Ops, Scheme, Target
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memory_state import FREE
from damosrl.emulator.placement import lay_runs
from damosrl.emulator.workload.model import Workload
from damosrl.experiment.fidelity.emulated.program import machine
from damosrl.experiment.fidelity.in_guest.program import PAGE_BYTES
from damosrl.machine import FloatArray, IntArray


class Moved(NamedTuple):
    """What a scheme did over time; arrays ``(L,)`` of looks."""

    time_s: FloatArray
    moved_bytes: IntArray
    """Bytes of the program that have left the node they started on."""
    tried_bytes: IntArray
    applied_bytes: IntArray


class Layout(NamedTuple):
    """Where a program's pages lie in physical memory, run by run; arrays ``(L,)``."""

    page: IntArray
    """First page of the run, from the start of the program's memory."""
    frame: IntArray
    """First frame, from physical address 0."""
    pages: IntArray
    """Length."""


def migrate(
    scheme: Scheme,
    node: int,
    node_bytes: int,
    load: Workload,
    layout: Layout,
    seed: int,
    looks_s: FloatArray,
    overshoot: float,
) -> Moved:
    """Run one scheme on one node's physical memory.

    Args:
        scheme: The migration.
        node: Node that is monitored.
        node_bytes: Size of each of the two nodes; what the program does not use is free.
        load: The program.
        layout: Where its pages lie; those of the other node are free frames then.
        seed: Of everything random.
        looks_s: When to look, ascending.
        overshoot: Real length of a sampling interval over the one asked for.
    """
    span = AddressRange(node * node_bytes, (node + 1) * node_bytes)
    context = Context(Ops.PADDR, (Target(regions=(span,)),), schemes=(scheme,))
    config = machine((node_bytes, node_bytes), overshoot)
    machines = EmulatedMachines(config, 1, Document((Kdamond((context,)),)), monitor="exact")
    machines.load(0, load, seed)
    lay_runs(machines.world, 0, *_runs(layout, load.access.border_bytes, node_bytes))
    rows = []
    for end_s in looks_s.tolist():
        passed_s = float(machines.world.machines["time_s"][0])
        now = machines.run(max(end_s - passed_s, 1e-3))
        moved = now.migrated_up_bytes[0] if node else now.migrated_down_bytes[0]
        stats = now.stats
        rows.append((moved, *(column[0, 0, 0] for column in (stats.sz_tried, stats.sz_applied))))
    return Moved(looks_s, *np.array(rows, np.int64).T)


def _runs(
    layout: Layout, border_bytes: IntArray, node_bytes: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Return node, frames and piece of each run of equal frames, free ones included."""
    size = node_bytes // PAGE_BYTES
    borders = border_bytes // PAGE_BYTES
    pieces = np.full(2 * size, FREE, np.int64)
    for page, frame, pages in zip(*layout, strict=True):
        own = np.arange(page, page + pages)
        pieces[frame : frame + pages] = np.searchsorted(borders, own, side="right") - 1
    edges = np.union1d(np.flatnonzero(np.diff(pieces)) + 1, [0, size])
    frames = np.diff(np.append(edges, 2 * size))
    return edges // size, frames, pieces[edges]
