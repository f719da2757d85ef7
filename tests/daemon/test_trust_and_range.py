"""Trust in telemetry, and the range in which a policy is at home."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from damosrl.daemon.assessment import Assessment
from damosrl.daemon.trust import Trust

KNOWN = np.ones(4, np.bool_)


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 5))
def test_trust_changes_only_after_as_many_equal_readings_as_the_patience(
    readings: list[bool], patience: int
) -> None:
    """Trust changes only after as many equal readings as the patience."""
    trust = Trust(patience)
    before = False
    for place, usable in enumerate(readings):
        trust.tell(usable=usable)
        if trust.given_up != before:
            recent = readings[max(0, place + 1 - patience) : place + 1]
            assert recent == [not trust.given_up] * patience
        before = trust.given_up


def test_the_mean_share_outside_follows_its_time_constant() -> None:
    """The mean share outside follows its time constant."""
    assessment = Assessment(np.full(4, -0.5), np.full(4, 0.5), margin=0.0, time_s=10.0)
    outside = np.array([0.9, -0.9, 0.0, 0.0], np.float32)
    for _ in range(10):
        assert assessment.watch(outside, KNOWN, 1.0) == 0.5
    assert np.isclose(assessment.mean_ratio, 0.5 * (1.0 - np.exp(-1.0)))


def test_features_without_a_measurement_do_not_count() -> None:
    """Features without a measurement do not count."""
    assessment = Assessment(np.full(4, -0.5), np.full(4, 0.5), margin=0.0, time_s=0.0)
    known = np.array([False, True, True, True])
    assert assessment.watch(np.array([0.9, 0.9, 0.0, 0.0], np.float32), known, 1.0) == 1.0 / 3.0
    assert assessment.watch(np.full(4, 0.9, np.float32), ~KNOWN, 1.0) == 0.0


def test_a_margin_widens_the_range_on_both_sides() -> None:
    """A margin widens the range on both sides."""
    assessment = Assessment(np.full(4, -0.5), np.full(4, 0.5), margin=0.2, time_s=0.0)
    assert assessment.watch(np.array([0.65, -0.65, 0.75, -0.75], np.float32), KNOWN, 1.0) == 0.5


def test_forgetting_begins_the_mean_anew() -> None:
    """Forgetting begins the mean anew."""
    assessment = Assessment(np.full(4, -0.5), np.full(4, 0.5), margin=0.0, time_s=0.0)
    assessment.watch(np.ones(4, np.float32), KNOWN, 1.0)
    assessment.forget()
    assert assessment.mean_ratio == 0.0
