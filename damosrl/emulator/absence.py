"""When a page is better out of memory than in it, by all its access rates to come.

A page that is out saves memory all the time, and costs one fault when it is touched next; it can
be paged out again at once. It pays to be out if the page stays out longer than the time after
which the memory saved outweighs the fault, its break-even time. How far ahead one has to look
follows from that: past the next stretch of time that is long enough, nothing matters any more.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def loss_of_absence_s(
    durations_s: FloatArray, rate_hz: FloatArray, break_even_s: FloatArray
) -> FloatArray:
    """Return what is lost by being out now instead of in, ``(P,)``, from -break-even time to 0.

    With memory saved for a second as the unit, a fault costs the break-even time B. Let d(t) be the
    loss of a page that is out at t against the same page in memory, both treated as well as can be
    from t on. Whoever is in can go out for nothing, so d <= 0; and where d = 0 the page may
    be out. A page with rate r that is out for s seconds is touched with probability
    p = 1 - exp(-r s) and stays out for p / r on average, so (backward induction of optimal
    stopping, Bellman 1957)

        d(t) = min(0, p / r - B p + (1 - p) d(t + s)).

    Maps d -> min(c, a + b d) remain such maps when one follows another, so one pass over a period
    yields the fixed point of infinitely many.

    Args:
        durations_s: Lengths of the stretches of constant rates from now on, ``(S,)``; after the
            last they begin anew.
        rate_hz: Rate of each page in each stretch, ``(S, P)``.
        break_even_s: Time after which the memory saved outweighs one fault, ``(P,)``; above 0,
            may be infinite.

    Example:
        >>> import numpy as np
        >>> rates = np.array([[0.0, 0.0], [9.0, 9.0]])
        >>> loss_of_absence_s(np.array([20.0, 5.0]), rates, np.array([10.0, 30.0])).round(1)
        array([ 0. , -9.9])
    """
    pages = rate_hz.shape[1]
    most, at_zero, kept, touches = (np.zeros(pages) for _ in range(4))
    kept += 1.0
    fault_s = np.minimum(break_even_s, np.finfo(np.float64).max / 1e16)
    for length_s, rate in zip(durations_s[::-1], rate_hz[::-1], strict=True):
        touched = -np.expm1(-rate * length_s)
        out_s = np.divide(touched, rate, where=rate > 0.0, out=np.full(pages, length_s))
        gain = out_s - fault_s * touched
        most = np.minimum(0.0, gain + (1.0 - touched) * most)
        at_zero = gain + (1.0 - touched) * at_zero
        kept *= 1.0 - touched
        touches += rate * length_s
    lost = -np.expm1(-touches)
    forever = np.divide(at_zero, lost, where=lost > 0.0, out=np.zeros(pages))
    return np.where(at_zero + kept * most >= most, most, forever)


def pays(
    durations_s: FloatArray, rate_hz: FloatArray, break_even_s: FloatArray
) -> NDArray[np.bool_]:
    """Return for which pages it pays to be out until the next decision, ``(P,)``.

    It does where nothing is lost later and memory is gained now: the present rate is below one
    touch per break-even time. Arguments are those of `loss_of_absence_s`.
    """
    now = rate_hz[0] < 1.0 / break_even_s
    return now & (loss_of_absence_s(durations_s, rate_hz, break_even_s) >= 0.0)
