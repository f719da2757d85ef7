"""Counts by class do what a buddy allocator does to real blocks, page by page."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.acma.blocks import (
    BLOCK_ORDER,
    BLOCK_PAGES,
    CLASSES,
    FRAGMENTS,
    FREE,
    GIVEN,
    LEAVES,
    MOVABLE,
    PATTERNS,
    REPORTED,
    UNMOVABLE,
    USED_PAGES,
    free_buddies,
)
from damosrl.acma.counting import allocate, leaves, release, vacate, whole
from damosrl.acma.reference import BlockMemory
from damosrl.acma.transitions import Whole


class Pair:
    """The same memory twice: as counts, and as blocks with real free lists."""

    def __init__(self, blocks: int, seed: int) -> None:
        self.blocks = blocks
        self.stream = np.array([seed], np.uint64)
        self.memory = BlockMemory(blocks, self.stream.copy())
        self.counts = np.zeros(CLASSES, np.int64)
        self.counts[REPORTED] = blocks

    def allocate(self, pattern: int, size: int) -> tuple[int, int]:
        """Allocate leaves of a pattern; few unmovable ones, as kernels do."""
        wanted = size if pattern != UNMOVABLE else size // 6
        return allocate(self.counts, pattern, wanted, self.stream)[0], self.memory.allocate(
            pattern, wanted
        )

    def release(self, pattern: int, size: int) -> tuple[int, int]:
        """Free leaves of a pattern."""
        freed = release(self.counts, pattern, size, self.stream)
        return freed, self.memory.release(pattern, size)

    def give(self, _: int, size: int) -> tuple[int, int]:
        """Give blocks to the host where their content finds room."""
        some = min(size // 4, leaves(self.counts, FREE) // 8)
        return vacate(self.counts, int(Whole.CLEAR), some, self.stream)[0], self.memory.clear(some)

    def compact(self, _: int, size: int) -> tuple[int, int]:
        """Empty nearly empty blocks."""
        some = min(size // 4, leaves(self.counts, FREE) // 8)
        emptied = vacate(self.counts, int(Whole.COMPACT), some, self.stream)[0]
        return emptied, self.memory.compact(some)

    def give_back(self, _: int, size: int) -> tuple[int, int]:
        """Take blocks back from the host."""
        returned = whole(self.counts, int(Whole.RETURN), size // 6, self.stream)
        return returned, self.memory.give_back(size // 6)

    def report(self, _: int, size: int) -> tuple[int, int]:
        """Report free blocks."""
        reported = whole(self.counts, int(Whole.REPORT), size // 6, self.stream)
        return reported, self.memory.report(size // 6)

    def exit(self, _: int, size: int) -> tuple[int, int]:
        """Free blocks that are one piece."""
        freed = whole(self.counts, int(Whole.EXIT), size // 6, self.stream)
        return freed, self.memory.exit(size // 6)

    def deflate(self, _: int, size: int) -> tuple[int, int]:
        """Free blocks that are all balloon."""
        freed = whole(self.counts, int(Whole.DEFLATE), size // 6, self.stream)
        return freed, self.memory.deflate(size // 6)


ACTIONS: tuple[Callable[[Pair, int, int], tuple[int, int]], ...] = (
    Pair.allocate,
    Pair.release,
    Pair.give,
    Pair.compact,
    Pair.give_back,
    Pair.report,
    Pair.exit,
    Pair.deflate,
)


def traffic(pair: Pair, seed: int, steps: int) -> None:
    """Let random traffic hit both; after every step they must be equal."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        action = ACTIONS[int(rng.integers(len(ACTIONS)))]
        done = action(pair, int(rng.integers(1, PATTERNS)), int(rng.integers(1, 3 * pair.blocks)))
        assert done[0] == done[1], action.__name__
        assert np.array_equal(pair.memory.counts(), pair.counts), action.__name__


@pytest.mark.parametrize("seed", range(6))
def test_random_traffic_leaves_both_equal(seed: int) -> None:
    """After any traffic the counts are those of the blocks, class by class."""
    blocks = int(np.random.default_rng(seed).integers(3, 120))
    traffic(Pair(blocks, seed), seed, 120)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_free_buddies_are_those_of_the_free_lists(blocks: int, seed: int) -> None:
    """Free contiguity by order is what the allocator's free lists hold, orders 0 to 9."""
    pair = Pair(blocks, seed)
    traffic(pair, seed, 25)
    assert np.array_equal(pair.memory.free_buddies(), (pair.counts @ FRAGMENTS)[: BLOCK_ORDER + 1])


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_blocks_and_pages_are_conserved(blocks: int, seed: int) -> None:
    """Every block is in one class, and used and free pages add up to what the guest has."""
    pair = Pair(blocks, seed)
    traffic(pair, seed, 25)
    assert pair.counts.min() >= 0
    assert pair.counts.sum() == blocks
    used = int((pair.counts @ LEAVES) @ USED_PAGES)
    free = int((pair.counts @ FRAGMENTS) @ (1 << np.arange(FRAGMENTS.shape[1])))
    assert used == pair.memory.used_pages()
    assert used + free == pair.memory.capacity_pages()
    assert pair.memory.capacity_pages() == (blocks - int(pair.counts[GIVEN])) * BLOCK_PAGES


def test_a_given_block_is_not_used() -> None:
    """No block is both given and used: a given one has neither free nor used pages."""
    assert FRAGMENTS[GIVEN].sum() == 0
    assert LEAVES[GIVEN].sum() == 0


def test_blocks_with_unmovable_pages_are_never_given() -> None:
    """Clearing leaves every block alone that holds an unmovable page."""
    stream = np.array([1], np.uint64)
    counts = np.zeros(CLASSES, np.int64)
    counts[REPORTED] = 64
    allocate(counts, UNMOVABLE, 8, stream)
    pinned = counts[(LEAVES[:, UNMOVABLE] > 0)].sum()
    vacate(counts, int(Whole.CLEAR), 64, stream)
    assert counts[(LEAVES[:, UNMOVABLE] > 0)].sum() == pinned > 0
    assert counts[GIVEN] == 64 - pinned


def test_nothing_moves_that_would_find_no_room() -> None:
    """A full memory cannot be cleared: nothing is lost, nothing is given."""
    stream = np.array([1], np.uint64)
    counts = np.zeros(CLASSES, np.int64)
    counts[REPORTED] = 16
    allocate(counts, MOVABLE, 64, stream)
    assert vacate(counts, int(Whole.CLEAR), 4, stream) == (0, 0, 0)
    assert counts[GIVEN] == 0
    assert leaves(counts, MOVABLE) == 64


def test_pairs_of_free_blocks_are_as_many_as_chance_puts_side_by_side() -> None:
    """The expected number of order-10 buddies is the mean over random places of the blocks."""
    rng = np.random.default_rng(0)
    blocks, free = 64, 24
    counts = np.zeros(CLASSES, np.int64)
    counts[0], counts[GIVEN] = free, blocks - free
    row = np.arange(blocks) < free
    pairs = [rng.permutation(row).reshape(-1, 2).all(axis=1).sum() for _ in range(4000)]
    spread = np.std(pairs) / np.sqrt(len(pairs))
    assert abs(np.mean(pairs) - free_buddies(counts)[10]) < 4.0 * spread
