"""Who is told what the daemon does."""

import sys
from typing import Protocol

from damosrl.artifact import Artifact
from damosrl.daemon.decision import Decision
from damosrl.daemon.status_text import decision_text


class Teller(Protocol):
    """Takes what happens, in its order. None of these raises: telling never ends the daemon."""

    def starting(self) -> None:
        """The daemon has the right to change the kernel, and begins."""

    def begun(self, *, adopted: bool) -> None:
        """Kdamonds run: its own, or those of a killed daemon, which it adopted."""

    def take(self, decision: Decision) -> None:
        """Something was decided."""

    def reloading(self) -> None:
        """A new bundle is being read."""

    def reloaded(self, artifact: Artifact, problem: str | None) -> None:
        """This bundle is at the wheel now; or still is, and why."""

    def stopping(self) -> None:
        """What was found is restored next."""

    def ended(self) -> None:
        """It is restored, and the daemon ends."""


class Printer:
    """Prints every decision whole, for ``--once`` and dry runs."""

    def starting(self) -> None:
        """Nothing to print."""

    def begun(self, *, adopted: bool) -> None:
        """Nothing to print."""

    def take(self, decision: Decision) -> None:
        """Print a decision, with what was seen and why."""
        sys.stdout.write(decision_text(decision))

    def reloading(self) -> None:
        """Nothing to print."""

    def reloaded(self, artifact: Artifact, problem: str | None) -> None:
        """Print which bundle is at the wheel."""
        sys.stdout.write(f"bundle {artifact.content_sha256[:12]}: {problem or 'loaded'}\n")

    def stopping(self) -> None:
        """Nothing to print."""

    def ended(self) -> None:
        """Nothing to print."""
