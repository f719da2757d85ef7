"""Columns of a CSV file, read whole, tolerant of a run that was cut in the middle."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from damosrl.errors import UnknownNameError
from damosrl.knobs import FloatArray

TextArray = NDArray[np.str_]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """Named text columns of equal length; numbers are parsed when asked for.

    Args:
        columns: Arrays ``(rows,)`` of text by column name.

    Example:
        >>> table = Table({"tuner": np.array(["pi", "noop"]), "score": np.array(["0.5", ""])})
        >>> table.where(table.text("tuner") == "pi").numbers("score")
        array([0.5])
    """

    columns: Mapping[str, TextArray]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def has(self, *names: str) -> bool:
        """Tell whether all these columns exist."""
        return all(name in self.columns for name in names)

    def text(self, name: str) -> TextArray:
        """Return a column ``(rows,)`` as it was written.

        Raises:
            UnknownNameError: There is no such column.
        """
        if name not in self.columns:
            raise UnknownNameError("column", name, self.columns)
        return self.columns[name]

    def numbers(self, name: str) -> FloatArray:
        """Return a column ``(rows,)`` as float64; what is no number becomes NaN.

        Raises:
            UnknownNameError: There is no such column.
        """
        return np.array([_number(cell) for cell in self.text(name)], dtype=np.float64)

    def where(self, mask: Mask) -> "Table":
        """Return the rows where ``mask`` ``(rows,)`` holds."""
        return Table({name: column[mask] for name, column in self.columns.items()})

    def names(self, column: str) -> list[str]:
        """Return the distinct values of a column, in order of first appearance."""
        return list(dict.fromkeys(self.text(column).tolist()))


def read_table(path: Path) -> Table | None:
    """Read a CSV file with a header; None if it is missing or holds no whole row.

    A last row that an interruption cut short (fewer cells than the header) is left out.
    """
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        try:
            rows = list(csv.reader(stream))
        except csv.Error:
            return None  # bytes that are no table
    header = rows[0] if rows else []
    whole = [row for row in rows[1:] if len(row) == len(header)]
    if not whole:
        return None
    cells = np.array(whole, dtype=np.str_)
    return Table({name: cells[:, place] for place, name in enumerate(header)})


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
