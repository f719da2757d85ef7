"""The emulator equals the kernel's own core, and the check can tell when it does not."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from damosrl.emulator.conformance import TABLES, check, check_paths, print_case, run_case
from damosrl.emulator.conformance.check import first_difference
from damosrl.errors import DamosrlError

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted((GOLDEN / "cases").glob("*.json"))
TABLE_FILES = sorted((GOLDEN / "tables").glob("*.json"))
RESULT_OF = {
    "set_regions": "out",
    "effective_quota": "out_esz",
    "filters_default": "ops_default_reject",
}
SMALL_CASE = GOLDEN / "cases" / "mon-min3-max3.json"


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_trace_case_equals_the_kernel(path: Path) -> None:
    """A trace case gives the aggregations, actions, quotas and statistics of the kernel's core."""
    case = _read(path)
    assert first_difference("", run_case(case), case["expect"]) is None


@pytest.mark.parametrize("path", TABLE_FILES, ids=lambda path: path.stem)
def test_table_equals_the_kernel(path: Path) -> None:
    """Every row of a single-step table gives the kernel's result."""
    (result,) = check([path])
    assert str(result) == f"ok {path.stem}"


def test_all_golden_data_is_there() -> None:
    """All 44 cases and 18 tables are checked, and every table has its function."""
    assert len(CASES) == 44
    assert {path.stem for path in TABLE_FILES} == TABLES.keys()


def test_changed_case_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One changed number in a case is found, named, and makes the exit status 1."""
    case = _read(SMALL_CASE)
    case["expect"]["aggregations"][3]["regions"][1][4] += 1
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(case))
    assert check_paths([wrong, SMALL_CASE]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAIL mon-min3-max3 aggregations[3].regions[1][4]: got ")
    assert lines[1] == "ok mon-min3-max3"
    assert lines[2] == "1/2 equal"


@pytest.mark.parametrize("path", TABLE_FILES, ids=lambda path: path.stem)
def test_changed_table_fails(path: Path, tmp_path: Path) -> None:
    """A changed result in the last row of any table is found."""
    table = _read(path)
    name = next(key for key in ("full_vectors", "wrap_vectors", "vectors") if key in table)
    table[name] = table[name][-1:]
    row = table[name][0]
    key = len(row) - 1 if isinstance(row, list) else RESULT_OF.get(path.stem, "out_targets")
    if path.stem == "rand":
        row["calls"][-1][2] += 1
    else:
        row[key] = "changed"
    wrong = tmp_path / path.name
    wrong.write_text(json.dumps(table))
    results = list(check([wrong]))
    assert [result.difference is None for result in results] == [False]


def test_case_is_printed_compactly(capsys: pytest.CaptureFixture[str]) -> None:
    """Printing a case gives its expect object as one line with sorted keys."""
    assert print_case(SMALL_CASE) == 0
    text = capsys.readouterr().out
    assert json.loads(text) == _read(SMALL_CASE)["expect"]
    assert text.startswith('{"aggregations":[{"regions":[[0,')
    assert text.count("\n") == 1


def test_folder_is_searched(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder stands for the files in it."""
    assert check_paths([GOLDEN / "tables"], quiet=True) == 0
    assert capsys.readouterr().out.splitlines() == ["18/18 equal", "by tag: table 18/18"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read conformance file"),
        ("{", "cannot read conformance file"),
        ("[1]", "is no conformance file"),
        ('{"seed": 1}', "is no conformance case"),
        ('{"name": "feedloop", "vectors": []}', "did you mean 'feed_loop'?"),
        ('{"name": "rand", "vectors": [{}]}', "missing or malformed value"),
    ],
)
def test_malformed_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """What is no conformance file ends in one error that names the fault."""
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(DamosrlError, match=message.replace("?", r"\?")):
        check_paths([path])


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that does not exist is a user's error."""
    with pytest.raises(DamosrlError, match="cannot read conformance file"):
        print_case(tmp_path / "none.json")


@pytest.mark.parametrize("key", ["seed", "duration_ms", "attrs", "schemes"])
def test_malformed_value_is_refused(tmp_path: Path, key: str) -> None:
    """A value of the wrong kind in a case is a user's error, not a traceback."""
    case = copy.deepcopy(_read(SMALL_CASE))
    case[key] = {"wrong": 1}
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(case))
    with pytest.raises(DamosrlError, match="missing or malformed value"):
        check_paths([path])
