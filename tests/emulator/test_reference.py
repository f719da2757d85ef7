"""The plain-Python reference is proven by the kernel's own data before it judges the engine."""

import json
from pathlib import Path
from typing import Any

import pytest

from damosrl.emulator.conformance.check import first_difference
from damosrl.emulator.conformance.reference import STEPS, run_case
from damosrl.emulator.conformance.tables import TABLES, vectors_of

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted((GOLDEN / "cases").glob("*.json"))
TABLE_FILES = sorted((GOLDEN / "tables").glob("*.json"))


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_reference_reproduces_a_case(path: Path) -> None:
    """The reference gives every number of a trace case."""
    case = _read(path)
    assert first_difference("", run_case(case), case["expect"]) is None


@pytest.mark.parametrize("path", TABLE_FILES, ids=lambda path: path.stem)
def test_reference_reproduces_a_table(path: Path) -> None:
    """The reference gives every result of a table, those that wrap around included."""
    table, rows = _read(path), 0
    for place, vector in vectors_of(table):
        results = STEPS[table["name"]](vector)
        expected = {key: vector[key] for key in results}
        assert first_difference(place, results, expected) is None
        rows += 1
    assert rows >= 30


def test_reference_knows_every_table() -> None:
    """Engine and reference have a step for the same tables, and all data is there."""
    assert STEPS.keys() == TABLES.keys() == {path.stem for path in TABLE_FILES}
    assert len(CASES) == 44


def test_reference_shares_no_code_with_the_kernels() -> None:
    """The reference imports nothing of the engine, of numpy or of numba."""
    folder = Path(__file__).parents[2] / "damosrl" / "emulator" / "conformance" / "reference"
    own = "damosrl.emulator.conformance.reference"
    standard = {"collections.abc", "dataclasses", "itertools", "typing"}
    imported = {
        line.split()[1]
        for path in folder.glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("import ", "from "))
    }
    assert {name for name in imported if not name.startswith(own)} == standard
