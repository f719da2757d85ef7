"""Single-step tables: each row is one step of the kernel, inputs first, results last."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from damosrl.damon import Action, Attrs, GoalTuner, Intervals, IntervalsGoal, kept_bounds
from damosrl.emulator.conformance.case import read_filter, read_pattern
from damosrl.emulator.conformance.rig import Row, get_regions, place_of, rig
from damosrl.emulator.filters import ALLOWED, REJECTED, core_filter
from damosrl.emulator.fitting import set_regions
from damosrl.emulator.intervals import (
    intervals_adaptation_bp,
    intervals_score,
    set_intervals,
    tune_intervals,
)
from damosrl.emulator.loading import default_reject
from damosrl.emulator.monitor import merge_regions, split_regions
from damosrl.emulator.quota import (
    charged_bytes,
    feed_loop_next_input,
    is_full,
    is_set,
    set_effective_quota,
    set_min_score,
)
from damosrl.emulator.regions import apply_min_nr_regions, moving_sum, size_limit
from damosrl.emulator.rng import rand
from damosrl.emulator.schemes import skip_charged
from damosrl.emulator.scores import hot_score
from damosrl.emulator.scripted import empty_script
from damosrl.emulator.state import MAX_SCORE, NO_TARGET, code_of
from damosrl.emulator.targets import aligned_ranges
from damosrl.emulator.watermarks import wait_us
from damosrl.errors import DocumentError

Table = Mapping[str, Any]
Vector = Mapping[str, Any]
Results = Mapping[str, Any]
Step = Callable[[Vector], Results]
U = np.uint64
EINVAL = -22


def vectors_of(table: Table) -> Iterator[tuple[str, Vector]]:
    """Yield the rows of a table by place, as mappings, from all of its lists."""
    for name in ("vectors", "wrap_vectors", "full_vectors"):
        columns = table.get("full_columns" if name == "full_vectors" else "columns")
        for index, vector in enumerate(table.get(name, ())):
            row = dict(zip(columns, vector, strict=True)) if columns else vector
            yield f"{name}[{index}]", row


def feed_loop(vector: Vector) -> Results:
    """Feedback function of consist and of the interval tuning (semantics 2.8)."""
    return {"out": int(feed_loop_next_input(U(vector["x"]), U(vector["score"])))}


def scores(vector: Vector) -> Results:
    """Hot and cold score of a region (2.10); the count enters by the moving sum."""
    state = rig(
        scheme=_pick(vector, ("weight_nr_accesses", "weight_age")),
        context=_clock(vector),
    )
    context = state.contexts[0]
    count = moving_sum(
        context, np.uint32(vector["nr_accesses"]), np.uint32(vector["last_nr_accesses"])
    )
    hot = int(hot_score(context, state.schemes[0, 0], U(count), np.uint32(vector["age"])))
    return {"hot": hot, "cold": MAX_SCORE - hot}


def _clock(vector: Vector) -> dict[str, int]:
    return _pick(vector, ("sample_us", "aggr_us", "passed", "next_aggr"))


def _pick(vector: Vector, names: Sequence[str]) -> dict[str, int]:
    return {name: vector[name] for name in names}


def mvsum(vector: Vector) -> Results:
    """Pseudo moving sum (1.13)."""
    context = rig(context=_clock(vector)).contexts[0]
    now, last = np.uint32(vector["nr_accesses"]), np.uint32(vector["last_nr_accesses"])
    return {"value": int(moving_sum(context, now, last))}


def attrs_conversion(vector: Vector) -> Results:
    """Online change of the intervals: one region and all schedules (1.11)."""
    region = [0, 4096, vector["nr_accesses"], vector["last_nr_accesses"], vector["age"]]
    state = rig(
        [[region]],
        scheme={"apply_interval_us": vector["apply_interval_us"]},
        context={
            "sample_us": vector["old_sample_us"],
            "aggr_us": vector["old_aggr_us"],
            "passed": vector["passed"],
            "next_aggr": vector["next_aggr"],
        },
    )
    set_intervals(state, 0, *(U(vector[f"new_{name}_us"]) for name in ("sample", "aggr", "update")))
    context = state.contexts[0]
    _, _, now, last, age = get_regions(state)[0][0]
    return {
        "out_nr_accesses": now,
        "out_last_nr_accesses": last,
        "out_age": age,
        "out_next_aggr": int(context["next_aggr"]),
        "out_next_ops": int(context["next_ops"]),
        "out_next_apply": int(state.schemes["next_apply"][0, 0]),
        "out_aggr_samples": int(context["aggr_samples"]),
    }


def attrs_validation(vector: Vector) -> Results:
    """Which attributes the kernel accepts (0)."""
    goal = IntervalsGoal(
        access_bp=vector["goal_access_bp"],
        aggrs=vector["goal_aggrs"],
        min_sample_us=vector["goal_min_sample_us"],
        max_sample_us=vector["goal_max_sample_us"],
    )
    times = Intervals(vector["sample_us"], vector["aggr_us"], vector["update_us"], goal)
    try:
        Attrs(times, vector["min_nr_regions"], vector["max_nr_regions"])
    except DocumentError:
        return {"ret": EINVAL}
    return {"ret": 0}


def set_regions_step(vector: Vector) -> Results:
    """Fit a target's regions to ranges (1.3)."""
    ranges = [(start, end) for start, end in vector["ranges"]]
    try:
        aligned_ranges(ranges, vector["min_region_sz"])
    except DocumentError:
        return {"ret": EINVAL, "out": None}
    state = rig([vector["regions"]], context={"min_region_sz": vector["min_region_sz"]})
    set_regions(state, 0, 0, np.array(ranges, np.uint64).reshape(1, -1, 2).swapaxes(1, 2))
    return {"ret": 0, "out": get_regions(state)[0]}


