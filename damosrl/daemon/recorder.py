"""What is kept of the daemon's decisions and told of them: journal, status, metrics, systemd."""

import sys

import msgspec

from damosrl.artifact import Artifact
from damosrl.daemon.decision import Decision
from damosrl.daemon.journal import Journal
from damosrl.daemon.notify import Notifier
from damosrl.daemon.reporting import Reporter
from damosrl.daemon.status import Phase, StatusFile
from damosrl.daemon.tally import Tally


class Recorder:
    """A `damosrl.daemon.teller.Teller`.

    Args:
        journal: Log of decisions.
        status: File of the last one.
        notifier: systemd.
        reporter: Metrics, where they were asked for.
        show: Whether decisions that are out of the ordinary are printed on standard error.
    """

    def __init__(
        self,
        journal: Journal,
        status: StatusFile,
        notifier: Notifier,
        reporter: Reporter | None = None,
        *,
        show: bool,
    ) -> None:
        self._journal = journal
        self._status = status
        self._notifier = notifier
        self._reporter = reporter
        self._show = show
        self._tally = Tally()
        self._last: Decision | None = None

    def starting(self) -> None:
        """The daemon begins."""
        self._status.write(Phase.STARTING, self._tally.counters, None)

    def begun(self, *, adopted: bool) -> None:
        """Kdamonds run."""
        if adopted:
            self._say("adopted the kdamonds of a daemon that was killed")

    def take(self, decision: Decision) -> None:
        """Tell of a decision."""
        first, before = self._last is None, self._last
        self._last = decision
        self._journal.write(decision)
        counters = self._tally.observe(decision, self._journal.dropped)
        self._status.write(Phase.RUNNING, counters, decision)
        if self._reporter is not None:
            self._reporter.observe(decision, counters)
        if first:
            self._notifier.ready()
        self._notifier.alive()
        if before is None or (before.mode, before.reason) != (decision.mode, decision.reason):
            self._say(f"{decision.mode}{f': {decision.reason}' if decision.reason else ''}")

    def reloading(self) -> None:
        """A new bundle is being read."""
        self._notifier.reloading()

    def reloaded(self, artifact: Artifact, problem: str | None) -> None:
        """Another pilot is at the wheel, or why the old one stays."""
        sha256 = artifact.content_sha256
        if problem is None:
            identity = self._status.identity
            self._status.identity = msgspec.structs.replace(identity, bundle_sha256=sha256)
        self._notifier.ready()
        if problem is not None:
            self._say(f"reload refused, the old bundle stays: {problem}")
        else:
            self._say(f"reloaded {self._status.identity.bundle} ({sha256[:12]})")

    def stopping(self) -> None:
        """What was found is restored next."""
        self._notifier.stopping()

    def ended(self) -> None:
        """It is restored, and the daemon ends."""
        self._status.write(Phase.ENDED, self._tally.counters, self._last)
        self._journal.close()
        if self._reporter is not None:
            self._reporter.close()
        self._notifier.close()

    def _say(self, line: str) -> None:
        self._notifier.status(line)
        if self._show:
            sys.stderr.write(f"damosrl daemon: {line}\n")
