"""Memory pressure (PSI) of the machine or of one control group.

The text is that of Linux' Documentation/accounting/psi.rst::

    some avg10=0.00 avg60=0.00 avg300=0.00 total=0
    full avg10=0.00 avg60=0.00 avg300=0.00 total=0
"""

from pathlib import Path
from typing import NamedTuple

from damosrl.errors import KernelError
from damosrl.kernel.files import Files
from damosrl.kernel.host.tables import read_if_there
from damosrl.kernel.roots import Roots

WINDOWS = ("avg10", "avg60", "avg300")


class Stalls(NamedTuple):
    """One line of PSI."""

    total_us: int
    """Time stalled since the start."""
    average: tuple[float, float, float]
    """Share of the last 10, 60 and 300 s, 0..1."""


class MemoryPressure(NamedTuple):
    """Both lines of PSI."""

    some: Stalls
    """Time in which at least one task waited for memory."""
    full: Stalls
    """Time in which all tasks that were not idle did."""


def pressure_file(roots: Roots, cgroup: str | None = None) -> Path:
    """Return the file of the machine's pressure, or of a control group's by its path."""
    if cgroup is None:
        return roots.procfs / "pressure/memory"
    return roots.cgroupfs / cgroup.strip("/") / "memory.pressure"


def parse_pressure(text: str) -> MemoryPressure:
    r"""Read both lines.

    Raises:
        KernelError: A line or a number is missing or impossible.

    Example:
        >>> line = "avg10=1.50 avg60=0.00 avg300=0.00 total=77"
        >>> parse_pressure(f"some {line}\nfull {line}\n").some
        Stalls(total_us=77, average=(0.015, 0.0, 0.0))
    """
    lines = {words[0]: words[1:] for words in map(str.split, text.splitlines()) if words}
    return MemoryPressure(_stalls(lines.get("some", [])), _stalls(lines.get("full", [])))


def read_pressure(files: Files, path: Path) -> MemoryPressure | None:
    """Return the pressure; None where the kernel has no PSI or it is turned off."""
    text = read_if_there(files, path)
    return None if text is None else parse_pressure(text)


def _stalls(words: list[str]) -> Stalls:
    fields = dict(word.partition("=")[::2] for word in words)
    try:
        shares = [float(fields[window]) / 100.0 for window in WINDOWS]
        total = int(fields["total"])
    except (KeyError, ValueError):
        shares, total = [], -1
    if total < 0 or not all(0.0 <= share <= 1.0 for share in shares):
        raise KernelError(
            "memory pressure cannot be read",
            got=repr(" ".join(words)),
            allowed="avg10=, avg60=, avg300= of 0..100, total= of 0 or more",
        )
    return Stalls(total, (shares[0], shares[1], shares[2]))
