"""The single steps of the tables: from a row's inputs to its results (FORMAT section 7)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from damosrl.emulator.conformance.reference import attributes as attrs
from damosrl.emulator.conformance.reference import filters, priority, quota, watermarks
from damosrl.emulator.conformance.reference.attributes import Attributes
from damosrl.emulator.conformance.reference.context import Context
from damosrl.emulator.conformance.reference.generator import Generator
from damosrl.emulator.conformance.reference.passes import skip_charged
from damosrl.emulator.conformance.reference.quota import Quota
from damosrl.emulator.conformance.reference.regions import (
    Region,
    SplitMemory,
    Targets,
    apply_min_nr_regions,
    merge_regions,
    set_regions,
    size_limit,
    split_regions,
)
from damosrl.emulator.conformance.reference.scheme import (
    Pattern,
    Scheme,
    Watermarks,
    read_filter,
    read_pattern,
)

Vector = Mapping[str, Any]
Results = Mapping[str, Any]
EINVAL = -22
ANYTHING = Pattern((0, 0), (0, 0), (0, 0))


def _targets(rows: Sequence[Sequence[Sequence[int]]]) -> Targets:
    return [[Region(*row) for row in target] for target in rows]


def _rows(targets: Targets) -> list[list[list[int]]]:
    return [_target_rows(regions) for regions in targets]


def _target_rows(regions: Sequence[Region]) -> list[list[int]]:
    return [[r.start, r.end, r.nr_accesses, r.last_nr_accesses, r.age] for r in regions]


def _intervals(vector: Vector) -> Attributes:
    return Attributes(vector["sample_us"], vector["aggr_us"])


def _moving_sum(vector: Vector) -> int:
    names = ("passed", "next_aggr", "nr_accesses", "last_nr_accesses")
    return attrs.moving_sum(_intervals(vector), *(vector[name] for name in names))


def _mvsum(vector: Vector) -> Results:
    return {"value": _moving_sum(vector)}


def _feed_loop(vector: Vector) -> Results:
    return {"out": quota.feed_loop(vector["x"], vector["score"])}


def _scores(vector: Vector) -> Results:
    weights = Quota(
        weight_nr_accesses=vector["weight_nr_accesses"], weight_age=vector["weight_age"]
    )
    hot = priority.hot_score(_intervals(vector), weights, _moving_sum(vector), vector["age"])
    return {"hot": hot, "cold": priority.MAX_SCORE - hot}


def _attrs_conversion(vector: Vector) -> Results:
    region = Region(0, 4096, vector["nr_accesses"], vector["last_nr_accesses"], vector["age"])
    interval_us = vector["apply_interval_us"]
    scheme = Scheme("stat", ANYTHING, Quota(), apply_interval_us=interval_us)
    context = Context(
        Attributes(vector["old_sample_us"], vector["old_aggr_us"]),
        [[region]],
        [scheme],
        passed=vector["passed"],
        next_aggr=vector["next_aggr"],
    )
    times = (vector[f"new_{name}_us"] for name in ("sample", "aggr", "update"))
    context.set_attributes(Attributes(*times))
    return {
        "out_nr_accesses": region.nr_accesses,
        "out_last_nr_accesses": region.last_nr_accesses,
        "out_age": region.age,
        "out_next_aggr": context.next_aggr,
        "out_next_ops": context.next_ops,
        "out_next_apply": scheme.next_apply,
        "out_aggr_samples": context.aggr_samples,
    }


def _attrs_validation(vector: Vector) -> Results:
    names = ("sample_us", "aggr_us", "update_us", "min_nr_regions", "max_nr_regions")
    goal = ("access_bp", "aggrs", "min_sample_us", "max_sample_us")
    values = [vector[name] for name in names] + [vector[f"goal_{name}"] for name in goal]
    return {"ret": 0 if Attributes(*values).valid() else EINVAL}


def _set_regions(vector: Vector) -> Results:
    regions = [Region(*row) for row in vector["regions"]]
    ranges = [(start, end) for start, end in vector["ranges"]]
    try:
        fitted = set_regions(regions, ranges, vector["min_region_sz"])
    except ValueError:
        return {"ret": EINVAL, "out": None}
    return {"ret": 0, "out": _target_rows(fitted)}


def _charge(vector: Vector) -> Results:
    if "region_sz" in vector:
        names = ("fail_charge_num", "fail_charge_denom")
        rate = Quota(**{name: vector[name] for name in names})
        return {"charged": rate.cost(vector["region_sz"], vector["applied_sz"])}
    limit = Quota(
        esz=vector["esz"],
        bytes=vector["bytes"],
        ms=vector["ms"],
        goals=[1] * vector["nr_goals"],
        charged=vector["charged_sz"],
    )
    return {
        "is_set": int(limit.is_set()),
        "is_full": int(limit.is_full(vector["min_region_sz"])),
    }


def _effective_quota(vector: Vector) -> Results:
    names = ("ms", "bytes", "esz_bp", "total_charged_sz", "total_charged_ns")
    limit = Quota(
        **{name: vector[name] for name in names},
        goals=[target_value for target_value, _ in vector["goals"]],
        temporal=vector["goal_tuner"] == "temporal",
    )
    current = [value for _, value in vector["goals"]]
    quota.set_effective_quota(limit, current, vector["min_region_sz"])
    return {"out_esz": limit.esz, "out_esz_bp": limit.esz_bp}


def _filters_default(vector: Vector) -> Results:
    core, ops = filters.default_rejects([read_filter(item) for item in vector["filters"]])
    return {"core_default_reject": core, "ops_default_reject": ops}


def _core_filter_out(vector: Vector) -> Results:
    targets = _targets(vector["targets"])
    conditions = [read_filter(item) for item in vector["filters"]]
    place = vector["target_idx"], vector["region_idx"]
    excluded, allowed = filters.core_verdict(conditions, targets, *place, vector["min_region_sz"])
    return {"filtered_out": excluded, "core_allowed": allowed, "out_targets": _rows(targets)}


def _split_step(vector: Vector) -> Results:
    targets, generator = _targets(vector["targets"]), Generator(vector["seed"])
    memory = SplitMemory(vector["last_nr_regions"], vector["rotation"])
    limits = vector["max_nr_regions"], vector["min_region_sz"]
    split_regions(targets, *limits, memory, generator)
    return {"draws": generator.draws, "x": generator.x, "out_targets": _rows(targets)}


def _merge_step(vector: Vector) -> Results:
    targets = _targets(vector["targets"])
    limits = vector["threshold"], vector["sz_limit"], vector["max_nr_regions"]
    merge_regions(targets, *limits, _intervals(vector).aggr_samples)
    return {"out_targets": _rows(targets)}


def _apply_min_step(vector: Vector) -> Results:
    targets = _targets(vector["targets"])
    limits = vector["min_nr_regions"], vector["min_region_sz"]
    limit = size_limit(targets, *limits)
    cap = apply_min_nr_regions(targets, *limits)
    return {"limit": limit, "cap": cap, "out_targets": _rows(targets)}


def _tune_step(vector: Vector) -> Results:
    names = ("access_bp", "aggrs", "min_sample_us", "max_sample_us")
    old = Attributes(
        vector["sample_us"], vector["aggr_us"], **{name: vector[name] for name in names}
    )
    context = Context(old, _targets(vector["targets"]))
    samples = vector["aggr_samples"]
    score = attrs.tuning_score(context.targets, samples, old.access_bp)
    new = attrs.tuned(old, samples, score)
    if new is not None:
        context.set_attributes(new)
    return {
        "score": score,
        "adaptation_bp": attrs.adaptation_bp(score),
        "out_sample_us": context.attributes.sample_us,
        "out_aggr_us": context.attributes.aggr_us,
        "out_targets": _rows(context.targets),
    }


def _watermarks(vector: Vector) -> Results:
    names = ("interval_us", "high", "mid", "low")
    marks = Watermarks("free_mem_rate", **{name: vector[name] for name in names})
    scheme = Scheme(
        "stat", ANYTHING, Quota(), watermarks=marks, activated=bool(vector["activated"])
    )
    wait_us = watermarks.evaluate(scheme, vector["free_mem_permil"])
    return {"wait_us": wait_us, "out_activated": int(scheme.activated)}


def _skip_charged(vector: Vector) -> Results:
    limit = Quota(cursor_target=vector["cursor_target"], cursor_addr=vector["cursor_addr"])
    context = Context(
        Attributes(1, 1), _targets(vector["targets"]), min_region_sz=vector["min_region_sz"]
    )
    scheme = Scheme("stat", ANYTHING, limit)
    skip = skip_charged(context, scheme, vector["target_idx"], vector["region_idx"])
    return {
        "skip": skip,
        "out_cursor_target": limit.cursor_target,
        "out_cursor_addr": limit.cursor_addr,
        "out_targets": _rows(context.targets),
    }


def _min_score(vector: Vector) -> Results:
    weights = Quota(
        weight_nr_accesses=vector["weight_nr_accesses"], weight_age=vector["weight_age"]
    )
    pattern = read_pattern(vector["access_pattern"])
    conditions = [read_filter(item) for item in vector["core_filters"]]
    scheme = Scheme(vector["action"], pattern, weights, filters=conditions)
    context = Context(_intervals(vector), _targets(vector["targets"]))
    histogram = priority.fill_histogram(context, scheme)
    return {
        "histogram": [list(bucket) for bucket in sorted(histogram.items())],
        "min_score": priority.lowest_score(histogram, vector["bytes"]),
        "out_targets": _rows(context.targets),
    }


def _rand(vector: Vector) -> Results:
    generator, calls = Generator(vector["seed"]), []
    for low, high, _, _ in vector["calls"]:
        value = generator.rand(low, high)
        calls.append([low, high, value, generator.x])
    return {"calls": calls}


STEPS: dict[str, Callable[[Vector], Results]] = {
    "feed_loop": _feed_loop,
    "scores": _scores,
    "mvsum": _mvsum,
    "attrs_conversion": _attrs_conversion,
    "attrs_validation": _attrs_validation,
    "set_regions": _set_regions,
    "charge": _charge,
    "effective_quota": _effective_quota,
    "filters_default": _filters_default,
    "core_filter_out": _core_filter_out,
    "split_step": _split_step,
    "merge_step": _merge_step,
    "apply_min_step": _apply_min_step,
    "tune_step": _tune_step,
    "watermarks": _watermarks,
    "skip_charged": _skip_charged,
    "min_score": _min_score,
    "rand": _rand,
}
"""One function per table name, as `damosrl.emulator.conformance.tables.TABLES` has them."""
