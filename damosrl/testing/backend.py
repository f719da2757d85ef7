"""What answers behind a fake tree: given numbers here, an emulated machine elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from damosrl.damon import Document, Stats
from damosrl.kernel.tried import TriedRegion


class Backend(Protocol):
    """DAMON behind a fake tree; ``kdamond`` is an index, ``document`` the whole tree's."""

    def start(self, document: Document, kdamond: int) -> None:
        """Start a kdamond."""
        ...

    def commit(self, document: Document, kdamond: int) -> None:
        """Change a running kdamond."""
        ...

    def commit_goals(self, document: Document, kdamond: int) -> None:
        """Change the goals of a running kdamond."""
        ...

    def stop(self, kdamond: int) -> None:
        """Stop a kdamond."""
        ...

    def stats(self, kdamond: int) -> Sequence[Stats]:
        """Return the statistics by scheme."""
        ...

    def effective_bytes(self, kdamond: int) -> Sequence[int]:
        """Return the effective quotas by scheme, core address units."""
        ...

    def tuned_intervals(self, kdamond: int) -> tuple[int, int] | None:
        """Return sampling and aggregation interval, us; None where they are as committed."""
        ...

    def tried_regions(self, kdamond: int) -> Sequence[Sequence[TriedRegion]]:
        """Return what the next complete pass of each scheme applies to."""
        ...


@dataclass(slots=True)
class GivenNumbers:
    """A backend that says what it was told, and notes what was asked.

    Args:
        stats_of: Statistics by kdamond, then scheme.
        effective_of: Effective quotas by kdamond, then scheme.
        intervals_of: Tuned intervals by kdamond.
        tried_of: Tried regions by kdamond, then scheme.
    """

    stats_of: dict[int, Sequence[Stats]] = field(default_factory=dict)
    effective_of: dict[int, Sequence[int]] = field(default_factory=dict)
    intervals_of: dict[int, tuple[int, int]] = field(default_factory=dict)
    tried_of: dict[int, Sequence[Sequence[TriedRegion]]] = field(default_factory=dict)
    in_force: dict[int, Document] = field(default_factory=dict)
    """The document each running kdamond was given last."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Everything that was asked of it: what, and of which kdamond."""

    def start(self, document: Document, kdamond: int) -> None:
        """See `Backend.start`."""
        self._take("start", document, kdamond)

    def commit(self, document: Document, kdamond: int) -> None:
        """See `Backend.commit`."""
        self._take("commit", document, kdamond)

    def commit_goals(self, document: Document, kdamond: int) -> None:
        """See `Backend.commit_goals`."""
        self._take("commit_goals", document, kdamond)

    def stop(self, kdamond: int) -> None:
        """See `Backend.stop`."""
        self.asked.append(("stop", kdamond))
        del self.in_force[kdamond]

    def stats(self, kdamond: int) -> Sequence[Stats]:
        """See `Backend.stats`."""
        return self.stats_of.get(kdamond, ())

    def effective_bytes(self, kdamond: int) -> Sequence[int]:
        """See `Backend.effective_bytes`."""
        return self.effective_of.get(kdamond, ())

    def tuned_intervals(self, kdamond: int) -> tuple[int, int] | None:
        """See `Backend.tuned_intervals`."""
        return self.intervals_of.get(kdamond)

    def tried_regions(self, kdamond: int) -> Sequence[Sequence[TriedRegion]]:
        """See `Backend.tried_regions`."""
        return self.tried_of.get(kdamond, ())

    def _take(self, what: str, document: Document, kdamond: int) -> None:
        self.asked.append((what, kdamond))
        self.in_force[kdamond] = document
