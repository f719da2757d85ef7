"""Kinds of 2 MiB blocks: what lies in their four leaves, and which buddies are free in them.

A leaf is a buddy of order 7 (128 pages of 4 KiB). Its content is one of five patterns; a block is
two halves of two leaves. Swapping buddies changes nothing that the allocator can see, so blocks
that are equal up to swaps are one class: 120 classes, and two more for blocks that the host does
not back.
"""

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 4096
LEAF_ORDER, BLOCK_ORDER, MAX_ORDER = 7, 9, 10
LEAF_PAGES = 1 << LEAF_ORDER
LEAVES_PER_BLOCK = 1 << (BLOCK_ORDER - LEAF_ORDER)
BLOCK_PAGES = LEAF_PAGES * LEAVES_PER_BLOCK
LEAF_BYTES = LEAF_PAGES * PAGE_BYTES
BLOCK_BYTES = BLOCK_PAGES * PAGE_BYTES
ORDERS = MAX_ORDER + 1

FREE, MOVABLE, SMALL, UNMOVABLE, BALLOON = range(5)
"""Patterns of a leaf: free; 128 movable pages; 64 movable pages and one more (what small
allocations leave behind: one free buddy of each order 0..5); one unmovable page (free buddies of
orders 0..6); 128 pages in the balloon."""

PATTERNS = 5
USED_PAGES = np.array([0, LEAF_PAGES, LEAF_PAGES // 2 + 1, 1, LEAF_PAGES], np.int64)
"""Pages in use by leaf pattern, pages of the balloon included."""

Half = tuple[int, int]
Tree = tuple[Half, Half]

HALVES: tuple[Half, ...] = tuple(combinations_with_replacement(range(PATTERNS), 2))
TREES: tuple[Tree, ...] = tuple(combinations_with_replacement(HALVES, 2))
"""Every block in its canonical form, by class."""

_CLASSES = {tree: place for place, tree in enumerate(TREES)}
BACKED_FREE = 0
"""Class of a free block that the host still backs with memory."""
REPORTED = len(TREES)
"""Class of a free block that the host knows to be free, or that nobody has touched yet."""
GIVEN = REPORTED + 1
"""Class of a block that was allocated away from the guest and given to the host."""
CLASSES = GIVEN + 1


def canonical(leaves: tuple[int, int, int, int]) -> Tree:
    """Order buddies so that equal blocks look equal.

    Example:
        >>> canonical((MOVABLE, FREE, FREE, FREE))
        ((0, 0), (0, 1))
    """
    first, second, third, fourth = leaves
    left = (min(first, second), max(first, second))
    right = (min(third, fourth), max(third, fourth))
    return (left, right) if left <= right else (right, left)


def class_of(leaves: tuple[int, int, int, int]) -> int:
    """Return the class of a backed block with these leaf patterns."""
    return _CLASSES[canonical(leaves)]


def leaves_of(block_class: int) -> tuple[int, ...]:
    """Return the leaf patterns of a class in canonical order; blocks not backed are free."""
    if block_class >= REPORTED:
        return (FREE,) * LEAVES_PER_BLOCK
    (first, second), (third, fourth) = TREES[block_class]
    return first, second, third, fourth


def _leaf_fragments(pattern: int) -> NDArray[np.int64]:
    fragments = np.zeros(ORDERS, np.int64)
    if pattern == SMALL:
        fragments[: LEAF_ORDER - 1] = 1
    elif pattern == UNMOVABLE:
        fragments[:LEAF_ORDER] = 1
    return fragments


def _fragments(block_class: int) -> NDArray[np.int64]:
    fragments = np.zeros(ORDERS, np.int64)
    if block_class == GIVEN:
        return fragments
    leaves = leaves_of(block_class)
    if not any(leaves):
        fragments[BLOCK_ORDER] = 1
        return fragments
    for half in (leaves[:2], leaves[2:]):
        if not any(half):
            fragments[LEAF_ORDER + 1] += 1
            continue
        for leaf in half:
            fragments += _leaf_fragments(leaf)
            fragments[LEAF_ORDER] += leaf == FREE
    return fragments


FRAGMENTS = np.stack([_fragments(one) for one in range(CLASSES)])
"""Free buddies by class and order, ``(CLASSES, 11)``; order 10 takes two blocks."""

LEAVES = np.array(
    [[leaves_of(one).count(leaf) for leaf in range(PATTERNS)] for one in range(CLASSES)], np.int64
)
"""Leaves by class and pattern, ``(CLASSES, 5)``; a given block has none free."""
LEAVES[GIVEN] = 0


def free_buddies(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Count free buddies by order, as ``/proc/buddyinfo`` would.

    Orders 0 to 9 are exact. A free buddy of order 10 is two free blocks side by side; counts do
    not say where blocks lie, so this is its expectation when every place is as likely:
    F (F - 1) / (2 (B - 1)) of F free ones among B blocks.

    Args:
        counts: Blocks by class, ``(..., CLASSES)``.

    Returns:
        ``(..., 11)``.

    Example:
        >>> counts = np.zeros(CLASSES, np.int64)
        >>> counts[BACKED_FREE] = 8
        >>> free_buddies(counts)[9:].tolist()
        [0.0, 4.0]
    """
    buddies = (counts @ FRAGMENTS).astype(np.float64)
    blocks = np.maximum(counts.sum(axis=-1) - 1, 1)
    free = buddies[..., BLOCK_ORDER]
    pairs = free * np.maximum(free - 1.0, 0.0) / (2.0 * blocks)
    buddies[..., MAX_ORDER] = pairs
    buddies[..., BLOCK_ORDER] = free - 2.0 * pairs
    return buddies
