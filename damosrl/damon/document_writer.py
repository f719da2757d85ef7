"""From the vocabulary's values to plain mappings that damo reads back exactly.

damo reads times and shares through floats. Shares are therefore written as whole basis points
or permil, and times above 2^53 as whole numbers; sizes and all other times carry units.
"""

from typing import Any

from damosrl.damon import units
from damosrl.damon.attrs import Attrs
from damosrl.damon.checks import U64_MAX
from damosrl.damon.context import Context, Target
from damosrl.damon.filters import Filter
from damosrl.damon.kdamond import Document, Kdamond
from damosrl.damon.pattern import AccessPattern
from damosrl.damon.probes import Probe
from damosrl.damon.quota import Quota, QuotaGoal
from damosrl.damon.ranges import AddressRange
from damosrl.damon.scheme import Scheme
from damosrl.damon.watermarks import Watermarks

Mapping = dict[str, Any]
EXACT_US = 2**53


def document(value: Document) -> Mapping:
    """Write a whole document."""
    return {"kdamonds": [_kdamond(item) for item in value.kdamonds]}


def _kdamond(value: Kdamond) -> Mapping:
    return {
        "refresh_ms": _time_ms(value.refresh_ms),
        "contexts": [_context(item) for item in value.contexts],
    }


def _context(value: Context) -> Mapping:
    return {
        "ops": str(value.ops),
        "addr_unit": value.addr_unit,
        "pause": value.pause,
        "targets": [_target(item) for item in value.targets],
        "intervals": _intervals(value.attrs),
        "nr_regions": {"min": value.attrs.min_nr_regions, "max": value.attrs.max_nr_regions},
        "probes": [_probe(item) for item in value.probes],
        "schemes": [_scheme(item) for item in value.schemes],
    }


def _target(value: Target) -> Mapping:
    return {
        "pid": value.pid,
        "obsolete": value.obsolete,
        "regions": [_addresses(item) for item in value.regions],
    }


def _addresses(value: AddressRange) -> Mapping:
    return {"start": value.start, "end": value.end}


def _intervals(value: Attrs) -> Mapping:
    goal = value.intervals.goal
    return {
        "sample_us": _time_us(value.intervals.sample_us),
        "aggr_us": _time_us(value.intervals.aggr_us),
        "ops_update_us": _time_us(value.intervals.ops_update_us),
        "intervals_goal": {
            "access_bp": goal.access_bp,
            "aggrs": goal.aggrs,
            "min_sample_us": _time_us(goal.min_sample_us),
            "max_sample_us": _time_us(goal.max_sample_us),
        },
    }


def _probe(value: Probe) -> Mapping:
    return {
        "filters": [
            {
                "filter_type": str(item.filter_type),
                "matching": item.matching,
                "allow": item.allow,
                "path": item.path,
            }
            for item in value.filters
        ],
        "weight": value.weight,
    }


def _scheme(value: Scheme) -> Mapping:
    return {
        "action": str(value.action),
        "target_nid": value.target_nid,
        "dests": [{"id": item.id, "weight": item.weight} for item in value.dests],
        "apply_interval_us": _time_us(value.apply_interval_us),
        "access_pattern": _pattern(value.access_pattern),
        "quotas": _quota(value.quota),
        "watermarks": _watermarks(value.watermarks),
        "filters": [_filter(item) for item in value.filters],
        "max_nr_snapshots": value.max_nr_snapshots,
    }


def _pattern(value: AccessPattern) -> Mapping:
    sizes, counts, ages = value.sz_bytes, value.nr_accesses, value.age
    return {
        "sz_bytes": {"min": units.format_size(sizes.min), "max": units.format_size(sizes.max)},
        "nr_accesses": {
            "min": units.format_nr_accesses(counts.min),
            "max": units.format_nr_accesses(counts.max),
        },
        "age": {"min": units.format_age(ages.min), "max": units.format_age(ages.max)},
    }


def _quota(value: Quota) -> Mapping:
    return {
        "time_ms": _time_ms(value.time_ms),
        "sz_bytes": units.format_size(value.sz_bytes),
        "reset_interval_ms": _time_ms(value.reset_interval_ms),
        "fail_charge_num": value.fail_charge_num,
        "fail_charge_denom": value.fail_charge_denom,
        "goals": [_goal(item) for item in value.goals],
        "goal_tuner": str(value.goal_tuner),
        "weights": {
            "sz_permil": value.weights.sz_permil,
            "nr_accesses_permil": value.weights.nr_accesses_permil,
            "age_permil": value.weights.age_permil,
        },
    }


def _goal(value: QuotaGoal) -> Mapping:
    return {
        "metric": str(value.metric),
        "target_value": value.target_value,
        "current_value": value.current_value,
        "nid": value.nid,
        "memcg_path": value.memcg_path,
    }


def _watermarks(value: Watermarks) -> Mapping:
    return {
        "metric": str(value.metric),
        "interval_us": _time_us(value.interval_us),
        "high_permil": value.high_permil,
        "mid_permil": value.mid_permil,
        "low_permil": value.low_permil,
    }


def _filter(value: Filter) -> Mapping:
    mapping: Mapping = {
        "filter_type": str(value.filter_type),
        "matching": value.matching,
        "allow": value.allow,
    }
    if value.memcg_path is not None:
        mapping["memcg_path"] = value.memcg_path
    if value.address_range is not None:
        mapping["address_range"] = _addresses(value.address_range)
    if value.damon_target_idx is not None:
        mapping["damon_target_idx"] = value.damon_target_idx
    if value.hugepage_size is not None:
        mapping["hugepage_size"] = [value.hugepage_size.min, value.hugepage_size.max]
    return mapping


def _time_us(value: int) -> int | str:
    return value if EXACT_US < value < U64_MAX else units.format_time_us(value)


def _time_ms(value: int) -> int | str:
    return value if EXACT_US // 1000 < value < U64_MAX else units.format_time_ms(value)
