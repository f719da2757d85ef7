"""The vocabulary's values: the kernel's defaults, and its refusals."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl import damon
from damosrl.errors import DocumentError

HOT = damon.GoalMetric.NODE_ELIGIBLE_MEM_BP


def test_defaults_are_the_kernel_s() -> None:
    """Intervals, region bounds, quota and watermarks start as in kernel 7.3."""
    attrs, scheme = damon.Attrs(), damon.Scheme()
    assert attrs.intervals == damon.Intervals(5_000, 100_000, 60_000_000)
    assert (attrs.min_nr_regions, attrs.max_nr_regions) == (10, 1000)
    assert not attrs.intervals.goal.enabled
    assert scheme.action is damon.Action.STAT
    assert (scheme.target_nid, scheme.apply_interval_us, scheme.max_nr_snapshots) == (-1, 0, 0)
    assert scheme.quota.goal_tuner is damon.GoalTuner.CONSIST
    assert scheme.watermarks.metric is damon.WatermarkMetric.NONE


def test_actions_have_the_kernel_s_names_and_order() -> None:
    """The position of an action is its number in ``enum damos_action``."""
    names = "willneed cold pageout hugepage nohugepage collapse lru_prio lru_deprio"
    assert list(damon.Action) == [*names.split(), "migrate_hot", "migrate_cold", "stat"]


@given(st.integers(0, 10**6), st.integers(0, 10**7))
def test_samples_per_aggregation_is_never_zero(sample_us: int, more_us: int) -> None:
    """A sampling interval of 0 counts as 1 us, and there is at least one sample."""
    attrs = damon.Attrs(damon.Intervals(sample_us, sample_us + more_us))
    samples = attrs.samples_per_aggregation
    assert samples >= 1
    if sample_us:
        assert samples == (sample_us + more_us) // sample_us


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_ranges_are_closed(low: int, width: int, value: int) -> None:
    """Both ends belong to a range."""
    assert (value in damon.Range(low, low + width)) == (low <= value <= low + width)


def test_a_region_knows_its_size() -> None:
    """A monitored region is an address range with counts."""
    assert damon.Region(4096, 12288, nr_accesses=3, age=7).size == 8192


def test_three_regions_are_enough() -> None:
    """3 is the smallest lower bound, and bounds may be equal."""
    assert damon.Attrs(min_nr_regions=3, max_nr_regions=3).max_nr_regions == 3


@pytest.mark.parametrize(
    ("address_unit", "size"), [(1, 4096), (2, 2048), (4096, 1), (5000, 1), (2**20, 1)]
)
def test_smallest_region_follows_the_address_unit(address_unit: int, size: int) -> None:
    """Physical monitoring counts addresses in units; a region is at least one page."""
    assert damon.Context(damon.Ops.PADDR, addr_unit=address_unit).min_region_sz == size


def _physical(*ranges: tuple[int, int]) -> damon.Context:
    regions = tuple(damon.AddressRange(*pair) for pair in ranges)
    return damon.Context(damon.Ops.PADDR, (damon.Target(regions=regions),))


def test_adjacent_regions_are_accepted() -> None:
    """Regions may touch, and need not be aligned as long as rounding keeps them apart."""
    assert len(_physical((0, 4096), (4096, 10_000), (12_288, 12_289)).targets[0].regions) == 3


REFUSED: list[tuple[str, Callable[[], object]]] = [
    ("out of range", lambda: damon.Attrs(min_nr_regions=2)),
    ("above nr_regions.max", lambda: damon.Attrs(min_nr_regions=11, max_nr_regions=10)),
    ("longer than aggregation", lambda: damon.Attrs(damon.Intervals(2, 1))),
    (
        "outside the bounds",
        lambda: damon.Attrs(damon.Intervals(goal=damon.IntervalsGoal(400, 3, 6_000, 9_000))),
    ),
    (
        "outside the bounds",
        lambda: damon.Attrs(damon.Intervals(goal=damon.IntervalsGoal(400, 3, 9_000, 1_000))),
    ),
    ("matches nothing", lambda: damon.Range(2, 1)),
    ("out of range", lambda: damon.Range(0, 2**64)),
    ("out of range", lambda: damon.Range(-1, 2)),
    ("no integer", lambda: damon.Range(True, 2)),
    ("no integer", lambda: damon.Quota(sz_bytes=1.5)),  # type: ignore[arg-type]
    ("reversed", lambda: damon.AddressRange(2, 1)),
    ("empty", lambda: damon.Region(4096, 4096)),
    ("out of range", lambda: damon.Region(0, 4096, nr_accesses=2**32)),
    ("out of range", lambda: damon.QuotaGoal(damon.GoalMetric.USER_INPUT, 0)),
    ("control group", lambda: damon.QuotaGoal(damon.GoalMetric.NODE_MEMCG_USED_BP, 1)),
    ("no GoalMetric", lambda: damon.QuotaGoal("user_input", 1)),  # type: ignore[arg-type]
    ("out of range", lambda: damon.Weights(0, 2**32, 0)),
    ("out of range", lambda: damon.Watermarks(interval_us=-1)),
    ("needs address_range", lambda: damon.Filter(damon.FilterType.ADDR)),
    ("does not take", lambda: damon.Filter(damon.FilterType.ANON, memcg_path="/a")),
    ("memcg", lambda: damon.ProbeFilter(damon.ProbeFilterType.ANON, path="/a")),
    ("out of range", lambda: damon.Dest(-1, 1)),
    ("out of range", lambda: damon.Scheme(target_nid=-2)),
    ("out of range", lambda: damon.Stats(nr_tried=-1)),
    ("one context", lambda: damon.Kdamond(())),
    ("power of two", lambda: damon.Context(damon.Ops.PADDR, addr_unit=3)),
    ("out of range", lambda: damon.Context(damon.Ops.PADDR, addr_unit=0)),
    (
        "one address space",
        lambda: damon.Context(damon.Ops.PADDR, (damon.Target(), damon.Target())),
    ),
    ("no process", lambda: damon.Context(damon.Ops.VADDR, (damon.Target(),))),
    ("too many probes", lambda: damon.Context(damon.Ops.PADDR, probes=(damon.Probe(),) * 5)),
    ("overlap or are unsorted", lambda: _physical((0, 8192), (4096, 12_288))),
    ("overlap or are unsorted", lambda: _physical((8192, 12_288), (0, 4096))),
    ("empty or overlap", lambda: _physical((0, 5000), (6000, 9000))),
    ("empty or overlap", lambda: _physical((4096, 4096))),
    (
        "physical memory only",
        lambda: damon.Context(
            damon.Ops.VADDR,
            schemes=(damon.Scheme(quota=damon.Quota(goals=(damon.QuotaGoal(HOT, 1),))),),
        ),
    ),
]


@pytest.mark.parametrize(("message", "make"), REFUSED)
def test_what_the_kernel_refuses_is_refused(message: str, make: Callable[[], object]) -> None:
    """Every EINVAL of the kernel is a user error in one line here."""
    with pytest.raises(DocumentError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
