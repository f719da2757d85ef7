"""The same memory block by block: a plain-Python buddy allocator, to hold the counts against.

Every block keeps its pages and its own free lists of orders 0 to 9; pages are freed one by one
and merge with their buddies as mm/page_alloc.c does (buddy = page number xor size). Nothing is
shared with the counts but the random numbers and the rule which blocks are struck.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from damosrl.acma.blocks import (
    BALLOON,
    BLOCK_ORDER,
    BLOCK_PAGES,
    CLASSES,
    FREE,
    GIVEN,
    LEAF_ORDER,
    LEAF_PAGES,
    LEAVES_PER_BLOCK,
    MOVABLE,
    REPORTED,
    SMALL,
    UNMOVABLE,
    class_of,
)
from damosrl.acma.chance import Stream, below

CHUNKS: dict[int, tuple[int, ...]] = {
    MOVABLE: (LEAF_ORDER,),
    SMALL: (LEAF_ORDER - 1, 0),
    UNMOVABLE: (0,),
    BALLOON: (0,) * LEAF_PAGES,
}
"""Allocations that make up a leaf of each pattern, as orders."""


@dataclass
class Block:
    """2 MiB with a buddy allocator of its own.

    Args:
        backed: Whether the host holds memory for it.
        given: Whether it was given to the host.
    """

    backed: bool = True
    given: bool = False
    free: dict[int, set[int]] = field(default_factory=lambda: {BLOCK_ORDER: {0}})
    """First pages of free buddies by order."""
    chunks: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Allocated pieces: first page -> (order, pattern of their leaf)."""

    @property
    def leaf_patterns(self) -> tuple[int, int, int, int]:
        """Pattern of every leaf, read off the allocated pieces."""
        found = [FREE] * LEAVES_PER_BLOCK
        for page, (_, pattern) in self.chunks.items():
            found[page // LEAF_PAGES] = pattern
        first, second, third, fourth = found
        return first, second, third, fourth

    @property
    def block_class(self) -> int:
        """Class as the counts name it."""
        if self.given:
            return GIVEN
        if not self.chunks and not self.backed:
            return REPORTED
        return class_of(self.leaf_patterns)

    def smallest_fit(self) -> int | None:
        """Return the smallest order that has a free buddy of a leaf or more."""
        orders = [order for order in range(LEAF_ORDER, BLOCK_ORDER + 1) if self.free.get(order)]
        return None if self.given or not orders else orders[0]

    def take_leaf(self, pattern: int) -> None:
        """Allocate one leaf: split the smallest free buddy that fits, then carve the leaf."""
        order = self.smallest_fit()
        if order is None:
            raise ValueError("no free buddy is as large as a leaf")
        leaf = self._split(order, LEAF_ORDER)
        self.backed = True
        self.free.setdefault(LEAF_ORDER, set()).add(leaf)
        for piece in CHUNKS[pattern]:
            page = self._carve(leaf, piece)
            self.chunks[page] = (piece, pattern)

    def free_leaf(self, leaf: int) -> None:
        """Free everything in a leaf, merging buddies as they become free."""
        pages = [page for page in self.chunks if page // LEAF_PAGES == leaf]
        for page in pages:
            order, _ = self.chunks.pop(page)
            self._merge(page, order)

    def clear(self) -> list[int]:
        """Free the whole block; return the patterns of the leaves that were in it."""
        held = [pattern for pattern in self.leaf_patterns if pattern != FREE]
        for leaf in range(LEAVES_PER_BLOCK):
            self.free_leaf(leaf)
        return held

    def used_pages(self) -> int:
        """Count allocated pages."""
        return sum(1 << order for order, _ in self.chunks.values())

    def _split(self, order: int, target: int) -> int:
        patterns = self.leaf_patterns

        def beside(page: int) -> int:
            """Where two free leaves fit, the one whose buddy has the lower pattern is taken."""
            return patterns[page // LEAF_PAGES ^ 1]

        fitting = sorted(self.free[order])
        page = min(fitting, key=beside) if order == LEAF_ORDER else fitting[0]
        self.free[order].remove(page)
        while order > target:
            order -= 1
            self.free.setdefault(order, set()).add(page + (1 << order))
        return page

    def _carve(self, leaf: int, order: int) -> int:
        inside = range(leaf, leaf + LEAF_PAGES)
        for size in range(order, LEAF_ORDER + 1):
            fitting = [page for page in self.free.get(size, ()) if page in inside]
            if fitting:
                page = min(fitting)
                self.free[size].remove(page)
                while size > order:
                    size -= 1  # noqa: PLW2901  splits on until the order fits
                    self.free.setdefault(size, set()).add(page + (1 << size))
                return page
        raise ValueError("the leaf has no room left")

    def _merge(self, page: int, order: int) -> None:
        while order < BLOCK_ORDER:
            buddy = page ^ (1 << order)
            if buddy not in self.free.get(order, ()):
                break
            self.free[order].remove(buddy)
            page, order = min(page, buddy), order + 1
        self.free.setdefault(order, set()).add(page)


class BlockMemory:
    """A guest's memory as a list of real blocks.

    Args:
        blocks: Number of blocks.
        stream: Random generator, ``(1,)`` uint64.

    Example:
        >>> memory = BlockMemory(8, np.zeros(1, np.uint64))
        >>> memory.allocate(MOVABLE, 5)
        5
        >>> int(memory.counts()[GIVEN])
        0
    """

    def __init__(self, blocks: int, stream: Stream) -> None:
        self.blocks = [Block(backed=False) for _ in range(blocks)]
        self._stream = stream

    def counts(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Count blocks by class, ``(CLASSES,)``."""
        found = Counter(block.block_class for block in self.blocks)
        return np.array([found[one] for one in range(CLASSES)], np.int64)

    def free_buddies(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Count free buddies of orders 0..9 from the free lists, ``(10,)``."""
        open_blocks = [block for block in self.blocks if not block.given]
        return np.array(
            [
                sum(len(block.free.get(order, ())) for block in open_blocks)
                for order in range(BLOCK_ORDER + 1)
            ],
            np.int64,
        )

    def used_pages(self) -> int:
        """Count allocated pages."""
        return sum(block.used_pages() for block in self.blocks)

    def capacity_pages(self) -> int:
        """Count the pages that the guest has."""
        return BLOCK_PAGES * sum(not block.given for block in self.blocks)

    def allocate(self, pattern: int, leaves: int) -> int:
        """Allocate leaves by best fit; returns how many found room."""
        left = leaves
        while left > 0:
            found = self._allocate_once(pattern, left)
            if not found:
                break
            left -= found
        return leaves - left

    def release(self, pattern: int, leaves: int) -> int:
        """Free leaves of a pattern wherever they lie; returns how many were freed."""
        left = leaves
        while left > 0:
            groups = self._by_class(self.blocks)
            rows = [
                (place, position)
                for place, group in enumerate(groups)
                for position in range(_leaves_like(group[0], pattern))
                for _ in group
            ]
            picked = self._sample(len(rows), left, 2 * LEAVES_PER_BLOCK)
            if not picked:
                break
            # which block of a class is struck makes no difference; none is struck twice
            for group_place, position in [rows[place] for place in picked]:
                block = groups[group_place].pop()
                _free_position(block, pattern, position)
                block.backed = bool(block.chunks) or pattern != BALLOON
            left -= len(picked)
        return leaves - left

    def clear(self, blocks: int) -> int:
        """Give blocks without unmovable pages to the host, moving what is in them."""
        movable = [one for one in self.blocks if not one.given and not _is_pinned(one)]
        rows = [block for group in self._by_class(movable) for block in group]
        picked = self._sample(len(rows), blocks, 1)
        held: list[int] = []
        for place in picked:
            held += rows[place].clear()
            rows[place].given, rows[place].backed = True, False
        for pattern in (MOVABLE, SMALL, BALLOON):
            self.allocate(pattern, held.count(pattern))
        return len(picked)

    def compact(self, blocks: int) -> int:
        """Empty nearly empty blocks into the smallest free buddies of the others."""
        sparse = [
            one
            for one in self.blocks
            if not one.given and not _is_pinned(one) and one.leaf_patterns.count(FREE) in (2, 3)
        ]
        rows = [block for group in self._by_class(sparse) for block in group]
        picked = [rows[place] for place in self._sample(len(rows), blocks, 1)]
        held = [pattern for block in picked for pattern in block.clear()]
        for block in picked:
            block.given = True  # out of reach while its pages look for room
        for pattern in (MOVABLE, SMALL, BALLOON):
            self.allocate(pattern, held.count(pattern))
        for block in picked:
            block.given = False
        return len(picked)

    def give_back(self, blocks: int) -> int:
        """Return blocks from the host to the guest."""
        rows = [block for block in self.blocks if block.given]
        picked = self._sample(len(rows), blocks, 1)
        for place in picked:
            rows[place].given = False
        return len(picked)

    def report(self, blocks: int) -> int:
        """Tell the host of free blocks."""
        rows = [one for one in self.blocks if not one.given and one.backed and not one.chunks]
        picked = self._sample(len(rows), blocks, 1)
        for place in picked:
            rows[place].backed = False
        return len(picked)

    def deflate(self, blocks: int) -> int:
        """Free blocks that are all balloon; the host does not back them."""
        rows = [one for one in self.blocks if one.leaf_patterns == (BALLOON,) * 4]
        picked = self._sample(len(rows), blocks, 1)
        for place in picked:
            rows[place].clear()
            rows[place].backed = False
        return len(picked)

    def exit(self, blocks: int) -> int:
        """Free blocks that are one piece."""
        rows = [one for one in self.blocks if one.leaf_patterns == (MOVABLE,) * 4]
        picked = self._sample(len(rows), blocks, 1)
        for place in picked:
            rows[place].clear()
        return len(picked)

    def _allocate_once(self, pattern: int, left: int) -> int:
        usable = [block for block in self.blocks if block.smallest_fit() is not None]
        if pattern == UNMOVABLE:
            beside = [block for block in usable if _is_pinned(block)]
            if beside:
                return self._take(beside, pattern, left, 1)
        for order, sizes in (
            (LEAF_ORDER, (1,)),
            (LEAF_ORDER + 1, (2, 1)),
        ):
            fitting = [block for block in usable if block.free.get(order)]
            for size in sizes:
                if fitting and left >= size:
                    return self._take(fitting, pattern, left // size, size)
        for backed in (True, False):
            fresh = [b for b in usable if not b.chunks and b.backed is backed]
            for size in (LEAVES_PER_BLOCK, 1):
                if fresh and left >= size:
                    return self._take(fresh, pattern, left // size, size)
        return 0

    def _take(self, fitting: list[Block], pattern: int, wanted: int, size: int) -> int:
        rows = [block for group in self._by_class(fitting) for block in group]
        picked = self._sample(len(rows), wanted, 1)
        for place in picked:
            for _ in range(size):
                rows[place].take_leaf(pattern)
        return size * len(picked)

    def _sample(self, total: int, wanted: int, spacing: int) -> list[int]:
        if total == 0 or wanted <= 0:
            return []
        taken = min(wanted, max(total // spacing, 1))
        begin = below(self._stream, total)
        return [(place * total + begin) // taken for place in range(taken)]

    @staticmethod
    def _by_class(blocks: list[Block]) -> list[list[Block]]:
        groups: dict[int, list[Block]] = {}
        for block in blocks:
            groups.setdefault(block.block_class, []).append(block)
        return [groups[one] for one in sorted(groups)]


def _is_pinned(block: Block) -> bool:
    return UNMOVABLE in block.leaf_patterns


def _leaves_like(block: Block, pattern: int) -> int:
    return 0 if block.given else block.leaf_patterns.count(pattern)


def _free_position(block: Block, pattern: int, position: int) -> None:
    """Free the leaf that stands at a position among its like in canonical order."""
    patterns = block.leaf_patterns
    left = sorted((0, 1), key=lambda leaf: patterns[leaf])
    right = sorted((2, 3), key=lambda leaf: patterns[leaf])
    halves = sorted((left, right), key=lambda half: [patterns[leaf] for leaf in half])
    row = [leaf for half in halves for leaf in half if patterns[leaf] == pattern]
    block.free_leaf(row[position])
