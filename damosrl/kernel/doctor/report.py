"""All checks, and whether damosrl can control DAMON here."""

from dataclasses import asdict, dataclass
from typing import Any

from damosrl.errors import KernelError
from damosrl.kernel.doctor import kernel, memory, sources, users
from damosrl.kernel.doctor.features import features, features_found
from damosrl.kernel.doctor.finding import Finding, Look, Machine, State

CHECKS: tuple[tuple[str, bool, Look], ...] = (
    ("kernel", True, kernel.kernel),
    ("damon", True, kernel.damon),
    ("rights", True, kernel.rights),
    ("users", True, users.users),
    ("session", True, users.session),
    ("features", False, features),
    ("nodes", False, memory.nodes),
    ("tiers", False, memory.tiers),
    ("demotion", False, memory.demotion),
    ("numa_balancing", False, memory.numa_balancing),
    ("swap", False, memory.swap),
    ("pressure", False, sources.pressure),
    ("control_groups", False, sources.control_groups),
    ("tracepoints", False, sources.tracepoints),
    ("processor", False, sources.processor),
)
"""Name, whether control of DAMON needs it, and the function that looks."""

ALWAYS_WORKS = "train, tune, compare, explain, module, reports, reading recordings"
"""What needs no DAMON at all."""


@dataclass(frozen=True, slots=True)
class Check:
    """A named finding.

    Args:
        name: Stable, for programs.
        needed: Whether control of DAMON needs it.
        finding: What was found.
    """

    name: str
    needed: bool
    finding: Finding

    @property
    def stops(self) -> bool:
        """Whether DAMON cannot be controlled because of it."""
        return self.needed and self.finding.state in (State.MISSING, State.BUSY)


@dataclass(frozen=True, slots=True)
class Report:
    """What `damosrl doctor` says.

    Args:
        kernel: The kernel's name of its version.
        checks: All of `CHECKS`.
        features: Whether each feature is there; None where the files do not tell.
    """

    kernel: str
    checks: tuple[Check, ...]
    features: dict[str, bool | None]

    @property
    def usable(self) -> bool:
        """Whether DAMON can be controlled here, now, by this user."""
        return not any(check.stops for check in self.checks)

    @property
    def summary(self) -> str:
        """One line: what works."""
        stops = [f"{check.name} ({check.finding.state})" for check in self.checks if check.stops]
        if not stops:
            return f"usable: DAMON can be controlled; also {ALWAYS_WORKS}"
        return f"not usable: {', '.join(stops)}; still works: {ALWAYS_WORKS}"

    def data(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        checks = [
            {"name": check.name, "needed": check.needed, **asdict(check.finding)}
            for check in self.checks
        ]
        return {
            "usable": self.usable,
            "kernel": self.kernel,
            "checks": checks,
            "features": self.features,
        }


def examine(machine: Machine) -> Report:
    """Run every check; nothing is written, and no damaged file stops the others.

    Example:
        >>> from pathlib import Path
        >>> from damosrl.kernel.roots import Roots
        >>> from damosrl.testing.fake_tree import FakeTree
        >>> roots = Roots(sysfs=Path("/tree/sys"), procfs=Path("/tree/proc"))
        >>> report = examine(Machine(roots, FakeTree(roots)))
        >>> next(check.finding.found for check in report.checks if check.name == "users")
        'nobody else'
    """
    checks = tuple(
        Check(name, needed, _look(machine, needed, look)) for name, needed, look in CHECKS
    )
    return Report(kernel.release(machine) or "unknown", checks, features_found(machine))


def _look(machine: Machine, needed: bool, look: Look) -> Finding:
    """Let a check answer; what cannot be told is not there to be relied on."""
    state = State.MISSING if needed else State.WARNING
    try:
        return look(machine)
    except KernelError as error:
        return Finding(state, str(error), "this could not be told")
    except ValueError as error:
        return Finding(state, f"a file holds what no kernel writes: {error}")
