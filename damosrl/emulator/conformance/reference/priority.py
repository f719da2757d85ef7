"""Priority scores, their histogram and the minimum score (semantics 2.10)."""

from damosrl.emulator.conformance.reference.attributes import Attributes
from damosrl.emulator.conformance.reference.context import Context
from damosrl.emulator.conformance.reference.filters import core_verdict
from damosrl.emulator.conformance.reference.integers import s32, u32, u64
from damosrl.emulator.conformance.reference.quota import Quota
from damosrl.emulator.conformance.reference.regions import Region
from damosrl.emulator.conformance.reference.scheme import COLDEST_FIRST, HOTTEST_FIRST, Scheme

MAX_SCORE = 99
LOG_CLAMP = 32


def hot_score(attributes: Attributes, quota: Quota, count: int, age: int) -> int:
    """Return how hot a region is, 0..99, from its moving sum and age.

    The sum of weighted subscores and the sum of weights are 32 bit and wrap around (9). What comes
    after is a signed ``int`` (mm/damon/ops-common.c): beyond its range it is negative, thus 0.
    """
    frequency = u32(count * 100) // attributes.aggr_samples
    seconds = u32(u64(age * attributes.aggr_us) // 1_000_000)
    magnitude = min(seconds.bit_length(), LOG_CLAMP)
    if frequency == 0:
        magnitude = -magnitude
    by_age = (magnitude + LOG_CLAMP) * 100 // LOG_CLAMP // 2
    score = u32(quota.weight_nr_accesses * frequency + quota.weight_age * by_age)
    weights = u32(quota.weight_nr_accesses + quota.weight_age)
    if weights != 0:
        score //= weights
    return max(0, min(s32(score * MAX_SCORE) // 100, MAX_SCORE))


def region_score(context: Context, scheme: Scheme, region: Region) -> int:
    """Return the priority of a region for the scheme's action (FORMAT section 4)."""
    if scheme.action not in COLDEST_FIRST + HOTTEST_FIRST:
        return MAX_SCORE
    count = context.count_of(region)
    hot = hot_score(context.attributes, scheme.quota, count, region.age)
    return hot if scheme.action in HOTTEST_FIRST else MAX_SCORE - hot


def matches(context: Context, scheme: Scheme, region: Region) -> bool:
    """Tell whether a region has the scheme's access pattern (2.3)."""
    return scheme.pattern.has(region.size, context.count_of(region), region.age)


def fill_histogram(context: Context, scheme: Scheme) -> dict[int, int]:
    """Return the bytes by score that the scheme may handle; address filters cut regions."""
    histogram: dict[int, int] = {}
    for target, regions in enumerate(context.targets):
        index = 0
        while index < len(regions):
            region = regions[index]
            if matches(context, scheme, region):
                excluded, _ = core_verdict(
                    scheme.filters, context.targets, target, index, context.min_region_sz
                )
                if not excluded:
                    score = region_score(context, scheme, region)
                    histogram[score] = histogram.get(score, 0) + region.size
            index += 1
    return histogram


def lowest_score(histogram: dict[int, int], esz: int) -> int:
    """Return the score down to which regions fill the quota, from the highest one on."""
    score = max(histogram, default=0)
    total = histogram.get(score, 0)
    while score > 0 and total < esz:
        score -= 1
        total += histogram.get(score, 0)
    return score
