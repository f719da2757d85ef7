"""Writing a workload's processes into a machine's tables, when an episode begins."""

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.mapping import begin_mapping
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.room import padded
from damosrl.emulator.virtual_state import AREA, PROCESS, SPAN, VirtualMemory
from damosrl.emulator.workload.address_space import Process, Vma, check_processes, default_process
from damosrl.emulator.workload.model import AccessModel, Workload
from damosrl.emulator.workload.pages import cut_pieces
from damosrl.errors import WorkloadError

IntArray = NDArray[np.int64]


def processes_of(workload: Workload) -> tuple[Process, ...]:
    """Return a workload's processes: its own, or one process with the layout of a usual program."""
    return workload.processes or (default_process(workload.access.footprint_bytes),)


def memory_borders(processes: tuple[Process, ...], granule_bytes: int) -> tuple[int, ...]:
    """Return where memory that comes or goes begins and ends in the compact space, bytes.

    Raises:
        WorkloadError: Such a border does not lie between frames.
    """
    borders = {
        border
        for process in processes
        for area in process.vmas
        if area.offset_bytes is not None and not (process.is_static and area.is_static)
        for border in (area.offset_bytes, area.offset_bytes + area.size_bytes)
    }
    if any(border % granule_bytes for border in borders):
        raise WorkloadError(
            "memory that is mapped and unmapped must be whole frames of the machine",
            got=f"borders at {sorted(border for border in borders if border % granule_bytes)}",
            allowed=f"multiples of {granule_bytes} bytes",
            fix="round the areas' sizes, or choose a finer granule",
        )
    return tuple(sorted(borders))


def with_borders(access: AccessModel, borders: tuple[int, ...]) -> AccessModel:
    """Return the accesses with pieces cut at borders too; the same object where nothing is cut."""
    cuts = np.array(borders, np.int64)
    return access if np.isin(cuts, access.border_bytes).all() else cut_pieces(access, cuts)


def mapped_only(
    order: tuple[IntArray, IntArray],
    processes: tuple[Process, ...],
    piece_frames: IntArray,
    granule_bytes: int,
) -> tuple[IntArray, IntArray]:
    """Leave out of an order of pieces what is not mapped when the episode begins.

    Args:
        order: Pieces and their frames ``(L,)``, as `damosrl.emulator.placement.start_order` gives.
        processes: The processes.
        piece_frames: Frames of each piece, ``(P,)``.
        granule_bytes: Bytes of a frame.
    """
    starts = (np.cumsum(piece_frames) - piece_frames) * granule_bytes
    mapped = np.ones(len(piece_frames), np.bool_)
    for process in processes:
        for area in process.vmas:
            if area.offset_bytes is not None and max(process.start_s, area.from_s) > 0.0:
                end = area.offset_bytes + area.size_bytes
                mapped &= (starts < area.offset_bytes) | (starts >= end)
    pieces, frames = order
    return pieces[mapped[pieces]], frames[mapped[pieces]]


def write_processes(
    world: MemoryWorld,
    machine: int,
    workload: Workload,
    piece_frames: IntArray,
    granule_bytes: int,
) -> MemoryWorld:
    """Write the processes of a machine whose memory is laid out; return the world, maybe larger.

    Args:
        world: The machines.
        machine: Which one.
        workload: What runs on it.
        piece_frames: Frames of each piece, ``(P,)``.
        granule_bytes: Bytes of a frame.

    Raises:
        WorkloadError: The processes do not fit the workload's memory.
    """
    processes = processes_of(workload)
    check_processes(processes, workload.access.footprint_bytes)
    borders = np.concatenate([[0], np.cumsum(piece_frames)]) * granule_bytes
    tables = _Tables()
    for process in processes:
        tables.add(process, borders, granule_bytes)
    virtual = _with_room(world.virtual, tables, len(piece_frames))
    for name, rows in (
        ("processes", np.array(tables.processes, PROCESS)),
        ("areas", np.array(tables.areas, AREA)),
        ("spans", np.concatenate([*tables.spans, np.zeros(0, SPAN)])),
    ):
        table = getattr(virtual, name)
        table[machine] = np.zeros((), table.dtype)
        table[machine, : len(rows)] = rows
    spans = virtual.spans[machine]
    spans["present"] = world.pieces["unmapped"][machine][spans["piece"]] == 0
    world.machines["has_processes"][machine] = 1
    world = world._replace(virtual=virtual)
    begin_mapping(world, machine)
    return world


class _Tables:
    """Rows of one machine's tables, process after process."""

    def __init__(self) -> None:
        self.processes: list[tuple[float, ...]] = []
        self.areas: list[tuple[float, ...]] = []
        self.spans: list[NDArray[np.void]] = []
        self.num_spans = 0
        self.num_edges = 0

    def add(self, process: Process, borders: IntArray, granule_bytes: int) -> None:
        first_area, first_span = len(self.areas), self.num_spans
        for area in process.vmas:
            self._add_area(process, area, borders, granule_bytes)
        life = (process.start_s, process.end_s)
        places = (first_area, len(self.areas), first_span, self.num_spans, self.num_edges, 0)
        self.processes.append((process.pid, 0, *places, *life))
        self.num_edges += 2 * (self.num_spans - first_span) + 1

    def _add_area(self, process: Process, area: Vma, borders: IntArray, granule_bytes: int) -> None:
        first = last = 0
        if area.offset_bytes is not None:
            low, high = area.offset_bytes, area.offset_bytes + area.size_bytes
            first = int(np.searchsorted(borders, low, side="right")) - 1
            last = int(np.searchsorted(borders, high))
            cuts = np.clip(borders[first : last + 1], low, high)
            spans = np.zeros(last - first, SPAN)
            shift = np.uint64(area.start)
            spans["start"] = (cuts[:-1] - low).astype(np.uint64) + shift
            spans["end"] = (cuts[1:] - low).astype(np.uint64) + shift
            spans["area"] = len(self.areas)
            spans["piece"] = np.arange(first, last)
            spans["frame"] = cuts[:-1] / granule_bytes
            self.spans.append(spans)
            self.num_spans += len(spans)
        changes = not (process.is_static and area.is_static)
        pieces = (first, last) if changes else (0, 0)
        from_s, to_s = max(area.from_s, process.start_s), min(area.to_s, process.end_s)
        self.areas.append((area.start, area.end, 0, *pieces, from_s, max(from_s, to_s)))


def _with_room(virtual: VirtualMemory, tables: _Tables, pieces: int) -> VirtualMemory:
    sizes = {
        "processes": len(tables.processes),
        "areas": len(tables.areas),
        "spans": tables.num_spans,
        "edges": tables.num_edges,
        "plans": pieces,
    }
    larger = {}
    for name, size in sizes.items():
        table = getattr(virtual, name)
        larger[name] = padded(table, (*table.shape[:-1], max(size, table.shape[-1])))
    return virtual._replace(**larger)
