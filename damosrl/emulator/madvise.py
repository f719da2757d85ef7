"""What madvise makes of resident memory: cold pages, huge folios and their opposite (2.1).

Kernel 7.3, mm/madvise.c and mm/khugepaged.c. These advices move nothing between nodes; reading in
(``willneed``) and paging out do. They are applied to the first frames of an extent: which of a
range's pages lie there is its caller's business.
"""

from damosrl.damon import Action
from damosrl.emulator.extents import isolate, join_previous
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import NONE, PAGE_BYTES, MemoryWorld
from damosrl.emulator.rates import accesses_by, invalidate_sums
from damosrl.emulator.state import code_of

COLD, COLLAPSE = code_of(Action.COLD), code_of(Action.COLLAPSE)
HUGEPAGE, NOHUGEPAGE = code_of(Action.HUGEPAGE), code_of(Action.NOHUGEPAGE)
HUGE_ORDER = 9
"""2 MiB, what a PMD of x86-64 maps."""


@inner_kernel
def huge_frames(world: MemoryWorld, m: int, frames: int) -> int:
    """Return how many of some frames fill huge folios; a frame of 2 MiB or more does so alone."""
    unit = max(int(PAGE_BYTES * 2.0**HUGE_ORDER / world.machines[m].granule_bytes), 1)
    return frames // unit * unit


@inner_kernel
def charge_copy(world: MemoryWorld, m: int, node: int, frames: int, by_kdamond: bool) -> float:
    """Charge the copy of some frames within a node; return the time it takes, ns.

    It reads and writes the node's memory. ``collapse`` copies in the kdamond; after ``hugepage``
    khugepaged does, on a CPU that the application shares.
    """
    size = float(frames) * world.machines[m].granule_bytes
    copy_ns = size / PAGE_BYTES * world.machines[m].move_page_ns
    world.nodes[m, node].waiting_bytes += 2.0 * size
    world.machines[m].copy_waiting_bytes += size
    if by_kdamond:
        world.machines[m].kdamond_us += copy_ns * 1e-3
        return copy_ns
    return 0.0


@inner_kernel
def change_order(world: MemoryWorld, m: int, node: int, slot: int, order: int) -> None:
    """Put a whole extent into folios of another size; they share one accessed bit from now on.

    A folio is young if one of its pages was: as sums of expected accesses over pages say it.
    """
    world.slots[m, slot].order = order
    if order > 0:
        world.machines[m].uses_folios = 1
    invalidate_sums(world, m, node)


@inner_kernel
def advise(
    world: MemoryWorld, m: int, node: int, slot: int, frames: int, action: int, now_s: float
) -> tuple[int, float]:
    """Give an advice on the first frames of an extent of a memory node.

    ``cold`` makes pages old and puts them on the inactive list. ``collapse`` copies them into huge
    folios now; ``hugepage`` only marks the range, and khugepaged is taken to be there at once.
    ``nohugepage`` splits what is huge (the kernel leaves folios that exist, and forbids new ones).

    Args:
        world: The machines.
        m: Machine.
        node: A memory node, not the swap store.
        slot: One of its extents, not a free one.
        frames: Frames from the extent's first one on, at most all.
        action: Code of ``cold``, ``hugepage``, ``nohugepage`` or ``collapse``.
        now_s: Present time.

    Returns:
        The first slot behind the extent, `NONE` at the node's end or without room; and the time
        that the kdamond took, ns.
    """
    extent = world.slots[m, slot]
    stop, copy_ns = extent.start + extent.length, 0.0
    huge = action in (HUGEPAGE, COLLAPSE)
    if huge:
        frames = huge_frames(world, m, frames) if extent.order < HUGE_ORDER else 0
    if action == NOHUGEPAGE and extent.order == 0:
        frames = 0
    if frames > 0:
        slot = isolate(world, m, slot, extent.start, extent.start + frames)
        if slot == NONE:
            return NONE, 0.0
        if action == COLD:
            world.slots[m, slot].active = 0
            piece = world.slots[m, slot].piece
            world.slots[m, slot].old_at = accesses_by(world, m, piece, now_s)
        elif huge:
            change_order(world, m, node, slot, HUGE_ORDER)
            copy_ns = charge_copy(world, m, node, frames, action == COLLAPSE)
        elif action == NOHUGEPAGE:
            change_order(world, m, node, slot, 0)
        slot = join_previous(world, m, node, slot)
    while slot != NONE and world.slots[m, slot].start < stop:
        slot = world.slots[m, slot].after
    return slot, copy_ns
