"""Monitoring attributes: validity, moving sum, online change, tuning (semantics 0, 1.11, 1.13)."""

from dataclasses import dataclass, replace

from damosrl.emulator.conformance.reference.integers import mult_frac, reached, u32, u64
from damosrl.emulator.conformance.reference.quota import feed_loop
from damosrl.emulator.conformance.reference.regions import Region, Targets

BASIS = 10_000


@dataclass(slots=True)
class Attributes:
    """Intervals (us), region limits, and the goal of the interval tuning (0 aggregations: off)."""

    sample_us: int
    aggr_us: int
    update_us: int = 0
    min_nr_regions: int = 3
    max_nr_regions: int = 1000
    access_bp: int = 0
    aggrs: int = 0
    min_sample_us: int = 0
    max_sample_us: int = 0

    @property
    def aggr_samples(self) -> int:
        """Samples per aggregation."""
        return self.samples(self.aggr_us)

    def samples(self, interval_us: int) -> int:
        """Return how many sampling intervals an interval has."""
        return interval_us // (self.sample_us or 1)

    def valid(self) -> bool:
        """Tell whether the kernel accepts these attributes."""
        if self.min_nr_regions < 3 or self.min_nr_regions > self.max_nr_regions:
            return False
        if self.sample_us > self.aggr_us:
            return False
        return self.aggrs == 0 or self.min_sample_us <= self.sample_us <= self.max_sample_us


def moving_sum(
    attributes: Attributes, passed: int, next_aggr: int, nr_accesses: int, last_nr_accesses: int
) -> int:
    """Return the count of this window so far, with the share of the last one that is left."""
    left = 0 if reached(passed, next_aggr) else u64(next_aggr - passed)
    share_bp = left * BASIS // attributes.aggr_samples
    if share_bp == BASIS:
        return last_nr_accesses
    return u32(nr_accesses + last_nr_accesses * share_bp // BASIS)


def convert_count(count: int, old_samples: int, new_samples: int) -> int:
    """Return a count of other windows: to basis points, and back; all products are 32 bit."""
    quotient, rest = divmod(count, old_samples)
    share_bp = u32(quotient * BASIS + u32(rest * BASIS) // old_samples)
    return u32(share_bp * new_samples) // BASIS


def convert_region(region: Region, old: Attributes, new: Attributes, *, mid_window: bool) -> None:
    """Bring counts and age of a region to new intervals; a count in mid window is lost."""
    if not (old.sample_us and old.aggr_us and new.sample_us and new.aggr_us):
        return
    samples = u32(old.aggr_samples), u32(new.aggr_samples)
    region.last_nr_accesses = convert_count(region.last_nr_accesses, *samples)
    region.nr_accesses = 0 if mid_window else convert_count(region.nr_accesses, *samples)
    region.age = u32(u64(region.age * old.aggr_us) // new.aggr_us)


def tuning_score(targets: Targets, aggr_samples: int, access_bp: int) -> int:
    """Return observed access events per wanted ones, in basis points."""
    everything = [region for regions in targets for region in regions]
    possible = u64(sum(region.size * aggr_samples for region in everything))
    seen = u64(sum(region.size * region.nr_accesses for region in everything))
    wanted = u64(possible * access_bp) // BASIS
    return mult_frac(seen, BASIS, wanted or 1)


def adaptation_bp(score: int) -> int:
    """Return by how much to stretch the intervals: twice at most, half at least."""
    wanted = feed_loop(100_000_000, score) // BASIS
    return wanted if wanted > BASIS else 5000 + wanted // 2


def tuned(attributes: Attributes, aggr_samples: int, score: int) -> Attributes | None:
    """Return the attributes after one tuning step, or None when they are as they should be."""
    stretch_bp = adaptation_bp(score)
    if stretch_bp == BASIS:
        return None
    wanted_us = u64(attributes.sample_us * stretch_bp) // BASIS
    sample_us = max(attributes.min_sample_us, min(attributes.max_sample_us, wanted_us))
    return replace(attributes, sample_us=sample_us, aggr_us=u64(sample_us * aggr_samples))
