"""Units: exact pairs of parsing and printing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.damon import U32_MAX, U64_MAX, units
from damosrl.errors import UnitError

U64 = st.integers(min_value=0, max_value=U64_MAX)
U32 = st.integers(min_value=0, max_value=U32_MAX)
ROUND_NUMBERS = st.builds(
    lambda digits, zeros: min(digits * 1000**zeros, U64_MAX),
    st.integers(min_value=0, max_value=9999),
    st.integers(min_value=0, max_value=5),
)


@given(U64 | ROUND_NUMBERS | st.integers(0, 60).map(lambda bits: 2**bits))
def test_what_is_printed_is_read_back(value: int) -> None:
    """Every pair of parser and printer is an identity on all 64-bit numbers."""
    assert units.parse_size(units.format_size(value)) == value
    assert units.parse_time_us(units.format_time_us(value)) == value
    assert units.parse_time_ms(units.format_time_ms(value)) == value
    assert units.parse_bp(units.format_bp(value)) == value
    assert units.parse_permil(units.format_permil(value)) == value
    assert units.parse_number(f"{value:,}") == value
    assert units.parse_number(value) == value


@given(U32, st.integers(min_value=1, max_value=10_000))
def test_counts_are_read_back_whatever_the_intervals(value: int, interval: int) -> None:
    """Samples and aggregation intervals do not depend on the monitoring intervals."""
    assert units.parse_nr_accesses(units.format_nr_accesses(value), interval) == value
    assert units.parse_age(units.format_age(value), interval) == value


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("200 MiB", 209715200),
        ("4G", 4 * 2**30),
        ("4 g", 4 * 2**30),
        ("5.5G", 11 * 2**29),
        ("1,000", 1000),
        ("1.1 K", 1126),
        ("0", 0),
        (4096, 4096),
        (4096.0, 4096),
        ("max", U64_MAX),
        ("16383 PiB", 16383 * 2**50),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str | float, size: int) -> None:
    """Sizes take binary units in any case, thousands separators, decimals and max."""
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("5 ms", 5000),
        ("5ms", 5000),
        ("1 s", 1_000_000),
        ("0.5 ms", 500),
        ("1 h 30 m", 5_400_000_000),
        ("1 s 500 ms", 1_500_000),
        ("2000 ns", 2),
        (5000, 5000),
        ("5,000", 5000),
        ("max", U64_MAX),
    ],
)
def test_times_are_read_as_people_write_them(text: str | int, time_us: int) -> None:
    """Times take one or several parts with units; bare numbers are microseconds."""
    assert units.parse_time_us(text) == time_us


def test_bare_numbers_are_in_the_field_s_own_unit() -> None:
    """The same bare number means ms, bp or permil depending on the field."""
    assert units.parse_time_ms(1000) == 1000
    assert units.parse_time_ms("1 s") == 1000
    assert units.parse_bp("9970") == 9970
    assert units.parse_permil(100) == 100


@given(st.integers(min_value=0, max_value=10_000))
def test_per_cents_are_exact_where_floats_are_not(share_bp: int) -> None:
    """Every hundredth of a per cent is its basis point (0.57 / 100 * 10000 is 56.99 in floats)."""
    assert units.parse_bp(f"{share_bp // 100}.{share_bp % 100:02d} %") == share_bp


def test_shares_are_printed_without_trailing_zeros() -> None:
    """99.7 %, 0.05 % and 10 % look as people write them."""
    assert units.format_bp(9970) == "99.7 %"
    assert units.format_bp(5) == "0.05 %"
    assert units.format_permil(100) == "10 %"
    assert units.format_permil(5) == "0.5 %"


@pytest.mark.parametrize(
    ("text", "samples"),
    [("3 samples", 3), ("15 %", 3), ("16 %", 3), (100, 20), ("max", U32_MAX), ("min", 0)],
)
def test_access_counts_are_read(text: str | int, samples: int) -> None:
    """Per cents of 20 samples are rounded down; bare numbers are per cent."""
    assert units.parse_nr_accesses(text, 20) == samples


def test_per_cents_beyond_32_bits_mean_no_bound() -> None:
    """A per cent of 2^64-1, another tool's word for max, does not wrap to a small number."""
    assert units.parse_nr_accesses("18,446,744,073,709,551,615 %", 20) == U32_MAX
    assert units.parse_age("max", 100_000) == U32_MAX
    assert units.parse_age(U64_MAX, 1) == U32_MAX


def test_ages_are_read() -> None:
    """Ages are intervals or a time, rounded down to intervals; bare numbers are us."""
    assert units.parse_age("30 aggr_intervals", 100_000) == 30
    assert units.parse_age("3.05 s", 100_000) == 30
    assert units.parse_age(250_000, 100_000) == 2
    assert units.parse_age("5 us", 0) == 5


@pytest.mark.parametrize(
    "text",
    ["", "MiB", "-1", "1,00", "4 QiB", "1e9", "1 2", "nan", True, "٣", "9" * 41, "17 EiB", "4 %"],
)
def test_what_is_no_size_is_refused(text: str) -> None:
    """Nonsense, unknown units and sizes above 2^64-1 are user errors."""
    with pytest.raises(UnitError, match="size"):
        units.parse_size(text)


@pytest.mark.parametrize("text", ["5 parsecs", "5 S", "-1 s", "0.5 us", "", "1 s 5", "1 s 2 x"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Unknown units and parts of a microsecond are user errors."""
    with pytest.raises(UnitError):
        units.parse_time_us(text)


@pytest.mark.parametrize("text", ["0.005 %", "5 s", "abc", "0.5"])
def test_what_is_no_basis_point_is_refused(text: str) -> None:
    """Shares finer than a basis point are not rounded in silence."""
    with pytest.raises(UnitError):
        units.parse_bp(text)


@pytest.mark.parametrize("text", ["18446744073709551616 samples", "0.5 samples", "3 s", "x"])
def test_what_is_no_access_count_is_refused(text: str) -> None:
    """Counts beyond 64 bits are user errors."""
    with pytest.raises(UnitError):
        units.parse_nr_accesses(text, 20)


@pytest.mark.parametrize(
    "text", ["18446744073709551616 aggr_intervals", "1.5 aggr_intervals", "3 samples"]
)
def test_what_is_no_age_is_refused(text: str) -> None:
    """Ages beyond 64 bits or in parts of an interval are user errors."""
    with pytest.raises(UnitError):
        units.parse_age(text, 100_000)


def test_a_plain_number_takes_no_unit() -> None:
    """Counts such as the number of regions have no unit."""
    with pytest.raises(UnitError, match="no unit"):
        units.parse_number("10 MiB")
