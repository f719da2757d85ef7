"""What a case contains: the words by which random machines are counted."""

from collections.abc import Iterator
from itertools import pairwise

from damosrl.emulator.conformance.random_scheme import PAGE, U32_MAX, Json

FOUR_GIB = 1 << 32
NEVER_MS = 1 << 31


def features(case: Json) -> set[str]:
    """Return what a case contains, in words; what happens in it shows only when it is run."""
    found = set(_of_monitoring(case))
    for scheme in case["schemes"]:
        found.add(f"action {scheme['action']}")
        found.update(_of_scheme(scheme, case["attrs"]["aggr_us"]))
        found.update(_of_quotas(scheme["quotas"]))
    return found


def _of_monitoring(case: Json) -> Iterator[str]:
    targets, attrs = case["targets"], case["attrs"]
    yield f"targets {len(targets)}"
    yield f"schemes {len(case['schemes'])}"
    ranges = [item for target in targets for item in target]
    if any(start % PAGE or end % PAGE for start, end in ranges):
        yield "ranges off the page borders"
    pairs = [pair for target in targets for pair in pairwise(target)]
    if any(left[1] < right[0] for left, right in pairs):
        yield "holes"
    if any(left[1] == right[0] for left, right in pairs):
        yield "touching ranges"
    if any(end - start >= FOUR_GIB for start, end in ranges):
        yield "ranges above 32 bit"
    if attrs["min_nr_regions"] == attrs["max_nr_regions"]:
        yield "as many regions at least as at most"
    if attrs["aggr_us"] % attrs["sample_us"]:
        yield "aggregation no multiple of the sampling interval"
    if attrs["intervals_goal"]["aggrs"]:
        yield "interval tuning"
    if any(item["to_ms"] is not None for item in case["access"]):
        yield "accesses that end"


def _of_scheme(scheme: Json, aggr_us: int) -> Iterator[str]:
    interval_us, pattern = scheme["apply_interval_us"], scheme["access_pattern"]
    if interval_us:
        yield f"apply interval {'shorter' if interval_us < aggr_us else 'not shorter'}"
    if max(*pattern["nr_accesses"], *pattern["age"]) > U32_MAX:
        yield "pattern beyond 32 bit"
    if scheme["watermarks"]["metric"] != "none":
        yield "watermarks"
    for condition in scheme["core_filters"]:
        yield f"filter {condition['type']} {'allow' if condition['allow'] else 'reject'}"
    if scheme["max_nr_snapshots"]:
        yield "max_nr_snapshots"
    if scheme["applied_fraction_percent"] != 100:
        yield "action applies to less or more than the region"


def _of_quotas(quotas: Json) -> Iterator[str]:
    limited = quotas["ms"] or quotas["bytes"] or quotas["goals"]
    yield "quota" if limited else "no quota"
    if not limited:
        return
    if quotas["ms"]:
        yield "quota ms"
    for goal in quotas["goals"]:
        kind = "constant" if isinstance(goal["current_value"], int) else "series"
        yield f"goal {quotas['goal_tuner']} {kind}"
    reset_ms = quotas["reset_interval_ms"]
    if reset_ms > U32_MAX:
        yield "reset interval beyond 32 bit"
    if reset_ms & U32_MAX == 0:
        yield "reset interval 0"
    if reset_ms & U32_MAX >= NEVER_MS:
        yield "reset interval never"
    if quotas["fail_charge_denom"]:
        yield "fail charge"
    weights = quotas["weights"]["nr_accesses"] + quotas["weights"]["age"]
    if weights == 0:
        yield "weights 0"
    if weights > U32_MAX:
        yield "weights beyond 32 bit"