def charge(vector: Vector) -> Results:
    """What one region costs of a quota; when a quota is set and full (2.5, 2.6)."""
    if "region_sz" in vector:
        names = ("fail_charge_num", "fail_charge_denom")
        scheme = rig(scheme=_pick(vector, names)).schemes[0, 0]
        return {
            "charged": int(charged_bytes(scheme, U(vector["region_sz"]), U(vector["applied_sz"])))
        }
    state = rig(
        scheme={
            "esz": vector["esz"],
            "quota_bytes": vector["bytes"],
            "quota_ms": vector["ms"],
            "nr_goals": vector["nr_goals"],
            "charged_sz": vector["charged_sz"],
        },
        context={"min_region_sz": vector["min_region_sz"]},
    )
    context, scheme = state.contexts[0], state.schemes[0, 0]
    return {"is_set": int(is_set(scheme)), "is_full": int(is_full(context, scheme))}


def effective_quota(vector: Vector) -> Results:
    """One run of the effective quota (2.7)."""
    names = ("esz_bp", "total_charged_sz", "total_charged_ns")
    goals = vector["goals"]
    state = rig(
        scheme={
            **_pick(vector, names),
            "quota_ms": vector["ms"],
            "quota_bytes": vector["bytes"],
            "tuner": code_of(GoalTuner(vector["goal_tuner"])),
            "nr_goals": len(goals),
        },
        context={"min_region_sz": vector["min_region_sz"]},
    )
    state = state._replace(goals=np.zeros((1, 1, max(len(goals), 1)), state.goals.dtype))
    for g, (target_value, current_value) in enumerate(goals):
        state.goals["target_value"][0, 0, g] = target_value
        state.goals["current_value"][0, 0, g] = current_value
    world = empty_script()._replace(goal_first=np.zeros((1, len(goals) + 1), np.int64))
    set_effective_quota(world, state, 0, 0)
    scheme = state.schemes[0, 0]
    return {"out_esz": int(scheme["esz"]), "out_esz_bp": int(scheme["esz_bp"])}


def filters_default(vector: Vector) -> Results:
    """What becomes of memory on which no filter fires (2.12)."""
    core, ops = default_reject([read_filter(condition) for condition in vector["filters"]])
    return {"core_default_reject": core, "ops_default_reject": ops}


def core_filter_out(vector: Vector) -> Results:
    """Decision of the core filters on one region, with the cuts they make (2.12)."""
    targets: Sequence[Sequence[Row]] = vector["targets"]
    state = rig(targets, vector["filters"], context={"min_region_sz": vector["min_region_sz"]})
    place = place_of(targets, vector["target_idx"], vector["region_idx"])
    verdict, _ = core_filter(state, 0, 0, place, place)
    return {
        "filtered_out": verdict == REJECTED,
        "core_allowed": verdict == ALLOWED,
        "out_targets": get_regions(state),
    }


def split_step(vector: Vector) -> Results:
    """One random split (1.9)."""
    names = ("max_nr_regions", "min_region_sz", "last_nr_regions", "rotation")
    state = rig(vector["targets"], context={"rng": vector["seed"], **_pick(vector, names)})
    split_regions(state, 0)
    context = state.contexts[0]
    return {
        "draws": int(context["draws"]),
        "x": int(context["rng"]),
        "out_targets": get_regions(state),
    }


def merge_step(vector: Vector) -> Results:
    """One ageing and merge, repeated above max_nr_regions (1.8)."""
    names = ("sample_us", "aggr_us", "max_nr_regions")
    state = rig(vector["targets"], context=_pick(vector, names))
    merge_regions(
        state.regions, state.contexts[0], 0, np.int64(vector["threshold"]), U(vector["sz_limit"])
    )
    return {"out_targets": get_regions(state)}


