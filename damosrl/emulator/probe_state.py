"""What the engine knows of probes; no columns at all where nobody uses them (semantics 1.12).

Few arrays: every array of the engine's state costs time at each call of a kernel, used or not.
"""

import numpy as np
from numpy.typing import NDArray

MAX_PROBES = 4
"""DAMON_MAX_PROBES of include/linux/damon.h (7.3)."""

OUTCOMES = 1 << MAX_PROBES
"""What a sampled page may be to all probes: a bit for each, set where it passes."""

PROBE = np.dtype(
    [("weight", "u8")]
    + [(name, "i8") for name in ("nr_filters", "anon", "memcg", "matching", "allow")]
)
"""A filter of a probe, on being anonymous if ``anon`` is 1, on the control group otherwise; the
first filter's record has the probe's weight and number of filters too."""

IN_FORCE, STAGED = 0, 1
"""Rows of the table of probes."""


def allocate_probes(contexts: int, filters: int) -> NDArray[np.void]:
    """Make room for probes of up to so many filters, ``(C, 2, 4, F)``; for none if that is 0."""
    return np.zeros((contexts, 2, MAX_PROBES if filters else 0, filters), PROBE)
