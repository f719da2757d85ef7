"""The errors a user can cause: one line each, saying what, got, allowed and how to fix it."""

from collections.abc import Iterable
from difflib import get_close_matches


class DamosrlError(Exception):
    """A mistake in what the user gave; the command line ends with exit status 2.

    Args:
        what: What is wrong, naming the thing.
        got: The value received.
        allowed: What would have been accepted.
        fix: What to do about it.
        rule: Name of the broken rule and who keeps it, where there is a list of rules.

    Example:
        >>> str(DamosrlError("steps is too small", got=0, allowed=">= 1", fix="give steps=300"))
        'steps is too small: got 0; allowed: >= 1; fix: give steps=300'
    """

    def __init__(
        self,
        what: str,
        *,
        got: object = None,
        allowed: object = None,
        fix: str | None = None,
        rule: str | None = None,
    ) -> None:
        parts = []
        if got is not None:
            parts.append(f"got {got}")
        if allowed is not None:
            parts.append(f"allowed: {allowed}")
        if fix is not None:
            parts.append(f"fix: {fix}")
        if rule is not None:
            parts.append(f"rule: {rule}")
        message = f"{what}: {'; '.join(parts)}" if parts else what
        super().__init__(" ".join(message.split()))
        self.what = what
        self.got = got
        self.allowed = allowed
        self.fix = fix
        self.rule = rule

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes: subclasses need not accept the message alone."""
        return _restore, (type(self), self.args, self.__dict__)


def _restore(
    kind: type[DamosrlError], arguments: tuple[object, ...], state: dict[str, object]
) -> DamosrlError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class ConfigError(DamosrlError):
    """A configuration key, choice or value is wrong."""


class UnitError(DamosrlError):
    """A text with a unit (size, time, percentage) cannot be read."""


class DocumentError(DamosrlError):
    """A kdamonds document or one of its values breaks a rule of the kernel."""


class RecordingError(DamosrlError):
    """A DAMON recording cannot be used."""


class WorkloadError(DamosrlError):
    """A workload description cannot be used."""


class MachineError(DamosrlError):
    """A machine description cannot be used."""


class EmulatorLimitError(DamosrlError):
    """The emulator would exceed a stated work limit (regions, extents)."""


class ArtifactError(DamosrlError):
    """A policy bundle cannot be loaded or does not fit."""


class ExportError(DamosrlError):
    """A policy cannot be exported in the format asked for."""


class RunFolderError(DamosrlError):
    """A run folder exists already, is missing, or cannot be written."""


class StatisticsError(DamosrlError):
    """A statistic was asked for that the data cannot carry."""


class UnknownNameError(ConfigError):
    """A name is not known; the message gives the nearest one.

    Example:
        >>> str(UnknownNameError("tuner", "consit", ["consist", "noop"]))
        "unknown tuner: got 'consit'; allowed: consist, noop; fix: did you mean 'consist'?"
    """

    def __init__(self, kind: str, name: str, names: Iterable[str]) -> None:
        known = sorted(names)
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        super().__init__(
            f"unknown {kind}",
            got=repr(name),
            allowed=", ".join(known) or "none are known",
            fix=f"did you mean '{near[0]}'?" if near else f"choose a known {kind}",
        )


class KernelError(DamosrlError):
    """A real kernel (or a tree of files like one) cannot do, or does not answer, what was asked."""


class KernelBusyError(KernelError):
    """DAMON is in use by somebody else, or another process of ours holds the tree."""


class KernelFeatureError(KernelError):
    """This kernel lacks a file; the message names the first version that has it."""


class VmError(DamosrlError):
    """A guest cannot be built, booted or reached."""
