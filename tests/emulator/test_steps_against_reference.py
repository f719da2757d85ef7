"""Every single step of the compiled engine equals the reference on arbitrary inputs."""

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.damon import U32_MAX, U64_MAX, Action, FilterType
from damosrl.emulator.conformance import TABLES
from damosrl.emulator.conformance.reference import STEPS

Draw = st.DrawFn
Vector = dict[str, Any]
PAGE = 4096
CORE_TYPES = ("addr", "target")


def _words(limit: int) -> st.SearchStrategy[int]:
    edges = [0, 1, 2, 9999, 10000, 10001, 20000, limit // 10000, limit // 2, limit - 1, limit]
    near = [edge for edge in edges if edge <= limit]
    return st.one_of(
        st.sampled_from(near), st.integers(0, min(limit, 40_000)), st.integers(0, limit)
    )


U64S, U32S, COUNTS = _words(U64_MAX), _words(U32_MAX), _words(2**31 - 1)


def _agrees(name: str) -> Callable[[st.SearchStrategy[Vector]], Callable[[], None]]:
    """Return a maker of tests that run one step on vectors through engine and reference."""

    def test_of(vectors: st.SearchStrategy[Vector]) -> Callable[[], None]:
        @settings(max_examples=150, deadline=None)
        @given(vectors)
        def test(vector: Vector) -> None:
            assert dict(TABLES[name](vector)) == dict(STEPS[name](vector))

        test.__doc__ = f"Step {name}: engine and reference agree."
        return test

    return test_of


@st.composite
def _intervals(draw: Draw, most_samples: int = U32_MAX) -> tuple[int, int]:
    sample_us = draw(st.one_of(st.sampled_from([1, 5000]), st.integers(1, 2**30)))
    samples = draw(st.one_of(st.integers(1, 30), st.integers(1, most_samples)))
    return sample_us, sample_us * samples + draw(st.integers(0, sample_us - 1))


@st.composite
def _window(draw: Draw, most_samples: int = U32_MAX) -> Vector:
    """Return a place in a window, also where the counter wraps around or is late."""
    sample_us, aggr_us = draw(_intervals(most_samples))
    passed = draw(U64S)
    left = draw(st.integers(-3, aggr_us // sample_us))
    return {
        "sample_us": sample_us,
        "aggr_us": aggr_us,
        "passed": passed,
        "next_aggr": (passed + left) % 2**64,
    }


@st.composite
def _targets(draw: Draw, unit: int = PAGE, largest: int = 2**36) -> list[list[list[int]]]:
    """Return regions by target, touching or not, of few units or of TiB."""
    sizes = st.one_of(st.integers(1, 8), st.integers(1, largest))
    counts = st.one_of(st.integers(0, 20), COUNTS)
    targets = []
    for _ in range(draw(st.integers(1, 3))):
        border, rows = draw(st.integers(0, 8)), []
        for _ in range(draw(st.integers(1, 8))):
            start = border + draw(st.sampled_from([0, 0, 0, 1, 5]))
            border = start + draw(sizes)
            state = [draw(counts), draw(counts), draw(st.one_of(st.integers(0, 9), U32S))]
            rows.append([start * unit, border * unit, *state])
        targets.append(rows)
    return targets


@st.composite
def _place(draw: Draw, targets: list[list[list[int]]]) -> Vector:
    target = draw(st.integers(0, len(targets) - 1))
    return {
        "min_region_sz": PAGE,
        "targets": targets,
        "target_idx": target,
        "region_idx": draw(st.integers(0, len(targets[target]) - 1)),
    }


@st.composite
def _filter(draw: Draw, types: tuple[str, ...], targets: list[list[list[int]]]) -> Vector:
    kind = draw(st.sampled_from(types))
    condition = {"type": kind, "matching": draw(st.booleans()), "allow": draw(st.booleans())}
    if kind == "target":
        return condition | {"target_idx": draw(st.integers(0, len(targets)))}
    if kind == "addr":
        borders = [border for rows in targets for row in rows for border in row[:2]]
        near = st.builds(
            lambda border, offset: max(border + offset, 0),
            st.sampled_from(borders or [0]),
            st.integers(-3 * PAGE, 3 * PAGE),
        )
        start, end = sorted(draw(st.tuples(near, near)))
        return condition | {"start": start, "end": end}
    return condition


test_feed_loop = _agrees("feed_loop")(st.fixed_dictionaries({"x": U64S, "score": U64S}))


@st.composite
def _mvsum_vector(draw: Draw) -> Vector:
    return draw(_window()) | {"nr_accesses": draw(COUNTS), "last_nr_accesses": draw(COUNTS)}


test_mvsum = _agrees("mvsum")(_mvsum_vector())


@st.composite
def _scores_vector(draw: Draw) -> Vector:
    weights = st.one_of(U32S, st.sampled_from([0, 1, 100, 2**31, U32_MAX]))
    return draw(_mvsum_vector()) | {
        "age": draw(U32S),
        "weight_nr_accesses": draw(weights),
        "weight_age": draw(weights),
    }


test_scores = _agrees("scores")(_scores_vector())


@st.composite
def _conversion_vector(draw: Draw) -> Vector:
    old_sample, old_aggr = draw(_intervals())
    new_sample, new_aggr = draw(_intervals())
    passed = draw(_words(2**62))
    return {
        "old_sample_us": old_sample,
        "old_aggr_us": old_aggr,
        "new_sample_us": new_sample,
        "new_aggr_us": new_aggr,
        "new_update_us": draw(U64S),
        "passed": passed,
        "next_aggr": passed + draw(st.integers(0, 3)),
        "nr_accesses": draw(U32S),
        "last_nr_accesses": draw(U32S),
        "age": draw(U32S),
        "apply_interval_us": draw(U64S),
    }


test_attrs_conversion = _agrees("attrs_conversion")(_conversion_vector())

test_attrs_validation = _agrees("attrs_validation")(
    st.fixed_dictionaries(
        {
            **{name: _words(8) for name in ("sample_us", "aggr_us", "update_us")},
            **dict.fromkeys(("min_nr_regions", "max_nr_regions", "goal_access_bp"), U64S),
            "goal_aggrs": st.integers(0, 2),
            **{name: _words(8) for name in ("goal_min_sample_us", "goal_max_sample_us")},
        }
    )
)


@st.composite
def _set_regions_vector(draw: Draw) -> Vector:
    unit = draw(st.sampled_from([1, 4, PAGE]))
    borders = sorted(draw(st.sets(st.integers(0, 40), max_size=10)))
    regions = [
        [low * unit, high * unit, draw(U32S), draw(U32S), draw(U32S)]
        for low, high in zip(borders[::2], borders[1::2], strict=False)
    ]
    ends = sorted(draw(st.lists(st.integers(0, 40 * unit), min_size=2, max_size=8)))
    ranges = [list(pair) for pair in zip(ends[::2], ends[1::2], strict=False)]
    return {"min_region_sz": unit, "regions": regions, "ranges": ranges}


test_set_regions = _agrees("set_regions")(_set_regions_vector())

test_charge = _agrees("charge")(
    st.one_of(
        st.fixed_dictionaries(
            {
                "region_sz": U64S,
                "applied_sz": U64S,
                "fail_charge_num": U32S,
                "fail_charge_denom": U32S,
            }
        ),
        st.fixed_dictionaries(
            {
                **dict.fromkeys(("esz", "bytes", "ms", "charged_sz"), U64S),
                "nr_goals": st.integers(0, 2),
                "min_region_sz": st.sampled_from([1, PAGE]),
            }
        ),
    )
)

test_effective_quota = _agrees("effective_quota")(
    st.fixed_dictionaries(
        {
            "goal_tuner": st.sampled_from(["consist", "temporal"]),
            **dict.fromkeys(("ms", "bytes", "esz_bp"), U64S),
            **dict.fromkeys(("total_charged_sz", "total_charged_ns"), U64S),
            "min_region_sz": st.sampled_from([1, PAGE]),
            "goals": st.lists(st.tuples(U64S.filter(bool), U64S), max_size=3),
        }
    )
)

test_filters_default = _agrees("filters_default")(
    st.fixed_dictionaries(
        {"filters": st.lists(_filter(tuple(kind.value for kind in FilterType), [[]]), max_size=5)}
    )
)


@st.composite
def _core_filter_vector(draw: Draw) -> Vector:
    targets = draw(_targets())
    filters = draw(st.lists(_filter(CORE_TYPES, targets), max_size=4))
    return draw(_place(targets)) | {"filters": filters}


test_core_filter_out = _agrees("core_filter_out")(_core_filter_vector())


@st.composite
def _split_vector(draw: Draw) -> Vector:
    unit = draw(st.sampled_from([1, 64, PAGE]))
    targets = draw(_targets(unit))
    count = sum(len(rows) for rows in targets)
    return {
        "seed": draw(U64S),
        "max_nr_regions": draw(st.integers(3, 4 * count + 3)),
        "min_region_sz": unit,
        "last_nr_regions": draw(st.sampled_from([0, count, count + 1])),
        "rotation": draw(_words(2**62)),
        "targets": targets,
    }


test_split_step = _agrees("split_step")(_split_vector())


@st.composite
def _merge_vector(draw: Draw) -> Vector:
    sample_us, aggr_us = draw(_intervals(most_samples=2**31 - 1))
    return {
        "sample_us": sample_us,
        "aggr_us": aggr_us,
        "max_nr_regions": draw(st.integers(3, 12)),
        "threshold": draw(_words(2**31 - 1)),
        "sz_limit": draw(st.one_of(st.integers(PAGE, 30 * PAGE), U64S)),
        "targets": draw(_targets()),
    }


test_merge_step = _agrees("merge_step")(_merge_vector())


@st.composite
def _apply_min_vector(draw: Draw) -> Vector:
    unit = draw(st.sampled_from([1, 64, PAGE]))
    return {
        "min_nr_regions": draw(st.integers(3, 60)),
        "min_region_sz": unit,
        "targets": draw(_targets(unit)),
    }


test_apply_min_step = _agrees("apply_min_step")(_apply_min_vector())


@st.composite
def _tune_vector(draw: Draw) -> Vector:
    sample_us, aggr_us = draw(_intervals(most_samples=2**20))
    samples = aggr_us // sample_us
    low, high = sorted(draw(st.tuples(_words(2**40), _words(2**40))))
    return {
        "sample_us": sample_us,
        "aggr_us": aggr_us,
        "aggr_samples": samples,
        "access_bp": draw(U64S),
        "aggrs": 1,
        "min_sample_us": low,
        "max_sample_us": high,
        "targets": draw(_targets()),
    }


test_tune_step = _agrees("tune_step")(_tune_vector())

test_watermarks = _agrees("watermarks")(
    st.fixed_dictionaries(
        {
            "free_mem_permil": st.integers(0, 1000),
            "interval_us": U64S,
            **{name: st.one_of(st.integers(0, 1000), U64S) for name in ("high", "mid", "low")},
            "activated": st.integers(0, 1),
        }
    )
)


@st.composite
def _skip_vector(draw: Draw) -> Vector:
    targets = draw(_targets())
    place = draw(_place(targets))
    start, end, *_ = targets[place["target_idx"]][place["region_idx"]]
    cursor = draw(st.one_of(st.none(), st.integers(0, len(targets) - 1)))
    near = st.integers(max(start - 2 * PAGE, 0), end + 2 * PAGE)
    address = 0 if cursor is None else draw(near)
    return place | {"cursor_target": cursor, "cursor_addr": address}


test_skip_charged = _agrees("skip_charged")(_skip_vector())


@st.composite
def _min_score_vector(draw: Draw) -> Vector:
    targets = draw(_targets())
    sample_us, aggr_us = draw(_intervals())
    total = sum(row[1] - row[0] for rows in targets for row in rows)
    narrow = st.tuples(U32S, U32S).map(sorted)
    return {
        "sample_us": sample_us,
        "aggr_us": aggr_us,
        "action": draw(st.sampled_from([action.value for action in Action])),
        "weight_nr_accesses": draw(U32S),
        "weight_age": draw(U32S),
        "bytes": draw(st.one_of(st.integers(0, total), U64S)),
        "access_pattern": {
            "sz_bytes": [0, draw(st.one_of(st.just(U64_MAX), st.integers(0, total)))],
            "nr_accesses": draw(st.one_of(st.just([0, U32_MAX]), narrow)),
            "age": draw(st.one_of(st.just([0, U32_MAX]), narrow)),
        },
        "targets": targets,
        "core_filters": draw(st.lists(_filter(CORE_TYPES, targets), max_size=3)),
    }


test_min_score = _agrees("min_score")(_min_score_vector())


@st.composite
def _rand_vector(draw: Draw) -> Vector:
    spans = st.one_of(st.sampled_from([1, U32_MAX, U32_MAX + 1, U32_MAX + 2, U64_MAX]), U64S)
    calls = []
    for _ in range(draw(st.integers(1, 5))):
        span = draw(spans)
        low = draw(st.integers(0, U64_MAX - span))
        calls.append([low, low + span, 0, 0])
    return {"seed": draw(U64S), "calls": calls}


test_rand = _agrees("rand")(_rand_vector())


def test_every_step_is_compared() -> None:
    """No table is left out here."""
    assert {f"test_{name}" for name in TABLES} <= globals().keys()
