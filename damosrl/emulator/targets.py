"""Fitting a target's regions to address ranges (damon_set_regions of kernel 7.3, semantics 1.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from damosrl.errors import DocumentError


@dataclass
class TrackedRegion:
    """One region outside the engine's arrays.

    Args:
        start: First byte.
        end: One past the last byte.
        nr_accesses: Accesses of the running aggregation.
        last_nr_accesses: Accesses of the previous one.
        age: Aggregation intervals.
    """

    start: int
    end: int
    nr_accesses: int = 0
    last_nr_accesses: int = 0
    age: int = 0

    def meets(self, low: int, high: int) -> bool:
        """Tell whether the region and [low, high) have bytes in common."""
        return low < self.end and self.start < high


def aligned_ranges(ranges: Sequence[tuple[int, int]], min_region_sz: int) -> list[tuple[int, int]]:
    """Round ranges outwards to the smallest region size.

    Raises:
        DocumentError: A range is empty, or the ranges are not ascending and disjoint.
    """
    aligned: list[tuple[int, int]] = []
    for low, high in ranges:
        start = low // min_region_sz * min_region_sz
        end = -(-high // min_region_sz) * min_region_sz
        if start >= end or (aligned and start < aligned[-1][1]):
            raise DocumentError(
                f"target ranges aligned to {min_region_sz} are empty or overlap",
                got=f"[{low}, {high})",
                allowed="ascending, disjoint, non-empty ranges",
                fix="sort, widen or merge the ranges",
            )
        aligned.append((start, end))
    return aligned


def set_regions(
    regions: Sequence[TrackedRegion], ranges: Sequence[tuple[int, int]], min_region_sz: int
) -> list[TrackedRegion]:
    """Return a target's regions after fitting them to new ranges.

    What was learnt about regions that stay is kept; only outer borders move and holes are filled
    with fresh regions.

    Raises:
        DocumentError: See `aligned_ranges`; the kernel answers EINVAL.

    Example:
        >>> [(r.start, r.end) for r in set_regions([TrackedRegion(4, 16)], [(8, 28)], 1)]
        [(8, 28)]
    """
    aligned = aligned_ranges(ranges, min_region_sz)
    kept = [region for region in regions if any(region.meets(*item) for item in ranges)]
    fitted: list[TrackedRegion] = []
    after = 0
    for (low, high), (start, end) in zip(ranges, aligned, strict=True):
        inside: list[TrackedRegion] = []
        while after < len(kept) and kept[after].start < high:
            if kept[after].meets(low, high):
                inside.append(kept[after])
            after += 1
        if not inside:
            fitted.append(TrackedRegion(start, end))
            continue
        inside[0].start, inside[-1].end = start, end
        for region in inside:
            if fitted and region is not inside[0] and fitted[-1].end != region.start:
                fitted.append(TrackedRegion(fitted[-1].end, region.start))
            fitted.append(region)
    return fitted
