"""One machine driven by a pilot, a decision at a time; every way things go wrong ends safely."""

from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

import numpy as np

from damosrl.daemon.decision import Decision, Mode
from damosrl.daemon.gone_groups import gone_groups, without_groups
from damosrl.daemon.guards import Guards
from damosrl.daemon.pilot import ALL, Pilot, Sight
from damosrl.daemon.plausibility import Plausibility
from damosrl.daemon.settings import DaemonSettings
from damosrl.daemon.trust import Trust
from damosrl.errors import KernelError
from damosrl.kernel.machine import KernelMachine
from damosrl.knobs import FloatArray
from damosrl.machine import Plan, Source, Telemetry
from damosrl.safety import Projection
from damosrl.task import memcgs_of

JUDGED = "breaker: pressure or migration stayed above its limit"


def needed(pilot: Pilot, settings: DaemonSettings) -> frozenset[Source]:
    """Return the sources of telemetry without which there is no decision.

    What the policy reads, pressure, which guards and breaker judge by, and the control groups of
    the task, which have to be there whatever is read of them. Returned bytes are counted by no
    kernel, so every bundle has to do without.
    """
    wanted = pilot.needs | {Source.PRESSURE}
    if memcgs_of(pilot.task):
        wanted |= {Source.MEMCGS}
    return frozenset(wanted) - {Source.RETURNED} - set(settings.allow_missing)


@dataclass(frozen=True)
class Wishes:
    """What the owner wants in this step.

    Args:
        stopped: The kill-switch is on.
        fallback: To the kernel's loop, now.
    """

    stopped: bool = False
    fallback: bool = False


@dataclass(frozen=True)
class Done:
    """What became of a projection.

    Args:
        projection: What is in force.
        committed: Whether the kernel took it now.
        refused: What the kernel answered otherwise.
    """

    projection: Projection
    committed: bool
    refused: str | None


