"""Strikes blocks by counts: how many of each class an operation hits, and what becomes of them.

Which blocks are hit is a systematic sample (Madow and Madow, Annals of Mathematical Statistics,
1944): slots lie in a row, class after class, and every (total / k)-th one is taken from a random
beginning. Every slot is as likely as any other, no block is struck twice, and the cost follows
the number of classes, never that of blocks. A program that walks over real blocks in the same
order hits the same ones: see `damosrl.acma.reference`.
"""

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.blocks import BALLOON, CLASSES, GIVEN, LEAVES, MOVABLE, SMALL, UNMOVABLE
from damosrl.acma.chance import Stream, below
from damosrl.acma.compiling import kernel
from damosrl.acma.transitions import (
    FIRST_SLOT,
    LEAVES_TAKEN,
    SLOTS,
    SPACING,
    TAKES,
    Take,
    free_code,
    take_code,
    whole_code,
)

Counts = NDArray[np.int64]
"""Blocks by class, ``(CLASSES,)``."""
Work = NDArray[np.int64]
"""Scratch of an operation, ``(3, CLASSES)``: blocks struck by class, slots struck, how often."""

TAKE_CODES = np.array([[take_code(p, t) for t in range(TAKES)] for p in range(5)], np.int64)
FREE_CODES = np.array([free_code(pattern) for pattern in range(5)], np.int64)
FIRST_WHOLE = whole_code(0)
FIRST_NEW = int(Take.NEW_BLOCK)
HALF_LEAF = int(Take.HALF_LEAF)
FRESH_LEAF, NEW_LEAF = int(Take.BLOCK_LEAF), int(Take.NEW_BLOCK_LEAF)
MOVED = np.array([MOVABLE, SMALL, BALLOON], np.int64)
HAS_UNMOVABLE = LEAVES[:, UNMOVABLE] > 0


@kernel
def places(counts: Counts, operation: int) -> int:
    """Count the slots that an operation could strike."""
    total = 0
    for slot in range(FIRST_SLOT[operation], FIRST_SLOT[operation + 1]):
        total += counts[SLOTS[slot, 0]]
    return total


