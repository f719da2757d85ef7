"""Module parameters as text: read as the kernel reads its files, refused with a hint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.damon import U64_MAX
from damosrl.damon.modules import DamonLruSort, DamonReclaim, Wsse, make_module, split_words
from damosrl.damon.modules.parameters import parse_flag, parse_number
from damosrl.errors import ConfigError, DamosrlError, DocumentError, UnknownNameError


@given(st.integers(0, U64_MAX))
def test_numbers_are_read_in_three_bases(number: int) -> None:
    """Decimal, hexadecimal and octal digits give the same number, a line break or not."""
    for text in (f"{number}", f"+{number}", f"0x{number:x}", f"0X{number:X}\n", f"0{number:o}"):
        assert parse_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "10 ms", "09", "0x", "1_0", " 1", "1\n\n", "max"]
)
def test_other_texts_are_no_numbers(text: str) -> None:
    """Signs, units, fractions, blanks and digits of another base are refused."""
    with pytest.raises(ConfigError, match="no number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("texts", "value"),
    [(("Y", "y\n", "yes", "true", "1", "on", "On"), True), (("N", "no", "f", "0", "OFF"), False)],
)
def test_flags_go_by_their_first_letters(texts: tuple[str, ...], value: bool) -> None:
    """The first letter decides, and of `o` the second."""
    assert all(parse_flag(text) is value for text in texts)


@pytest.mark.parametrize("text", ["", "o", "x", "2", " Y"])
def test_other_texts_are_no_flags(text: str) -> None:
    """Nothing else is a truth value."""
    with pytest.raises(ConfigError, match="neither true nor false"):
        parse_flag(text)


def test_texts_and_values_mean_the_same() -> None:
    """Words of /sys/module and Python values make equal modules."""
    words = ["quota_ms=0x14", "skip_anon=Y", "min_age=1", "min_age=5000000"]
    given_values = {"quota_ms": 20, "skip_anon": True, "min_age": 5_000_000}
    assert make_module(DamonReclaim, split_words(words)) == make_module(DamonReclaim, given_values)


@pytest.mark.parametrize(
    ("values", "kind", "hint"),
    [
        ({"quota_mss": "1"}, UnknownNameError, "did you mean 'quota_ms'"),
        ({"quota_sz": "128M"}, ConfigError, "quota_sz: no number"),
        ({"skip_anon": "maybe"}, ConfigError, "skip_anon: neither"),
        ({"enabled": "Y"}, ConfigError, "leave enabled out"),
        ({"nr_quota_exceeds": "0"}, ConfigError, "leave nr_quota_exceeds out"),
        ({"quota_ms": str(2**64)}, DocumentError, "quota_ms is out of range"),
        ({"quota_ms": -1}, DocumentError, "quota_ms is out of range"),
        ({"quota_ms": True}, DocumentError, "quota_ms is no integer"),
        ({"skip_anon": 1}, DocumentError, "skip_anon is no truth value"),
    ],
)
def test_wrong_parameters_are_named(
    values: dict[str, str | int | bool], kind: type[DamosrlError], hint: str
) -> None:
    """A name or value that the kernel would not take is refused, and the message says which."""
    with pytest.raises(kind, match=hint):
        make_module(DamonReclaim, values)


def test_limits_follow_the_kernels_types() -> None:
    """Parameters are unsigned long, except process ids."""
    assert DamonLruSort(quota_ms=U64_MAX).quota_ms == U64_MAX
    with pytest.raises(DocumentError, match=r"0\.\.2147483647"):
        Wsse(target_pid=2**31)


def test_words_need_a_value() -> None:
    """A word without = is refused."""
    with pytest.raises(ConfigError, match="write quota_ms=VALUE"):
        split_words(["quota_ms"])