class Driver:
    """Looks, judges, decides, commits.

    Usable telemetry leads to a decision of the policy. Without it the last safe action is held; if
    that lasts, the kernel's own loop takes over until telemetry is usable again. What names a
    control group that went away is switched off at once, and comes back with it. A breached guard,
    or a policy far from where it was trained, leads there by the breaker, for longer each time.

    Args:
        machine: The kernel, with a session on it.
        pilot: Task, policy and shield.
        settings: Patience and limits.
        mode: Who is at the wheel while nothing is wrong: ``active``, ``canary`` (the pilot blends),
            ``shadow`` (nothing that is decided is committed), ``dry-run`` (no writes are made).
    """

    def __init__(
        self,
        machine: KernelMachine,
        pilot: Pilot,
        settings: DaemonSettings,
        mode: Mode = Mode.ACTIVE,
    ) -> None:
        self.pilot = pilot
        self._machine = machine
        self._settings = settings
        self._normal_mode = mode
        self._guards = Guards(settings.guards)
        self._plausibility = Plausibility(
            needed(pilot, settings), settings.frozen_s, kdamonds_run=mode is not Mode.DRY_RUN
        )
        self._trust = Trust(settings.stale_steps)
        self._telemetry: Telemetry | None = None
        self._gone: frozenset[str] = frozenset()
        self._step = 0
        self._began_s = 0.0
        self._why = ""
        self._fallback_asked = False

    def begin(self, *, adopt: bool = False) -> bool:
        """Start the monitors under a configuration that moves nothing.

        Args:
            adopt: Whether to go on with kdamonds that a killed daemon of ours left running. They
                keep what they have monitored, and get the fall-back configuration; of a shadow,
                one that moves nothing.

        Returns:
            Whether kdamonds were adopted.

        Raises:
            KernelError: The kernel refused, or cannot be read.
        """
        first = self.pilot.task.template
        if self._normal_mode is not Mode.SHADOW:
            first = self.pilot.fallback_plan().document(0)
        adopted = adopt and self._machine.adopt(first)
        if not adopted:
            self._machine.begin(self.pilot.task.template)
        self._machine.wait(self._settings.settle_s)
        telemetry = self._machine.telemetry()
        self.pilot.begin(telemetry)
        self._plausibility.problem(telemetry)
        self._watch_guards(telemetry)
        self._telemetry, self._began_s = telemetry, float(telemetry.time_s[0])
        return adopted

    def replace(self, pilot: Pilot) -> None:
        """Give the wheel to another pilot, without a gap."""
        if self._telemetry is not None:
            pilot.take_the_wheel(self.pilot, self._telemetry)
        self._plausibility.needed = needed(pilot, self._settings)
        self.pilot = pilot

    def step(self, wishes: Wishes) -> Decision:
        """Decide once; what goes wrong is told by the decision, nothing is raised."""
        began = perf_counter()
        self._step += 1
        self._fallback_asked |= wishes.fallback
        telemetry, problem = self._read()
        self._trust.tell(usable=problem is None)
        guards: tuple[str, ...] = ()
        sight = None
        if telemetry is not None and problem is None:
            guards = self._watch_guards(telemetry)
            sight = self._look(telemetry)
            self._judge(telemetry, guards)
        held = wishes.stopped or self._trust.given_up
        holding = sight is None and not held
        choice = self.pilot.keep() if holding else self.pilot.decide(sight, held=held)
        done = Done(choice.projection, False, None)
        if not holding or self._gone:
            done = self._commit(choice.projection)
        return Decision(
            step=self._step,
            wall_time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            uptime_s=round(self._uptime_s(), 3),
            mode=self._mode(wishes, done.projection),
            reason=self._reason(wishes, done.projection, problem),
            features=self._features(sight),
            requested=self._knobs(choice.requested),
            applied=self._in_force(done.projection),
            vetoes=self.pilot.vetoes(choice, done.projection),
            committed=done.committed,
            refused=done.refused,
            outside_ratio=None if sight is None else sight.outside_ratio,
            guards=guards,
            decision_us=round((perf_counter() - began) * 1e6),
            policy_us=choice.policy_us,
            overruns=self._machine.overruns,
        )

    def _read(self) -> tuple[Telemetry | None, str | None]:
        """Look at the machine; return also why the reading cannot be used."""
        try:
            telemetry = self._machine.telemetry()
        except KernelError as error:
            return None, str(error)
        except ValueError as error:  # a file that holds no number
            return None, f"garbage in the kernel's files: {error}"
        self._gone = gone_groups(telemetry)
        return telemetry, self._plausibility.problem(telemetry)

    def _watch_guards(self, telemetry: Telemetry) -> tuple[str, ...]:
        sample = self._machine.host_sample
        now_s = float(telemetry.time_s[0])
        return () if sample is None else self._guards.watch(sample, now_s)

    def _look(self, telemetry: Telemetry) -> Sight:
        last = telemetry if self._telemetry is None else self._telemetry
        self._telemetry = telemetry
        return self.pilot.look(telemetry, float(telemetry.time_s[0] - last.time_s[0]))

    def _judge(self, telemetry: Telemetry, guards: tuple[str, ...]) -> None:
        """Open the breaker for what the shield does not see."""
        reason = ""
        assessment = self.pilot.assessment
        if self._fallback_asked:
            reason, self._fallback_asked = "asked for by a signal", False
        elif guards:
            reason = f"guard {'; '.join(guards)}"
        elif assessment is not None and assessment.mean_ratio > self._settings.outside_ratio:
            share = f"{100 * assessment.mean_ratio:.0f} %"
            reason = f"outside training: {share} of the features are beyond the range seen there"
            assessment.forget()
        breaker = self.pilot.shield.breaker
        if breaker.tripped.any():
            self._why = JUDGED
        if reason and not breaker.open.any():
            self._why = reason
        if reason:
            breaker.trip(ALL, telemetry.time_s)

    def _commit(self, projection: Projection) -> Done:
        if self._normal_mode is Mode.SHADOW:
            return Done(projection, False, None)
        document = without_groups(self.pilot.plan(projection).document(0), self._gone)
        try:
            self._machine.commit(Plan(document, {}))
        except KernelError as error:
            return Done(self.pilot.shield.hold(ALL, projection), False, str(error))
        return Done(projection, self._normal_mode is not Mode.DRY_RUN, None)

    def _mode(self, wishes: Wishes, projection: Projection) -> Mode:
        if self._normal_mode in (Mode.SHADOW, Mode.DRY_RUN):
            return self._normal_mode
        if wishes.stopped:
            return Mode.STOPPED
        return Mode.FALLBACK if projection.fallback.any() else self._normal_mode

    def _reason(self, wishes: Wishes, projection: Projection, problem: str | None) -> str:
        if problem is not None:
            return f"telemetry: {problem}"
        if wishes.stopped:
            return "the kill-switch is on"
        if self._trust.given_up:
            return "telemetry is usable again, and not yet trusted"
        return self._why if projection.fallback.any() else ""

    def _uptime_s(self) -> float:
        return self._machine.elapsed_s - self._began_s

    def _features(self, sight: Sight | None) -> dict[str, float | None]:
        if sight is None:
            return {}
        quantities = self.pilot.task.spec.observation
        newest = sight.observation[: len(quantities)].astype(np.float64)
        physical = quantities.to_physical(newest).tolist()
        known = zip(quantities.names, physical, sight.known.tolist(), strict=True)
        return {name: value if is_known else None for name, value, is_known in known}

    def _knobs(self, normal: FloatArray) -> dict[str, float | None]:
        knobs = self.pilot.task.spec.knobs
        physical = knobs.to_physical(np.nan_to_num(normal))[0].tolist()
        asked = np.isfinite(normal[0]).tolist()
        names = zip(knobs.names, physical, asked, strict=True)
        return {name: value if is_asked else None for name, value, is_asked in names}

    def _in_force(self, projection: Projection) -> dict[str, float]:
        knobs = self.pilot.task.spec.knobs
        return dict(
            zip(knobs.names, knobs.to_physical(projection.applied)[0].tolist(), strict=True)
        )
