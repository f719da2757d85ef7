"""The files of a data folder: what the guest measured, small enough to be published."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.errors import RecordingError
from damosrl.machine import IntArray


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[int]]) -> None:
    """Write whole numbers as CSV."""
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a mapping as indented JSON."""
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="ascii")


def read_table(path: Path) -> dict[str, IntArray]:
    """Read a CSV of whole numbers as columns ``(R,)`` int64.

    Raises:
        RecordingError: The file is missing, or holds something else.
    """
    try:
        head, *rows = csv.reader(path.read_text(encoding="ascii").splitlines())
        numbers = np.array([[int(word) for word in row] for row in rows], np.int64)
        values = numbers.reshape(len(rows), len(head))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    return dict(zip(head, values.T, strict=True))


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        RecordingError: The file is missing, or holds something else.
    """
    try:
        return dict(json.loads(path.read_text(encoding="ascii")))
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> RecordingError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return RecordingError(
        f"cannot read {path.name} of the guest's data",
        got=reason,
        fix="measure again: `damosrl fidelity --measure`",
    )
