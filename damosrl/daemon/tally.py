"""What a daemon has done since its start, in numbers that status and metrics both show."""

import msgspec

from damosrl.daemon.decision import Decision, Mode

MAX_REASONS = 32
"""Reasons that are told apart; memory and metrics stay bounded whatever the words are."""

OTHER = "other"
"""Reasons beyond `MAX_REASONS`."""


class Counters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Counts since the start; never changed, only replaced, so any thread may read them.

    Args:
        steps: Decisions.
        overruns: Steps that ended late.
        refused: Commits that the kernel did not take.
        stops: How often the kill-switch file was found anew.
        fallbacks: How often the fall-back took over, by the kind of its reason.
        vetoes: Knobs that were changed on the way to the kernel, by kind.
        dropped_log_lines: Decisions that are missing in the journal.
    """

    steps: int = 0
    overruns: int = 0
    refused: int = 0
    stops: int = 0
    fallbacks: dict[str, int] = {}
    vetoes: dict[str, int] = {}
    dropped_log_lines: int = 0


class Tally:
    """Counts decisions.

    A fall-back is counted when it begins, not in each step that it lasts.

    Example:
        >>> Tally().counters.steps
        0
    """

    def __init__(self) -> None:
        self.counters = Counters()
        self._mode: Mode | None = None

    def observe(self, decision: Decision, dropped_log_lines: int = 0) -> Counters:
        """Count one decision.

        Args:
            decision: The decision.
            dropped_log_lines: `Journal.dropped`.

        Returns:
            All counts until now.
        """
        old = self.counters
        begins = decision.mode != self._mode
        falls = begins and decision.mode is Mode.FALLBACK
        self._mode = decision.mode
        self.counters = Counters(
            steps=old.steps + 1,
            overruns=decision.overruns,
            refused=old.refused + (decision.refused is not None),
            stops=old.stops + (begins and decision.mode is Mode.STOPPED),
            fallbacks=_added(old.fallbacks, [kind_of(decision.reason)] if falls else []),
            vetoes=_added(old.vetoes, [veto.kind for veto in decision.vetoes]),
            dropped_log_lines=dropped_log_lines,
        )
        return self.counters


def kind_of(reason: str) -> str:
    """Return a reason without its numbers, which follow a colon."""
    return reason.partition(":")[0] or OTHER


def _added(counts: dict[str, int], names: list[str]) -> dict[str, int]:
    new = dict(counts)
    for name in names:
        key = name if name in new or len(new) < MAX_REASONS else OTHER
        new[key] = new.get(key, 0) + 1
    return new
