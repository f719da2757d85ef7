"""A guest's blocks as a map: kernel at the bottom, the body, ACMA's stack on top.

Counts do not say where in the body a block lies, since every place is as likely. The map puts the
body's blocks into places drawn once, so that what changes between two maps is what changed.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.blocks import (
    BACKED_FREE,
    BALLOON,
    CLASSES,
    FREE,
    GIVEN,
    LEAVES,
    REPORTED,
    UNMOVABLE,
)
from damosrl.acma.transitions import FULL


class BlockKind(IntEnum):
    """What a reader must tell apart."""

    UNMOVABLE = 0
    FULL = 1
    MIXED = 2
    BALLOONED = 3
    BACKED_FREE = 4
    REPORTED = 5
    GIVEN = 6


def kind_of(block_class: int) -> BlockKind:
    """Return the kind of a class; unmovable pages are the worst that a block can hold.

    Example:
        >>> kind_of(GIVEN)
        <BlockKind.GIVEN: 6>
    """
    single = {
        GIVEN: BlockKind.GIVEN,
        REPORTED: BlockKind.REPORTED,
        BACKED_FREE: BlockKind.BACKED_FREE,
        FULL: BlockKind.FULL,
    }
    if block_class in single:
        return single[block_class]
    if LEAVES[block_class, UNMOVABLE]:
        return BlockKind.UNMOVABLE
    if LEAVES[block_class, BALLOON]:
        return BlockKind.BALLOONED
    return BlockKind.MIXED if LEAVES[block_class, FREE] else BlockKind.FULL


KINDS = np.array([kind_of(one) for one in range(CLASSES)], np.int64)


def block_map(
    counts: NDArray[np.int64], guest: NDArray[np.void], seed: int = 0
) -> NDArray[np.int64]:
    """Return `BlockKind` by block, lowest address first, ``(blocks,)``.

    Args:
        counts: Blocks by class, ``(CLASSES,)``.
        guest: The guest's `damosrl.acma.state.GUEST` record.
        seed: Of the places in the body.
    """
    by_kind = np.bincount(KINDS, weights=counts, minlength=len(BlockKind)).astype(np.int64)
    anchored, stranded = int(guest["anchored"]), int(guest["stranded"])
    by_kind[BlockKind.UNMOVABLE] -= anchored + stranded
    given = int(by_kind[BlockKind.GIVEN])
    by_kind[BlockKind.GIVEN] = 0
    body = np.repeat(np.arange(len(BlockKind)), by_kind)
    rng = np.random.default_rng(seed)
    # a fixed place for every rank: where kinds do not change, neither does the map
    placed = np.empty_like(body)
    placed[rng.permutation(int(guest["blocks"])).argsort()[: len(body)].argsort()] = body
    stack = np.repeat([BlockKind.UNMOVABLE, BlockKind.GIVEN], [stranded, given])
    bottom = np.full(anchored, BlockKind.UNMOVABLE)
    return np.concatenate([bottom, placed, rng.permutation(stack)]).astype(np.int64)
