"""Effective quotas: the engine's for the goal values that the guest measured (semantics 2.7, 2.8).

The guest tells a quota only where it changes. From one byte a quota grows in fractions that do not
show, so windows may pass unseen between two that are told. Free memory is read beside the kernel,
at other moments. The windows are therefore searched for: each takes one of the values measured
around its time, and some hidden windows are allowed. If there is such a series, the engine is run
on it, and both sequences have to be equal.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from damosrl.damon import Context
from damosrl.emulator.quota import feed_loop_next_input
from damosrl.experiment.fidelity.emulated.scripted import effective_quotas
from damosrl.machine import IntArray

BASIS = 10_000
HIDDEN_WINDOWS = 8
"""Most windows in a row that may pass without a change of whole bytes."""

MOST_PATHS = 500
"""Paths that are followed; the loop's states lie far closer than any series needs."""

Candidates = Sequence[int]
"""Values of the goal's metric that a window may have seen, ascending."""

Chain = tuple["Chain", int] | None
"""Values so far, last one first."""


@dataclass(frozen=True)
class QuotaResult:
    """One series of effective quotas, bytes, told where they change.

    Args:
        guest: What the kernel's tracepoint told.
        emulator: The engine's, given ``values``.
        values: The goal's metric in each window, hidden ones included.
    """

    guest: list[int]
    emulator: list[int]
    values: list[int]

    @property
    def equal(self) -> int:
        """Length of the common beginning; all of it where both are equal."""
        pairs = zip(self.guest, self.emulator, strict=False)
        return next((n for n, (one, two) in enumerate(pairs) if one != two), len(self.emulator))

    @property
    def meets(self) -> bool:
        """Whether the sequences are equal."""
        return self.guest == self.emulator


def compare_quotas(
    context: Context, guest: Sequence[int], candidates: Sequence[Candidates]
) -> QuotaResult:
    """Run the engine on goal values that the guest may have seen.

    Args:
        context: One scheme with one goal, as the guest ran it.
        guest: Its effective quotas, bytes.
        candidates: For each of them what its window may have seen.
    """
    (goal,) = context.schemes[0].quota.goals
    values = window_values(guest, candidates, goal.target_value)
    return QuotaResult(list(guest), effective_quotas(context, values), values)


def window_values(guest: Sequence[int], candidates: Sequence[Candidates], target: int) -> list[int]:
    """Return goal values, window by window, that explain as many quotas as possible.

    Args:
        guest: Effective quotas, bytes.
        candidates: For each of them what its window may have seen.
        target: The goal's target value.

    Example:
        >>> window_values([2, 3], [[0], [0, 5000]], 10000)
        [0, 5000]
    """
    paths: dict[int, Chain] = {BASIS: None}
    esz = 0
    for quota, choices in zip(guest, candidates, strict=True):
        found: dict[int, Chain] = {}
        hidden = paths
        for _ in range(HIDDEN_WINDOWS + 1):
            found = _step(hidden, choices, target, quota) | found
            stepped = _step(hidden, choices, target, esz)
            hidden = _thinned({at: path for at, path in stepped.items() if at not in hidden})
        if not found:
            break
        paths, esz = _thinned(found), quota
    return _unrolled(next(iter(paths.values())))


def _step(
    paths: dict[int, Chain], choices: Candidates, target: int, quota: int
) -> dict[int, Chain]:
    """Let one window pass on every path; keep the steps after which the quota shows.

    The loop's next state falls with the metric, so that the values that fit are neighbours.
    """
    stepped: dict[int, Chain] = {}
    scores = {value: np.uint64(value * BASIS // target) for value in choices}
    for state, path in paths.items():
        now = np.uint64(max(state, BASIS))

        def following(value: int, now: np.uint64 = now) -> int:
            return int(feed_loop_next_input(now, scores[value]))

        first = bisect_left(choices, -quota, key=lambda value: -(following(value) // BASIS))
        for value in choices[first:]:
            at = following(value)
            if at // BASIS < quota:
                break
            stepped.setdefault(at, (path, value))
    return stepped


def _thinned(paths: dict[int, Chain]) -> dict[int, Chain]:
    """Keep a number of paths that one can follow, spread over the states of the loop."""
    every = -(-len(paths) // MOST_PATHS)
    return dict(sorted(paths.items())[:: max(every, 1)])


def _unrolled(path: Chain) -> list[int]:
    values: list[int] = []
    while path is not None:
        path, value = path
        values.append(value)
    return values[::-1]


def values_by_commit(time_ns: IntArray, commits: dict[str, IntArray]) -> list[Candidates]:
    """Return for each quota what was committed last; both values while a commit was under way.

    Args:
        time_ns: When the quotas were set.
        commits: Columns ``before_ns``, ``after_ns``, ``value``.
    """
    done = np.searchsorted(commits["after_ns"], time_ns, side="right") - 1
    begun = np.searchsorted(commits["before_ns"], time_ns, side="right") - 1
    return [
        np.unique(commits["value"][max(first, 0) : last + 1]).tolist()
        for first, last in zip(done.tolist(), begun.tolist(), strict=True)
    ]


def values_around(
    time_ns: IntArray, series_ns: IntArray, values: IntArray, within_ns: int
) -> list[Candidates]:
    """Return for each quota all values between those read around its window.

    Args:
        time_ns: When the quotas were set.
        series_ns: When the values were read.
        values: The values.
        within_ns: How long before the quota before, and after the quota itself.
    """
    starts = np.concatenate([time_ns[:1], time_ns[:-1]]) - within_ns
    first = np.maximum(np.searchsorted(series_ns, starts) - 1, 0)
    last = np.searchsorted(series_ns, time_ns + within_ns) + 1
    parts = [values[one:two] for one, two in zip(first.tolist(), last.tolist(), strict=True)]
    return [range(int(part.min()), int(part.max()) + 1) for part in parts]