@kernel
def strike(counts: Counts, work: Work, operation: int, wanted: int, stream: Stream) -> int:
    """Apply an operation to as many of the wanted slots as one sample may take.

    Args:
        counts: Blocks by class, changed in place.
        work: Scratch; its first row gets the struck blocks by their class before.
        operation: Its number.
        wanted: Slots to strike.
        stream: Random generator; one number is drawn if anything is struck.

    Returns:
        Slots struck.
    """
    if wanted <= 0:
        return 0
    total = places(counts, operation)
    if total == 0:
        return 0
    taken = min(wanted, max(total // SPACING[operation], 1))
    begin = below(stream, total)
    hit, slots, sizes = work[0], work[1], work[2]
    hit[:] = 0
    passed, row, kinds = 0, 0, 0
    for slot in range(FIRST_SLOT[operation], FIRST_SLOT[operation + 1]):
        here = counts[SLOTS[slot, 0]]
        if here == 0:
            continue
        row += here
        reached = min(max((row * taken - begin + total - 1) // total, 0), taken)
        if reached > passed:
            slots[kinds], sizes[kinds] = slot, reached - passed
            kinds += 1
            passed = reached
    for place in range(kinds):
        source = SLOTS[slots[place], 0]
        counts[source] -= sizes[place]
        counts[SLOTS[slots[place], 1]] += sizes[place]
        hit[source] += sizes[place]
    return passed


@kernel
def allocate(counts: Counts, pattern: int, leaves: int, stream: Stream) -> tuple[int, int]:
    """Allocate leaves, each from the smallest free buddy that fits.

    Returns:
        Leaves allocated, fewer than asked for when no free one is left, and blocks that the host
        has to back now.
    """
    work = np.empty((3, CLASSES), np.int64)
    left, new_blocks, first = leaves, 0, 0
    while left > 0:
        found = 0
        for take in range(first, TAKES):
            wanted = left // LEAVES_TAKEN[take]
            struck = strike(counts, work, TAKE_CODES[pattern, take], wanted, stream)
            if struck > 0:
                found = struck * LEAVES_TAKEN[take]
                new_blocks += struck * (take >= FIRST_NEW)
                # only a buddy that was split leaves smaller ones behind
                split = take in (HALF_LEAF, FRESH_LEAF, NEW_LEAF)
                first = 0 if split or pattern == UNMOVABLE else take
                break
        if found == 0:
            break
        left -= found
    return leaves - left, new_blocks


@kernel
def pin_fresh(counts: Counts, leaves: int, stream: Stream) -> tuple[int, int]:
    """Put unmovable pages into free blocks of their own, as the page allocator's fallback does.

    When no block of its kind has room, mm/page_alloc.c steals from the largest free buddy.

    Returns:
        Leaves placed, and blocks that the host has to back now.
    """
    work = np.empty((3, CLASSES), np.int64)
    backed = strike(counts, work, TAKE_CODES[UNMOVABLE, FRESH_LEAF], leaves, stream)
    fresh = strike(counts, work, TAKE_CODES[UNMOVABLE, NEW_LEAF], leaves - backed, stream)
    return backed + fresh, fresh


@kernel
def release(counts: Counts, pattern: int, leaves: int, stream: Stream) -> int:
    """Free leaves of a pattern wherever they lie; returns how many were freed."""
    work = np.empty((3, CLASSES), np.int64)
    left = leaves
    while left > 0:
        struck = strike(counts, work, FREE_CODES[pattern], left, stream)
        if struck == 0:
            break
        left -= struck
    return leaves - left


@kernel
def whole(counts: Counts, operation: int, blocks: int, stream: Stream) -> int:
    """Apply an operation on whole blocks (`Whole`) that moves no page; returns blocks struck."""
    work = np.empty((3, CLASSES), np.int64)
    return strike(counts, work, FIRST_WHOLE + operation, blocks, stream)


@kernel
def vacate(counts: Counts, operation: int, blocks: int, stream: Stream) -> tuple[int, int, int]:
    """Empty blocks (`Whole.CLEAR`, `COMPACT` or `SWEEP`); what is in them moves elsewhere.

    Nothing moves that would find no room: then half as many blocks are tried.

    Returns:
        Blocks emptied, leaves moved, and blocks that the host has to back now.
    """
    work = np.empty((3, CLASSES), np.int64)
    before = counts.copy()
    tried = blocks
    while tried > 0:
        struck = strike(counts, work, FIRST_WHOLE + operation, tried, stream)
        if struck == 0:
            return 0, 0, 0
        target = SLOTS[FIRST_SLOT[FIRST_WHOLE + operation], 1]
        emptied = 0 if target == GIVEN else struck
        counts[target] -= emptied
        need, room = 0, 0
        for one in range(CLASSES):
            room += counts[one] * LEAVES[one, 0]
            for pattern in MOVED:
                need += work[0, one] * LEAVES[one, pattern]
        if need <= room:
            new_blocks = 0
            for pattern in MOVED:
                moved = 0
                for one in range(CLASSES):
                    moved += work[0, one] * LEAVES[one, pattern]
                new_blocks += allocate(counts, pattern, moved, stream)[1]
            counts[target] += emptied
            return struck, need, new_blocks
        counts[:] = before
        tried //= 2
    return 0, 0, 0


@kernel
def unmovable_blocks(counts: Counts) -> int:
    """Count the blocks that hold unmovable pages."""
    total = 0
    for one in range(CLASSES):
        if HAS_UNMOVABLE[one]:
            total += counts[one]
    return total


@kernel
def leaves(counts: Counts, pattern: int) -> int:
    """Count the leaves of a pattern."""
    total = 0
    for one in range(CLASSES):
        total += counts[one] * LEAVES[one, pattern]
    return total