def apply_min_step(vector: Vector) -> Results:
    """Size cap (1.10)."""
    names = ("min_nr_regions", "min_region_sz")
    state = rig(vector["targets"], context=_pick(vector, names))
    context = state.contexts[0]
    limit = int(size_limit(state.regions, context, 0))
    cap = int(apply_min_nr_regions(state.regions, context, 0))
    return {"limit": limit, "cap": cap, "out_targets": get_regions(state)}


def tune_step(vector: Vector) -> Results:
    """One step of interval tuning at an aggregation boundary (1.11)."""
    names = ("sample_us", "aggr_us", "aggr_samples")
    state = rig(
        vector["targets"],
        context={
            **_pick(vector, names),
            "goal_access_bp": vector["access_bp"],
            "goal_aggrs": vector["aggrs"],
            "goal_min_sample_us": vector["min_sample_us"],
            "goal_max_sample_us": vector["max_sample_us"],
        },
    )
    score = intervals_score(state, 0)
    adaptation_bp = int(intervals_adaptation_bp(U(score)))
    tune_intervals(state, 0)
    context = state.contexts[0]
    return {
        "score": int(score),
        "adaptation_bp": adaptation_bp,
        "out_sample_us": int(context["sample_us"]),
        "out_aggr_us": int(context["aggr_us"]),
        "out_targets": get_regions(state),
    }


def watermarks(vector: Vector) -> Results:
    """One evaluation of one scheme's watermarks (2.4)."""
    names = ("high", "mid", "low", "interval_us")
    scheme = {f"wmark_{name}": vector[name] for name in names}
    record = rig(scheme={**scheme, "activated": vector["activated"]}).schemes[0, 0]
    wait = int(wait_us(record, U(vector["free_mem_permil"])))
    return {"wait_us": wait, "out_activated": int(record["activated"])}


def skip_charged_step(vector: Vector) -> Results:
    """What the charge cursor does to one region (2.9)."""
    targets: Sequence[Sequence[Row]] = vector["targets"]
    cursor = NO_TARGET if vector["cursor_target"] is None else vector["cursor_target"]
    state = rig(
        targets,
        scheme={"cursor_target": cursor, "cursor_addr": vector["cursor_addr"]},
        context={"min_region_sz": vector["min_region_sz"]},
    )
    place = place_of(targets, vector["target_idx"], vector["region_idx"])
    skip, _ = skip_charged(state, 0, 0, place, place)
    scheme = state.schemes[0, 0]
    after = int(scheme["cursor_target"])
    return {
        "skip": bool(skip),
        "out_cursor_target": None if after == NO_TARGET else after,
        "out_cursor_addr": int(scheme["cursor_addr"]),
        "out_targets": get_regions(state),
    }


def min_score(vector: Vector) -> Results:
    """Score histogram and minimum score in the first quota window (2.10)."""
    pattern = read_pattern(vector["access_pattern"])
    counts, ages = kept_bounds(pattern.nr_accesses), kept_bounds(pattern.age)
    state = rig(
        vector["targets"],
        vector["core_filters"],
        scheme={
            "action": code_of(Action(vector["action"])),
            "weight_nr_accesses": vector["weight_nr_accesses"],
            "weight_age": vector["weight_age"],
            "esz": vector["bytes"],
            "min_sz": pattern.sz_bytes.min,
            "max_sz": pattern.sz_bytes.max,
            "min_nr_accesses": counts[0],
            "max_nr_accesses": counts[1],
            "min_age": ages[0],
            "max_age": ages[1],
        },
        context=_pick(vector, ("sample_us", "aggr_us")),
    )
    set_min_score(state, 0, 0)
    sizes = state.score_bytes[0].tolist()
    return {
        "histogram": [[score, size] for score, size in enumerate(sizes) if size],
        "min_score": int(state.schemes["min_score"][0, 0]),
        "out_targets": get_regions(state),
    }


def rand_calls(vector: Vector) -> Results:
    """A sequence of uniform draws."""
    context = rig(context={"rng": vector["seed"]}).contexts[0]
    calls = []
    for low, high, _, _ in vector["calls"]:
        value = int(rand(context, U(low), U(high)))
        calls.append([low, high, value, int(context["rng"])])
    return {"calls": calls}


TABLES: dict[str, Step] = {
    "feed_loop": feed_loop,
    "scores": scores,
    "mvsum": mvsum,
    "attrs_conversion": attrs_conversion,
    "attrs_validation": attrs_validation,
    "set_regions": set_regions_step,
    "charge": charge,
    "effective_quota": effective_quota,
    "filters_default": filters_default,
    "core_filter_out": core_filter_out,
    "split_step": split_step,
    "merge_step": merge_step,
    "apply_min_step": apply_min_step,
    "tune_step": tune_step,
    "watermarks": watermarks,
    "skip_charged": skip_charged_step,
    "min_score": min_score,
    "rand": rand_calls,
}
"""One function per table name: from a row's inputs to its results."""
