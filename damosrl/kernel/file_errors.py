"""What the kernel means by a refused read or write of one of its files (semantics 4.1, 4.2)."""

import errno
from pathlib import Path

from damosrl.errors import KernelBusyError, KernelError

_BY_FILE = {
    ("nr_contexts", errno.EINVAL): "0 or 1, a kdamond runs one context",
    ("nr_probes", errno.EINVAL): "0..4",
    ("addr_unit", errno.EINVAL): "1 or more",
    ("nr_kdamonds", errno.EBUSY): "no change while a kdamond runs",
    ("state", errno.ECANCELED): "the kdamond has stopped, is paused, or no scheme is active",
    ("state", errno.ENOMEM): "schemes with existing control groups, start <= end, min <= max",
    ("state", errno.EPERM): "a kdamond that runs",
}
_STATE_EINVAL = {
    "on": "one context; 3 <= min <= max regions; sample_us <= aggr_us; processes that live; "
    "sorted disjoint regions; operations this kernel has",
    "commit": "a kdamond that was started, with settings that could be started",
}
_BY_ERRNO = {
    errno.EINVAL: "a value of the file's type and its list of words",
    errno.ERANGE: "a value within the file's integer type",
    errno.EBUSY: "no other command in progress and no exclusive DAMON module",
    errno.EACCES: "the super-user",
    errno.EPERM: "the super-user",
    errno.ENOENT: "a file of this kernel's DAMON",
    errno.ENOMEM: "enough memory",
    errno.ENOSPC: "room on the file system",
}
_FIXES = {
    errno.EACCES: "run as root",
    errno.EBUSY: "see `damosrl doctor` for who uses DAMON",
    errno.ENOENT: "see `damosrl doctor` for what this kernel has",
}


class FileError(KernelError):
    """The kernel refused a read or a write of one file.

    Args:
        path: The file.
        number: The error number, as in `errno`.
        value: What was written; None for a read.
        after: What had been changed before, where the value is a command.
    """

    def __init__(
        self, path: Path, number: int, value: str | None = None, after: str | None = None
    ) -> None:
        name = errno.errorcode.get(number, str(number))
        did = "cannot be read" if value is None else f"refuses '{value.strip()}'"
        if after:
            name = f"{name} after {after}"
        super().__init__(
            f"{path} {did}", got=name, allowed=rule_of(path, number, value), fix=_FIXES.get(number)
        )
        self.path = path
        self.number = number
        self.value = value


class FileBusyError(FileError, KernelBusyError):
    """EBUSY: somebody holds DAMON's lock, or it runs; a later attempt may succeed."""


def file_error(path: Path, number: int, value: str | None = None) -> FileError:
    """Return the error for an error number, `FileBusyError` for EBUSY.

    Example:
        >>> str(file_error(Path("nr_contexts"), errno.EINVAL, "2")).split(";")[0]
        "nr_contexts refuses '2': got EINVAL"
    """
    kind = FileBusyError if number == errno.EBUSY else FileError
    return kind(path, number, value)


def rule_of(path: Path, number: int, value: str | None) -> str | None:
    """Return what the kernel would have accepted, as far as file and error number tell."""
    if path.name == "state" and number == errno.EINVAL and value is not None:
        return _STATE_EINVAL.get(value.strip(), "a command of this kernel, on a started kdamond")
    return _BY_FILE.get((path.name, number), _BY_ERRNO.get(number))
