"""Which ranges a target's regions may be fitted to (kernel 7.3, mm/damon/core.c; semantics 1.3)."""

from collections.abc import Sequence

from damosrl.errors import DocumentError


def aligned_ranges(ranges: Sequence[tuple[int, int]], min_region_sz: int) -> list[tuple[int, int]]:
    """Round ranges outwards to the smallest region size.

    As in the kernel, an end rounded up to 2^64 wraps to 0, and its range is empty.

    Raises:
        DocumentError: A range is empty, or the ranges are not ascending and disjoint.
    """
    aligned: list[tuple[int, int]] = []
    for low, high in ranges:
        start = low // min_region_sz * min_region_sz
        end = -(-high // min_region_sz) * min_region_sz % 2**64
        if start >= end or (aligned and start < aligned[-1][1]):
            raise DocumentError(
                f"target ranges aligned to {min_region_sz} are empty or overlap",
                got=f"[{low}, {high})",
                allowed="ascending, disjoint, non-empty ranges",
                fix="sort, widen or merge the ranges",
            )
        aligned.append((start, end))
    return aligned
