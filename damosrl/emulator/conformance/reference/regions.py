"""Regions: set, age, merge, cut to the size cap, split (semantics 1.3, 1.8 - 1.10)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from damosrl.emulator.conformance.reference.generator import Generator
from damosrl.emulator.conformance.reference.integers import align_down, align_up, u32, u64


@dataclass(slots=True)
class Region:
    """Memory [start, end) that is monitored as one; ages in aggregation intervals."""

    start: int
    end: int
    nr_accesses: int = 0
    last_nr_accesses: int = 0
    age: int = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start


Targets = list[list[Region]]
"""Regions by target, in address order."""


@dataclass(slots=True)
class SplitMemory:
    """What the split step remembers from one time to the next."""

    last_nr_regions: int = 0
    rotation: int = 0


def count_regions(targets: Targets) -> int:
    """Return the number of regions of all targets."""
    return sum(len(regions) for regions in targets)


def split_at(regions: list[Region], index: int, size: int) -> None:
    """Cut a region after some bytes; both parts keep counts and age."""
    left = regions[index]
    border = left.start + size
    regions.insert(index + 1, replace(left, start=border))
    left.end = border


def set_regions(
    regions: list[Region], ranges: Sequence[tuple[int, int]], min_region_sz: int
) -> list[Region]:
    """Fit the regions of a target to ranges; what stays inside keeps counts and age (1.3).

    Raises:
        ValueError: A range is empty, or not after its predecessor (EINVAL).
    """
    aligned = [(align_down(a, min_region_sz), align_up(b, min_region_sz)) for a, b in ranges]
    previous_end = 0
    for start, end in aligned:
        if start >= end or start < previous_end:
            raise ValueError((start, end))
        previous_end = end
    kept = [replace(r) for r in regions if any(_meets(r, span) for span in ranges)]
    fitted = []
    for (start, end), span in zip(aligned, ranges, strict=True):
        inside = [region for region in kept if _meets(region, span)] or [Region(start, end)]
        inside[0].start, inside[-1].end = start, end
        for region, following in pairwise(inside):
            fitted.append(region)
            if region.end != following.start:
                fitted.append(Region(region.end, following.start))
        fitted.append(inside[-1])
    return fitted


def _meets(region: Region, span: tuple[int, int]) -> bool:
    return region.start < span[1] and span[0] < region.end


def merge_regions(
    targets: Targets, threshold: int, sz_limit: int, max_nr_regions: int, aggr_samples: int
) -> int:
    """Age all regions, then merge; above max_nr_regions again with a higher threshold (1.8).

    Returns:
        The threshold of the last round.
    """
    for regions in targets:
        for region in regions:
            now, last = region.nr_accesses, region.last_nr_accesses
            steady = abs(now - last) <= threshold and (now == 0) == (last == 0)
            region.age = u32(region.age + 1) if steady else 0
    while True:
        for regions in targets:
            regions[:] = merge_alike(regions, threshold, sz_limit)
        if count_regions(targets) <= max_nr_regions or threshold >= aggr_samples:
            return threshold
        threshold = max(1, 2 * threshold) if threshold < aggr_samples // 2 else aggr_samples


def merge_alike(regions: list[Region], threshold: int, sz_limit: int) -> list[Region]:
    """Join each region to its predecessor when they touch, are alike and small enough (1.8)."""
    merged: list[Region] = []
    for region in regions:
        left = merged[-1] if merged else None
        if (
            left is not None
            and left.end == region.start
            and abs(left.nr_accesses - region.nr_accesses) <= threshold
            and left.size + region.size <= sz_limit
        ):
            merge_into(left, region)
        else:
            merged.append(region)
    return merged


def merge_into(left: Region, right: Region) -> None:
    """Lengthen a region by its successor: means by size, rounded down, last count of the left."""
    size = left.size + right.size

    def mean(of_left: int, of_right: int) -> int:
        return u32(u64(of_left * left.size + of_right * right.size) // size)

    left.nr_accesses = mean(left.nr_accesses, right.nr_accesses)
    left.age = mean(left.age, right.age)
    left.end = right.end


def size_limit(targets: Targets, min_nr_regions: int, min_region_sz: int) -> int:
    """Return the size that min_nr_regions allows a region, not rounded (1.10)."""
    total = u64(sum(region.size for regions in targets for region in regions))
    return max(total // min_nr_regions, min_region_sz)


def apply_min_nr_regions(targets: Targets, min_nr_regions: int, min_region_sz: int) -> int:
    """Cut all regions above the rounded limit; return it, the cap of the next merge (1.10)."""
    cap = align_up(size_limit(targets, min_nr_regions, min_region_sz), min_region_sz)
    for regions in targets:
        index = 0
        while index < len(regions):
            if regions[index].size > cap:
                split_at(regions, index, cap)
            index += 1
    return cap


def split_regions(
    targets: Targets,
    max_nr_regions: int,
    min_region_sz: int,
    memory: SplitMemory,
    generator: Generator,
) -> str:
    """Split regions at random places (1.9).

    Returns:
        Which rule was followed: "none", "some", "halves" or "thirds".
    """
    count = count_regions(targets)
    if count >= max_nr_regions:
        rule = "none"
    elif count > max_nr_regions // 2:
        rule = "some"
        _split_some(
            targets, max_nr_regions // (max_nr_regions - count), min_region_sz, memory, generator
        )
    else:
        stuck = memory.last_nr_regions == count and count < max_nr_regions // 3
        rule = "thirds" if stuck else "halves"
        for regions in targets:
            _split_all(regions, 3 if stuck else 2, min_region_sz, generator)
    memory.last_nr_regions = count
    return rule


def _random_part(size: int, min_region_sz: int, generator: Generator) -> int:
    return align_down(u64(generator.rand(1, 10) * size) // 10, min_region_sz)


def _split_some(
    targets: Targets, step: int, min_region_sz: int, memory: SplitMemory, generator: Generator
) -> None:
    """Split every step-th region of all, beginning one further each time."""
    turn = memory.rotation % step
    memory.rotation += 1
    position = 0
    for regions in targets:
        old = list(regions)
        regions.clear()
        for region in old:
            regions.append(region)
            if position % step == turn and region.size >= 2 * min_region_sz:
                part = _random_part(region.size, min_region_sz, generator)
                if 0 < part < region.size:
                    split_at(regions, len(regions) - 1, part)
            position += 1


def _split_all(
    regions: list[Region], pieces: int, min_region_sz: int, generator: Generator
) -> None:
    """Split every region into at most some pieces; what is split again is the left part."""
    old = list(regions)
    regions.clear()
    for region in old:
        index = len(regions)
        regions.append(region)
        for _ in range(pieces - 1):
            if region.size <= 2 * min_region_sz:
                break
            part = _random_part(region.size, min_region_sz, generator)
            if 0 < part < region.size:
                split_at(regions, index, part)
