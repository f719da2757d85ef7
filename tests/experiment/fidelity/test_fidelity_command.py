"""The program with known accesses, the data's files, and what a user gets wrong."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from damosrl.cli import main
from damosrl.errors import RecordingError
from damosrl.experiment.fidelity.data import read_mapping, read_table, write_table
from damosrl.experiment.fidelity.in_guest.program import Segment, running
from damosrl.experiment.fidelity.measure import compile_program

MIB = 2**20
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")


@needs_compiler
def test_the_program_waits_then_follows_its_schedule(tmp_path: Path) -> None:
    """Its memory is mapped at once; segments come after the start signal, idle time included."""
    program = compile_program(tmp_path)
    with running(program, 8, segments=(Segment(2, 4, 0.05), Segment(0, 0, 0.03))) as load:
        load.go()
        hot, idle = load.finish()
    assert load.area.end - load.area.start == 8 * MIB
    assert (hot.start - load.area.start, hot.end - hot.start) == (2 * MIB, 4 * MIB)
    assert hot.passes >= 1
    assert (idle.start, idle.end, idle.passes) == (load.area.start, load.area.start, 0)
    assert load.area.end_ns <= hot.start_ns < hot.end_ns <= idle.start_ns < idle.end_ns


@needs_compiler
def test_the_program_may_begin_at_once_and_end_with_its_schedule(tmp_path: Path) -> None:
    """Asked not to wait, it needs no input."""
    words = [str(compile_program(tmp_path)), "-n", "8", "-1", "2:4:0.05"]
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60
    )
    area, hot = map(json.loads, done.stdout.splitlines())
    assert (area["end"] - area["start"], hot["start"] - area["start"]) == (8 * MIB, 2 * MIB)
    assert hot["end"] - hot["start"] == 4 * MIB
    assert hot["end_ns"] - hot["start_ns"] >= 50_000_000


@needs_compiler
def test_the_program_refuses_a_segment_outside_its_memory(tmp_path: Path) -> None:
    """A segment beyond the area ends it with status 2."""
    words = [str(compile_program(tmp_path)), "8", "-1", "6:4:1"]
    done = subprocess.run(words, input="\n", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "bad segment 6:4:1" in done.stderr
    assert json.loads(done.stdout)["passes"] == 1


def test_tables_come_back(tmp_path: Path) -> None:
    """Columns of whole numbers survive the way to a file and back."""
    write_table(tmp_path / "a.csv", ("x", "y"), [(1, 2), (3, 2**40)])
    columns = read_table(tmp_path / "a.csv")
    assert {name: column.tolist() for name, column in columns.items()} == {
        "x": [1, 3],
        "y": [2, 2**40],
    }


@pytest.mark.parametrize("text", ["", "x\nno number\n", "x,y\n1\n"])
def test_a_damaged_table_is_refused(tmp_path: Path, text: str) -> None:
    """The message names the file and how to get it anew."""
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(RecordingError, match=r"a\.csv.*--measure"):
        read_table(tmp_path / "a.csv")


def test_missing_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without data and without --measure there is nothing to compare."""
    assert main(["fidelity", "--out", str(tmp_path)]) == 2
    assert "add --measure" in capsys.readouterr().err
    with pytest.raises(RecordingError, match=r"guest\.json"):
        read_mapping(tmp_path / "guest.json")


def test_too_few_seeds_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One machine alone has no spread."""
    assert main(["fidelity", "--out", str(tmp_path), "--seeds", "2"]) == 2
    assert ">= 3" in capsys.readouterr().err
