"""What may happen to a block: tables of places where an operation can strike, by block class.

A slot is one place in a block (a free buddy to take, a leaf to free) with the class that the block
has afterwards. The tables follow buddy rules: an allocation of a leaf takes the smallest free
buddy that fits.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.blocks import (
    BACKED_FREE,
    BALLOON,
    FREE,
    GIVEN,
    LEAVES_PER_BLOCK,
    MOVABLE,
    PATTERNS,
    REPORTED,
    SMALL,
    UNMOVABLE,
    class_of,
    leaves_of,
)

Slot = tuple[int, int]
Leaves = tuple[int, ...]

FULL = class_of((MOVABLE,) * 4)
"""Class of a block that is one piece of a program's memory."""
BALLOONED = class_of((BALLOON,) * 4)
"""Class of a block that is all balloon."""


class Take(IntEnum):
    """How an allocation of leaves finds room, in the order in which it is tried."""

    BESIDE_UNMOVABLE = 0
    """A leaf in a block that has unmovable pages already (grouping by mobility)."""
    LEAF = 1
    """A free buddy of order 7."""
    HALF = 2
    """A whole free buddy of order 8, for two leaves."""
    HALF_LEAF = 3
    """One leaf of a free buddy of order 8."""
    BLOCK = 4
    """A whole free block, for four leaves."""
    BLOCK_LEAF = 5
    """One leaf of a free block."""
    NEW_BLOCK = 6
    """A whole block that the host does not back, for four leaves."""
    NEW_BLOCK_LEAF = 7
    """One leaf of a block that the host does not back."""


TAKES = len(Take)
LEAVES_TAKEN = np.array([1, 1, 2, 1, 4, 1, 4, 1], np.int64)
"""Leaves that one slot of each `Take` gives."""


class Whole(IntEnum):
    """Operations on whole blocks; they come behind those on leaves."""

    CLEAR = 0
    """Empty a block without unmovable pages, to be given to the host."""
    RETURN = 1
    """Give a block back to the guest; the host backs it at the first touch."""
    REPORT = 2
    """Tell the host that a free block is free."""
    EXIT = 3
    """Free a block that is one piece."""
    COMPACT = 4
    """Empty a block with one or two used leaves and no unmovable page."""
    SWEEP = 5
    """Empty any block that is used in part and has no unmovable page."""
    DEFLATE = 6
    """Free a block that is all balloon; the host does not back it."""


def take_code(pattern: int, take: int) -> int:
    """Return the number of the operation that allocates a leaf of a pattern in a way."""
    return pattern * TAKES + take


def free_code(pattern: int) -> int:
    """Return the number of the operation that frees a leaf of a pattern."""
    return PATTERNS * TAKES + pattern


def whole_code(operation: int) -> int:
    """Return the number of an operation on whole blocks."""
    return PATTERNS * (TAKES + 1) + operation


OPERATIONS = PATTERNS * (TAKES + 1) + len(Whole)


def _with(leaves: Leaves, places: Iterable[int], pattern: int) -> int:
    changed = list(leaves)
    for place in places:
        changed[place] = pattern
    first, second, third, fourth = changed
    return class_of((first, second, third, fourth))


def _free_leaf(leaves: Leaves) -> int | None:
    """Return a free leaf whose buddy is used."""
    for place in range(LEAVES_PER_BLOCK):
        if leaves[place] == FREE and leaves[place ^ 1] != FREE:
            return place
    return None


def _free_half(leaves: Leaves) -> int | None:
    """Return the first leaf of a free half in a block that is used otherwise."""
    for place in (0, 2):
        if not any(leaves[place : place + 2]) and any(leaves):
            return place
    return None


