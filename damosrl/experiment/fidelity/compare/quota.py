"""Effective quotas: the engine's for the goal values that the guest measured (semantics 2.7, 2.8).

The guest tells a quota only where it changes. From one byte a quota grows in fractions that do not
show, so windows may pass unseen between two that are told. Free memory is read beside the kernel,
at other moments. The windows are therefore searched for: each takes one of the values measured
around its time, and some hidden windows are allowed. If there is such a series, the engine is run
on it, and both sequences have to be equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from damosrl.damon import Context
from damosrl.emulator.quota import feed_loop_next_input
from damosrl.experiment.fidelity.emulated.scripted import effective_quotas
from damosrl.machine import IntArray

BASIS = 10_000
HIDDEN_WINDOWS = 4
"""Most windows in a row that may pass without a change of whole bytes."""

Candidates = Sequence[int]
"""Values of the goal's metric that a window may have seen."""


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


def window_values(
    guest: Sequence[int], candidates: Sequence[Candidates], target: int
) -> list[int]:
    """Return goal values, window by window, that explain as many quotas as possible.

    Args:
        guest: Effective quotas, bytes.
        candidates: For each of them what its window may have seen.
        target: The goal's target value.

    Example:
        >>> window_values([2, 3], [[0], [0, 5000]], 10000)
        [0, 5000]
    """
    paths: dict[int, tuple[int, ...]] = {BASIS: ()}
    esz = 0
    for quota, choices in zip(guest, candidates, strict=True):
        found: dict[int, tuple[int, ...]] = {}
        scores = {value: value * BASIS // target for value in choices}
        hidden = dict(paths)
        for _ in range(HIDDEN_WINDOWS + 1):
            stepped = _step(hidden, scores)
            for state, path in stepped.items():
                if state // BASIS == quota:
                    found.setdefault(state, path)
            hidden = {
                state: path
                for state, path in stepped.items()
                if state // BASIS == esz and state not in hidden
            }
        if not found:
            break
        paths, esz = found, quota
    return list(next(iter(paths.values())))


def _step(
    paths: dict[int, tuple[int, ...]], scores: dict[int, int]
) -> dict[int, tuple[int, ...]]:
    stepped: dict[int, tuple[int, ...]] = {}
    for state, path in paths.items():
        for value, score in scores.items():
            following = int(feed_loop_next_input(np.uint64(max(state, BASIS)), np.uint64(score)))
            stepped.setdefault(following, (*path, value))
    return stepped


def values_by_commit(time_ns: IntArray, commits: dict[str, IntArray]) -> list[list[int]]:
    """Return for each quota what was committed last; both values while a commit was under way.

    Args:
        time_ns: When the quotas were set.
        commits: Columns ``before_ns``, ``after_ns``, ``value``.
    """
    done = np.searchsorted(commits["after_ns"], time_ns, side="right") - 1
    begun = np.searchsorted(commits["before_ns"], time_ns, side="right") - 1
    return [
        commits["value"][max(first, 0) : last + 1].tolist()
        for first, last in zip(done.tolist(), begun.tolist(), strict=True)
    ]


def values_around(
    time_ns: IntArray, series_ns: IntArray, values: IntArray, within_ns: int
) -> list[list[int]]:
    """Return for each quota all whole values between those measured around its window.

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
    return [list(range(int(part.min()), int(part.max()) + 1)) for part in parts]
