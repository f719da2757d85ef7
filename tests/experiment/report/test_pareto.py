"""The front of what is gained over what it costs."""

from hypothesis import given
from hypothesis import strategies as st

from damosrl.experiment.report.figures.pareto import pareto_front

POINTS = st.lists(st.tuples(st.floats(0, 10), st.floats(-5, 5)), min_size=1, max_size=30)


@given(POINTS)
def test_the_front_is_what_nobody_dominates(points: list[tuple[float, float]]) -> None:
    """A point is on the front iff no other costs no more, gains no less, and differs."""
    front = pareto_front(points)
    for cost, gain in points:
        dominated = any(
            (other[0] <= cost and other[1] >= gain) and other != (cost, gain) for other in points
        )
        assert ((cost, gain) in front) == (not dominated)
    assert front == sorted(front)
