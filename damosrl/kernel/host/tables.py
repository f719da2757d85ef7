"""The kernel's small text tables: numbers by name, and ranges of numbers."""

import re
from functools import lru_cache
from pathlib import Path

from damosrl.errors import KernelError
from damosrl.kernel.file_errors import FileError
from damosrl.kernel.files import Files

KIB = 1024
LONGEST_RANGE = 1 << 16
"""Above every kernel's numbers of processors and nodes; a list that goes on is damaged."""
_NUMBER = re.compile(r"[0-9]{1,20}")
"""What the kernel writes: 64 bits at most."""


def to_number(text: str) -> int | None:
    """Return a whole number of 64 bits' length at most; None where the text is none."""
    return int(text) if _NUMBER.fullmatch(text) else None


def read_if_there(files: Files, path: Path) -> str | None:
    """Return a file's text; None where this kernel, or these rights, do not give it."""
    try:
        return files.read(path)
    except FileError:
        return None


def numbers(text: str, names: tuple[str, ...] = ()) -> dict[str, int]:
    r"""Return the numbers of lines ``name value ...`` as in vmstat, numastat and meminfo.

    Meminfo's ``name: value kB`` gives bytes; a node's ``Node 0 MemTotal: ...`` too. Lines that are
    something else are passed over.

    Args:
        text: All of the file.
        names: Those that are wanted, which a step needs soon: a kernel has hundreds of counters.
            Empty takes all.

    Example:
        >>> numbers("pswpin 7\nNode 0 MemFree:      12 kB\n")
        {'pswpin': 7, 'MemFree': 12288}
        >>> numbers("pswpin 7\npswpout 9\n", ("pswpout",))
        {'pswpout': 9}
    """
    return {
        name: int(value) * (KIB if unit else 1)
        for name, value, unit in _rows_of(names).findall(text)
    }


@lru_cache(maxsize=16)
def _rows_of(names: tuple[str, ...]) -> re.Pattern[str]:
    name = "|".join(map(re.escape, names)) or r"[^\s:]+"
    return re.compile(
        rf"^(?:Node[ \t]+\d+[ \t]+)?({name}):?[ \t]+([0-9]{{1,20}})(?!\S)([ \t]+kB(?!\S))?",
        re.MULTILINE,
    )


def number_list(text: str) -> tuple[int, ...]:
    r"""Return the numbers of the kernel's list format, as in ``nodelist`` and ``cpulist``.

    Raises:
        KernelError: The text is no list.

    Example:
        >>> number_list("0-2,7\n")
        (0, 1, 2, 7)
    """
    found: list[int] = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        low, high = to_number(first), to_number(last or first)
        if low is None or high is None or not 0 <= high - low <= LONGEST_RANGE:
            raise KernelError("a list of numbers cannot be read", got=repr(text.strip()[:80]))
        found.extend(range(low, high + 1))
    return tuple(found)
