"""The main loop in virtual time, over a trace case (FORMAT section 2, semantics 1.7)."""

from collections.abc import Mapping
from typing import Any

from damosrl.emulator.conformance.reference.attributes import Attributes, tuned, tuning_score
from damosrl.emulator.conformance.reference.context import Context, Script, value_at
from damosrl.emulator.conformance.reference.generator import Generator
from damosrl.emulator.conformance.reference.integers import U64_MAX, reached
from damosrl.emulator.conformance.reference.passes import apply_schemes
from damosrl.emulator.conformance.reference.regions import (
    apply_min_nr_regions,
    merge_regions,
    set_regions,
    split_regions,
)
from damosrl.emulator.conformance.reference.scheme import read_scheme
from damosrl.emulator.conformance.reference.watermarks import evaluate

MIN_REGION_SZ = 4096


def run_case(case: Mapping[str, Any]) -> dict[str, Any]:
    """Run a trace case; return its ``expect`` object.

    Raises:
        ValueError: The targets' ranges are not what the kernel accepts.
    """
    return report(run(case))


def run(case: Mapping[str, Any]) -> Context:
    """Run a trace case; return the context as it is at the end, with its trace."""
    context = read_context(case)
    until_us = case["duration_ms"] * 1000
    context.start()
    context.next_tune = context.next_aggr * context.attributes.aggrs
    _apply_size_cap(context)
    while context.now_us < until_us and wait_activation(context, until_us):
        iterate(context)
    return context


def read_context(case: Mapping[str, Any]) -> Context:
    """Build the context of a case as it is before the start."""
    attrs = case["attrs"]
    times = {name: attrs[name] for name in ("sample_us", "aggr_us", "update_us")}
    limits = {name: attrs[name] for name in ("min_nr_regions", "max_nr_regions")}
    accesses = [
        (
            item["target"],
            item["start"],
            item["end"],
            item["from_ms"] * 1000,
            U64_MAX if item["to_ms"] is None else item["to_ms"] * 1000,
        )
        for item in case["access"]
    ]
    return Context(
        attributes=Attributes(**times, **limits, **attrs["intervals_goal"]),
        targets=[
            set_regions([], [(start, end) for start, end in ranges], MIN_REGION_SZ)
            for ranges in case["targets"]
        ],
        schemes=[read_scheme(scheme) for scheme in case["schemes"]],
        generator=Generator(case["seed"]),
        script=Script(accesses, case["free_mem_rate"]),
        min_region_sz=MIN_REGION_SZ,
    )


def _apply_size_cap(context: Context) -> None:
    least = context.attributes.min_nr_regions
    context.sz_limit = apply_min_nr_regions(context.targets, least, context.min_region_sz)


def wait_activation(context: Context, until_us: int) -> bool:
    """Sleep while watermarks keep all schemes inactive; return False if the run ends (2.4)."""
    while context.schemes:
        free_permil = value_at(context.script.free_mem_rate, context.now_us)
        wait_us = min([evaluate(scheme, free_permil) for scheme in context.schemes])
        if not all(scheme.activated for scheme in context.schemes):
            context.trace.rules.add("watermarks deactivate")
        if wait_us == 0:
            break
        context.trace.rules.add("watermarks put to sleep")
        context.now_us += wait_us
        if context.now_us >= until_us:
            return False
    return True


def iterate(context: Context) -> None:
    """Do one iteration: sample; at the end of a window merge, apply schemes, report, split."""
    window_end = context.next_aggr
    highest = sample(context)
    ends = reached(context.passed, window_end)
    if ends:
        _merge(context, highest // 10)
        _apply_size_cap(context)
    apply_schemes(context)
    if ends:
        _end_window(context, window_end)


def sample(context: Context) -> int:
    """Look at one random address per region; return the highest count (1.6)."""
    rand, drawn = context.generator.rand, context.generator.draws
    addresses = [
        [rand(region.start, region.end) for region in regions] for regions in context.targets
    ]
    if context.generator.draws - drawn > sum(len(row) for row in addresses):
        context.trace.rules.add("two draws")
    context.now_us += context.attributes.sample_us
    context.passed += 1
    highest = 0
    for target, regions in enumerate(context.targets):
        spans = context.script.spans(target, context.now_us)
        for region, address in zip(regions, addresses[target], strict=True):
            for start, end in spans:
                if start <= address < end:
                    region.nr_accesses += 1
                    break
            highest = max(highest, region.nr_accesses)
    return highest


def _merge(context: Context, threshold: int) -> None:
    last = merge_regions(
        context.targets,
        threshold,
        context.sz_limit,
        context.attributes.max_nr_regions,
        context.attributes.aggr_samples,
    )
    if last != threshold:
        context.trace.rules.add("merge threshold raised")


def _end_window(context: Context, window_end: int) -> None:
    """Tune if it is time, report the window, begin the next one, split (FORMAT 2, step 7)."""
    if context.attributes.aggrs and reached(context.passed, context.next_tune):
        context.next_aggr = window_end
        context.next_tune += context.aggr_samples * context.attributes.aggrs
        _tune(context)
    context.next_aggr = window_end + context.attributes.aggr_samples
    rows = [
        [target, region.start, region.end, region.nr_accesses, region.age]
        for target, regions in enumerate(context.targets)
        for region in regions
    ]
    context.trace.aggregations.append({"t_us": context.now_us, "regions": rows})
    for regions in context.targets:
        for region in regions:
            region.last_nr_accesses = region.nr_accesses
            region.nr_accesses = 0
    rule = split_regions(
        context.targets,
        context.attributes.max_nr_regions,
        context.min_region_sz,
        context.split_memory,
        context.generator,
    )
    context.trace.rules.add(f"split {rule}")


def _tune(context: Context) -> None:
    score = tuning_score(context.targets, context.aggr_samples, context.attributes.access_bp)
    new = tuned(context.attributes, context.aggr_samples, score)
    if new is not None:
        context.set_attributes(new)
        context.trace.intervals.append([context.now_us, new.sample_us])
        context.trace.rules.add("intervals tuned")


def report(context: Context) -> dict[str, Any]:
    """Return the ``expect`` object of a run that has ended (FORMAT section 5)."""
    trace = context.trace
    return {
        "end_us": context.now_us,
        "rng": {"draws": context.generator.draws, "x": context.generator.x},
        "aggregations": trace.aggregations,
        "applied": trace.applied,
        "esz": trace.esz,
        "intervals": trace.intervals,
        "stats": [dict(scheme.statistics) for scheme in context.schemes],
    }