def _take_slots(pattern: int, take: Take, block_class: int) -> list[Slot]:
    leaves = leaves_of(block_class)
    leaf, half = _free_leaf(leaves), _free_half(leaves)
    fresh = {Take.BLOCK: BACKED_FREE, Take.BLOCK_LEAF: BACKED_FREE}
    fresh |= {Take.NEW_BLOCK: REPORTED, Take.NEW_BLOCK_LEAF: REPORTED}
    places: tuple[int, ...] = ()
    if take in fresh:
        if block_class == fresh[take]:
            places = tuple(range(4)) if LEAVES_TAKEN[take] == LEAVES_PER_BLOCK else (0,)
    elif take is Take.BESIDE_UNMOVABLE:
        place = leaf if leaf is not None else half
        if UNMOVABLE in leaves and place is not None:
            places = (place,)
    elif take is Take.LEAF and leaf is not None:
        places = (leaf,)
    elif half is not None and take is Take.HALF:
        places = (half, half + 1)
    elif half is not None and take is Take.HALF_LEAF:
        places = (half,)
    return [(block_class, _with(leaves, places, pattern))] if places else []


def _free_slots(pattern: int, block_class: int) -> list[Slot]:
    """List the leaves of a pattern; a block that only a balloon held is not backed any more."""
    leaves = leaves_of(block_class)
    slots = [
        (block_class, _with(leaves, (place,), FREE))
        for place in range(LEAVES_PER_BLOCK)
        if leaves[place] == pattern
    ]
    if pattern != BALLOON:
        return slots
    return [(one, REPORTED if after == BACKED_FREE else after) for one, after in slots]


def _is_clearable(block_class: int) -> bool:
    return block_class != GIVEN and UNMOVABLE not in leaves_of(block_class)


def _used_leaves(block_class: int) -> int:
    return LEAVES_PER_BLOCK - leaves_of(block_class).count(FREE)


def _whole_slots(operation: Whole, block_class: int) -> list[Slot]:
    partly = 0 < _used_leaves(block_class) < LEAVES_PER_BLOCK
    movable = _is_clearable(block_class)
    targets: dict[Whole, tuple[bool, int]] = {
        Whole.CLEAR: (movable, GIVEN),
        Whole.RETURN: (block_class == GIVEN, REPORTED),
        Whole.REPORT: (block_class == BACKED_FREE, REPORTED),
        Whole.EXIT: (block_class == FULL, BACKED_FREE),
        Whole.COMPACT: (movable and 0 < _used_leaves(block_class) <= 2, BACKED_FREE),
        Whole.DEFLATE: (block_class == BALLOONED, REPORTED),
        Whole.SWEEP: (movable and partly, BACKED_FREE),
    }
    fits, target = targets[operation]
    return [(block_class, target)] if fits else []


def _tables() -> list[list[Slot]]:
    def every(slots: Callable[[int], list[Slot]]) -> list[Slot]:
        return [slot for one in range(GIVEN + 1) for slot in slots(one)]

    takes = [
        every(lambda one, p=pattern, t=take: _take_slots(p, t, one))  # type: ignore[misc]
        if pattern != FREE and one_sided(pattern, take)
        else []
        for pattern in range(PATTERNS)
        for take in Take
    ]
    frees = [
        every(lambda one, p=pattern: _free_slots(p, one)) if pattern != FREE else []  # type: ignore[misc]
        for pattern in range(PATTERNS)
    ]
    wholes = [every(lambda one, w=whole: _whole_slots(w, one)) for whole in Whole]  # type: ignore[misc]
    return takes + frees + wholes


def one_sided(pattern: int, take: int) -> bool:
    """Tell whether a pattern allocates in a way: only unmovable pages look for their like."""
    return take != Take.BESIDE_UNMOVABLE or pattern == UNMOVABLE


_TABLES = _tables()
SLOTS: NDArray[np.int64] = np.array([slot for table in _TABLES for slot in table], np.int64)
"""Class before and after, ``(slots, 2)``, operation after operation."""
FIRST_SLOT: NDArray[np.int64] = np.cumsum([0, *(len(table) for table in _TABLES)]).astype(np.int64)
"""First slot of every operation, ``(OPERATIONS + 1,)``."""
SPACING: NDArray[np.int64] = np.ones(OPERATIONS, np.int64)
"""Least distance of two slots that one sample may take, so that no block is struck twice."""
SPACING[[free_code(pattern) for pattern in (MOVABLE, SMALL, UNMOVABLE, BALLOON)]] = (
    2 * LEAVES_PER_BLOCK
)
