"""What sizes a guest may be given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import ConfigError
from damosrl.vm.size_limits import SizeLimits

MIB = st.integers(0, 1 << 20)


@st.composite
def limits(draw: st.DrawFn) -> SizeLimits:
    """Draw limits that do not contradict themselves."""
    low, high = sorted((draw(MIB), draw(MIB)))
    return SizeLimits(low, high, draw(MIB), draw(MIB))


@given(limits(), st.integers(-(1 << 21), 1 << 21), MIB, MIB)
def test_no_size_is_outside_minimum_and_maximum(
    one: SizeLimits, asked: int, size: int, in_use: int
) -> None:
    """Whatever is asked for."""
    allowed = one.allowed(asked, size_mib=size, in_use_mib=in_use)
    assert one.minimum_mib <= allowed <= one.maximum_mib


@given(limits(), MIB, MIB, MIB)
def test_what_is_in_use_is_never_taken(one: SizeLimits, asked: int, size: int, in_use: int) -> None:
    """Only the maximum, which is the host's, comes before the working set and its reserve."""
    allowed = one.allowed(asked, size_mib=size, in_use_mib=in_use)
    assert allowed >= min(in_use + one.reserve_mib, one.maximum_mib)


@given(limits(), MIB, MIB, MIB)
def test_one_decision_shrinks_by_one_step_and_grows_at_once(
    one: SizeLimits, asked: int, size: int, in_use: int
) -> None:
    """Growing is limited by the maximum alone."""
    allowed = one.allowed(asked, size_mib=size, in_use_mib=in_use)
    assert allowed >= min(size - one.step_mib, one.maximum_mib)
    if asked >= size:
        assert allowed >= min(asked, one.maximum_mib)


@given(limits(), MIB, MIB, MIB)
def test_an_allowed_size_is_allowed_again(
    one: SizeLimits, asked: int, size: int, in_use: int
) -> None:
    """Asking for what was granted changes nothing."""
    allowed = one.allowed(asked, size_mib=size, in_use_mib=in_use)
    assert one.allowed(allowed, size_mib=size, in_use_mib=in_use) == allowed


def test_a_minimum_above_the_maximum_is_refused() -> None:
    """The message says both and what to do."""
    with pytest.raises(ConfigError, match=r"512 MiB > 256 MiB.*raise the maximum"):
        SizeLimits(512, 256)


def test_a_negative_limit_is_refused() -> None:
    """A reserve below 0 would take what programs use."""
    with pytest.raises(ConfigError, match="negative"):
        SizeLimits(0, 256, reserve_mib=-1)
