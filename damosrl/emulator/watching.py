"""What the kdamonds of a machine watch: whole nodes, all memory, given ranges, or processes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import AddressRange, Context, Ops, Target
from damosrl.emulator.memory_state import NONE, MemoryWorld
from damosrl.emulator.state import AREAS
from damosrl.emulator.virtual_monitor import process_of, three_areas
from damosrl.emulator.virtual_state import NO_PROCESS
from damosrl.errors import DocumentError


def is_virtual(context: Context) -> bool:
    """Tell whether a context watches processes."""
    return context.ops is not Ops.PADDR


def watches_ranges(context: Context) -> bool:
    """Tell whether a context watches something else than whole nodes or all memory."""
    listed = any(target.regions for target in context.targets)
    return is_virtual(context) or listed or context.addr_unit != 1


def node_ranges(world: MemoryWorld, machine: int) -> list[AddressRange]:
    """Return the physical addresses of each memory node."""
    nodes = world.nodes[machine, :-1]
    sizes = (nodes["total"] * world.machines["granule_bytes"][machine]).astype(np.int64)
    return [
        AddressRange(start=int(start), end=int(start + size))
        for start, size in zip(nodes["start_byte"], sizes, strict=True)
    ]


def default_ranges(
    contexts: Sequence[Context], nodes: Sequence[AddressRange]
) -> list[AddressRange]:
    """Return what each kdamond watches if it watches physical memory and no range is given.

    As many such kdamonds as nodes take a node each, in order; otherwise each takes all memory, from
    the first byte to the last, as the kernel's modules do (semantics 1.5).
    """
    open_ended = [not is_virtual(item) and not watches_listed(item) for item in contexts]
    if sum(open_ended) != len(nodes):
        return [AddressRange(start=nodes[0].start, end=nodes[-1].end)] * len(contexts)
    places = np.cumsum(open_ended) - 1
    return [nodes[max(place, 0)] for place in places]


def watches_listed(context: Context) -> bool:
    """Tell whether some target lists its regions."""
    return any(target.regions for target in context.targets)


def node_of(context: Context, nodes: Sequence[AddressRange]) -> int:
    """Return the node that has all addresses a context watches, byte by byte; `NONE` if none."""
    ranges = [item for target in context.targets for item in target.regions]
    if is_virtual(context) or context.addr_unit != 1 or not ranges:
        return NONE
    for place, node in enumerate(nodes):
        if all(node.start <= item.start and item.end <= node.end for item in ranges):
            return place
    return NONE


def refuse_unknown_pids(world: MemoryWorld, machine: int, context: Context) -> None:
    """Refuse targets whose process does not exist, as the kernel does at start and commit.

    Raises:
        DocumentError: Naming the pid.
    """
    for target in context.targets if is_virtual(context) else ():
        pid = -1 if target.pid is None else target.pid
        if not target.obsolete and process_of(world.virtual, machine, pid) == NO_PROCESS:
            processes = world.virtual.processes[machine]
            known = sorted(processes["pid"][processes["alive"] != 0].tolist())
            raise DocumentError(
                f"machine {machine} has no process with the pid of a target (EINVAL)",
                got=pid,
                allowed=", ".join(map(str, known)) or "none lives now",
                fix="give the pid of a process of the workload; 1 where it says nothing of them",
            )


def with_start_regions(
    world: MemoryWorld, machine: int, context: Context, default: AddressRange, *, legacy: bool
) -> Context:
    """Return a context with the regions that its targets start with.

    Args:
        world: The machines; the processes of this one are written.
        machine: Which one.
        context: The context as the document has it.
        default: What is watched of physical memory where no range is given.
        legacy: Cut what a process maps as kernel 6.12 does.

    Raises:
        DocumentError: A target's process does not exist.
    """
    refuse_unknown_pids(world, machine, context)
    if context.ops is not Ops.VADDR:
        return with_ranges(context, default)
    targets = tuple(
        target
        if target.regions
        else replace(target, regions=_mapped(world, machine, context, target, legacy))
        for target in context.targets
    )
    return replace(context, targets=targets)


def with_ranges(context: Context, default: AddressRange) -> Context:
    """Return a context of physical memory whose targets list a default where they list nothing."""
    if is_virtual(context):
        return context
    unit = context.addr_unit
    whole = (AddressRange(start=default.start // unit, end=default.end // unit),)
    targets = tuple(
        target if target.regions else replace(target, regions=whole) for target in context.targets
    )
    return replace(context, targets=targets)


def _mapped(
    world: MemoryWorld, machine: int, context: Context, target: Target, legacy: bool
) -> tuple[AddressRange, ...]:
    """Return what a target's process maps by the three-regions rule; nothing on EINVAL."""
    areas = np.zeros((1, 2, AREAS), np.uint64)
    process = process_of(world.virtual, machine, target.pid or 0)
    if not three_areas(world.virtual, machine, process, np.uint64(context.min_region_sz), areas, 0):
        return ()
    if legacy:
        areas = evenly_cut(areas, context.attrs.min_nr_regions, context.min_region_sz)
    return tuple(AddressRange(start=int(low), end=int(high)) for low, high in areas[0].T)


def evenly_cut(
    areas: NDArray[np.uint64], min_nr_regions: int, min_region_sz: int
) -> NDArray[np.uint64]:
    """Cut areas ``(1, 2, 3)`` into equal parts ``(1, 2, Q)`` as kernel 6.12 does.

    ``__damon_va_init_regions()`` of its mm/damon/vaddr.c (semantics 1.15): parts of the whole over
    min_nr_regions, rounded down; the last part of an area takes the rest.

    Example:
        >>> areas = np.array([[[0, 16384, 32768], [8192, 24576, 61440]]], np.uint64)
        >>> evenly_cut(areas, 4, 4096)[0, :, 2:].tolist()
        [[32768, 40960, 49152], [40960, 49152, 61440]]
    """
    bounds = [(int(low), int(high)) for low, high in areas[0].T]
    piece = max(sum(high - low for low, high in bounds) // min_nr_regions, min_region_sz)
    parts: list[tuple[int, int]] = []
    for low, high in bounds:
        count = max((high - low) // piece, 1)
        size = (high - low) // count // min_region_sz * min_region_sz
        starts = [low + place * size for place in range(count)]
        parts += list(zip(starts, [*starts[1:], high], strict=True))
    return np.array([parts], np.uint64).swapaxes(1, 2)
