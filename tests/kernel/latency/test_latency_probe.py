"""The probe: the newest number while it is fresh, NaN otherwise."""

import math

import pytest

from damosrl.errors import ConfigError, KernelError
from damosrl.kernel.latency.probe import LatencyProbe, Sample, number_of


class Scripted:
    """A source that answers as told: a sample, nothing, or an error."""

    def __init__(self, *answers: Sample | KernelError | None) -> None:
        self.answers = list(answers)
        self.closed = 0

    def poll(self) -> Sample | None:
        """See `Source.poll`."""
        answer = self.answers.pop(0)
        if isinstance(answer, KernelError):
            raise answer
        return answer

    def close(self) -> None:
        """See `Source.close`."""
        self.closed += 1


class Clock:
    """A clock that is set by hand."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now_s


def test_a_number_counts_until_it_is_stale() -> None:
    """The last number stays while nothing new comes, up to the limit and no longer."""
    clock = Clock()
    probe = LatencyProbe(Scripted(Sample(7.0, 1.0), None, None), fresh_s=5.0, clock=clock)
    assert probe.latency_ns() == 7.0
    clock.now_s += 4.0
    assert probe.latency_ns() == 7.0
    clock.now_s += 0.5
    assert math.isnan(probe.latency_ns())
    assert probe.problem == "5.5 s old"


def test_a_number_that_comes_stale_never_counts() -> None:
    """Its age is that at which it was given, not at which it was read."""
    probe = LatencyProbe(Scripted(Sample(7.0, 5.1)), fresh_s=5.0, clock=Clock())
    assert math.isnan(probe.latency_ns())


def test_a_failure_forgets_what_was_known() -> None:
    """After an error there is no number until a new one comes."""
    source = Scripted(Sample(7.0, 0.0), KernelError("broken"), None, Sample(8.0, 0.0))
    probe = LatencyProbe(source, clock=Clock())
    assert probe.latency_ns() == 7.0
    assert math.isnan(probe.latency_ns())
    assert probe.problem == "broken"
    assert math.isnan(probe.latency_ns())
    assert probe.latency_ns() == 8.0
    assert probe.problem is None


def test_no_number_yet_is_said() -> None:
    """Before the first number there is NaN, and why."""
    probe = LatencyProbe(Scripted(None), clock=Clock())
    assert math.isnan(probe.latency_ns())
    assert probe.problem == "no number yet"


def test_units_become_nanoseconds() -> None:
    """A source in milliseconds counts a million times."""
    assert LatencyProbe(Scripted(Sample(1.5, 0.0)), unit_ns=1e6).latency_ns() == 1.5e6


def test_leaving_closes_the_source() -> None:
    """Also when the body fails."""
    source = Scripted()

    def fail() -> None:
        with LatencyProbe(source):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert source.closed == 1


@pytest.mark.parametrize(("fresh_s", "unit_ns"), [(0.0, 1.0), (5.0, -1.0), (math.inf, 1.0)])
def test_limits_that_are_no_lengths_are_refused(fresh_s: float, unit_ns: float) -> None:
    """Zero, negative and endless limits make no sense."""
    with pytest.raises(ConfigError, match="allowed: > 0"):
        LatencyProbe(Scripted(), fresh_s, unit_ns)


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"12", 12.0), (b" 1.5e2\n", 150.0), (b"0", 0.0), (b"\n", None), (b"", None)],
)
def test_numbers_are_plain_decimals(text: bytes, value: float | None) -> None:
    """Blanks around do not matter; an empty text is nothing new."""
    assert number_of(text, "metric") == value


@pytest.mark.parametrize(
    "text",
    [b"nan", b"inf", b"-1", b"1_000", b"0x10", b"1 2", b"p99=3", b"\xff", b"1e999", b"9" * 99],
)
def test_what_is_no_latency_is_refused_with_what_it_was(text: bytes) -> None:
    """Never a guess: words, signs, several numbers and infinities are refused."""
    with pytest.raises(KernelError, match="metric gives no latency"):
        number_of(text, "metric")
