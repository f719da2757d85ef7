"""What DAMON_STAT and wsse tell about a snapshot."""

from bisect import bisect_left
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from damosrl.damon import Region
from damosrl.damon.modules.idle import estimated_memory_bandwidth, memory_idle_ms_percentiles
from damosrl.damon.modules.wsse import working_set_bytes

PAGE = 4096
SHAPES = st.lists(
    st.tuples(st.integers(1, 10**6), st.integers(0, 20), st.integers(0, 10**6)),
    min_size=1,
    max_size=30,
)


def _snapshot(shapes: list[tuple[int, int, int]]) -> list[Region]:
    """Make adjacent regions of pages, access counts and ages."""
    ends = accumulate(pages * PAGE for pages, _, _ in shapes)
    return [
        Region(end - pages * PAGE, end, nr, age)
        for end, (pages, nr, age) in zip(ends, shapes, strict=True)
    ]


def test_percentiles_by_hand() -> None:
    """Half accessed for 3 s, a quarter for 1 s, a quarter idle for 10 s; 0 % is the hottest."""
    regions = _snapshot([(1, 0, 99), (1, 4, 9), (2, 20, 29)])
    values = memory_idle_ms_percentiles(regions, 100_000)
    assert values == (-3000,) * 51 + (-1000,) * 25 + (10_000,) * 25


def test_percentiles_below_a_millisecond_are_cut_towards_zero() -> None:
    """The kernel's signed division drops the rest of positive and negative times."""
    assert set(memory_idle_ms_percentiles(_snapshot([(1, 1, 0)]), 1999)) == {-1}
    assert set(memory_idle_ms_percentiles(_snapshot([(1, 0, 0)]), 1999)) == {1}
    assert set(memory_idle_ms_percentiles(_snapshot([(1, 1, 0)]), 999)) == {0}


def test_regions_too_small_for_a_percentile_are_left_out() -> None:
    """A region that reaches no further whole per cent of memory gives no value, but index 0."""
    values = memory_idle_ms_percentiles(_snapshot([(1, 5, 9), (998, 0, 0), (1, 0, 9)]), 100_000)
    assert values == (-1000,) + (100,) * 99 + (1000,)


@given(SHAPES, st.integers(1000, 10**7))
def test_percentiles_are_the_quantiles(shapes: list[tuple[int, int, int]], aggr_us: int) -> None:
    """Value p is the idle time of the first region that ends at p % of memory or later."""
    regions = _snapshot(shapes)

    def idle_us(region: Region) -> int:
        return (region.age + 1) * aggr_us * (-1 if region.nr_accesses else 1)

    ordered = sorted(regions, key=idle_us)
    ends = list(accumulate(region.size for region in ordered))
    expected = [
        int(idle_us(ordered[bisect_left(ends, -(-ends[-1] * p // 100))]) / 1000) for p in range(101)
    ]
    values = memory_idle_ms_percentiles(regions, aggr_us)
    assert list(values) == expected
    assert list(values) == sorted(values)
    assert memory_idle_ms_percentiles(regions[::-1], aggr_us) == values


def test_bandwidth_by_hand() -> None:
    """Two pages seen 20 and 5 times in 100 ms make 1 MiB/s less the idle page's nothing."""
    regions = _snapshot([(1, 20, 0), (1, 5, 0), (10, 0, 7)])
    assert estimated_memory_bandwidth(regions, 100_000) == 25 * PAGE * 10


def test_bandwidth_wraps_as_in_the_kernel() -> None:
    """16 TiB seen 20 times: the product with a million keeps its low 64 bits."""
    size = 16 << 40
    value = estimated_memory_bandwidth([Region(0, size, nr_accesses=20)], 100_000)
    assert value == (size * 20 * 10**6 % 2**64) // 100_000
    assert value < size * 20 * 10


@given(SHAPES)
def test_bandwidth_and_working_set_count_accessed_memory_only(
    shapes: list[tuple[int, int, int]],
) -> None:
    """Regions without accesses change neither; the working set is at most all memory."""
    regions = _snapshot(shapes)
    seen = [region for region in regions if region.nr_accesses]
    assert working_set_bytes(regions) == sum(region.size for region in seen)
    assert estimated_memory_bandwidth(regions, 1_000_000) == sum(
        region.size * region.nr_accesses for region in seen
    )
