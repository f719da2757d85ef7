"""Reading a run folder: every file may be missing, cut short or foreign."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import ConfigError, RunFolderError, UnknownNameError
from damosrl.experiment.report import write_report
from damosrl.experiment.report.inputs import load_run
from damosrl.experiment.report.series import thinned
from damosrl.experiment.report.table import Table, read_table

MakeRun = Callable[..., Path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A folder that does not exist is refused by its path."""
    with pytest.raises(RunFolderError, match=r"no such run folder: got .*nowhere"):
        load_run(tmp_path / "nowhere")


def test_a_folder_without_results_lists_what_was_looked_for(tmp_path: Path) -> None:
    """A folder with none of the result files is refused with their names."""
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"allowed: one of summary\.json, episodes\.csv"):
        load_run(tmp_path)


def test_a_whole_folder_is_read(make_compare: MakeRun) -> None:
    """All files of a comparison arrive with their rows."""
    run = load_run(make_compare())
    assert run.episodes is not None
    assert run.steps is not None
    assert run.heatmap is not None
    assert len(run.episodes) == 9 * 6 * 5
    assert run.heatmap.monitor.shape == (120, 96)
    assert len(run.events) == int(run.steps.numbers("events_count").sum())
    assert run.command.startswith("damosrl compare")
    assert run.is_compare


def test_an_entry_of_a_summary_that_lacks_a_key_is_named(make_compare: MakeRun) -> None:
    """A hand-edited summary is refused by file and key, not by a traceback."""
    folder = make_compare()
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    summary["shown"] = [{"head": "saved", "unit": "%"}]
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"summary\.json: an entry of shown lacks a key.*column"):
        write_report(folder)


def test_a_figure_that_is_no_longer_drawn_goes(make_compare: MakeRun) -> None:
    """A report leaves no picture of an older one behind."""
    folder = make_compare()
    write_report(folder)
    older = folder / "figures" / "heatmap.png"
    assert older.is_file()
    (folder / "heatmap.npz").unlink()
    write_report(folder)
    assert not older.exists()


def test_a_last_row_cut_short_is_left_out(tmp_path: Path) -> None:
    """An interrupted CSV file keeps its whole rows."""
    path = tmp_path / "episodes.csv"
    path.write_text("tuner,score\nnoop,0.0\npi,0.5\nquan", encoding="utf-8")
    table = read_table(path)
    assert table is not None
    assert table.text("tuner").tolist() == ["noop", "pi"]


@pytest.mark.parametrize("content", ["", "tuner,score\n", "tuner,score\nnoop"])
def test_a_csv_file_without_a_whole_row_counts_as_missing(tmp_path: Path, content: str) -> None:
    """Empty file, header alone, and a header with half a row all read as nothing."""
    path = tmp_path / "episodes.csv"
    path.write_text(content, encoding="utf-8")
    assert read_table(path) is None


def test_what_is_no_number_becomes_nan() -> None:
    """Empty cells and words are unknown, not zero."""
    values = Table({"score": np.array(["1.5", "", "nan", "none"])}).numbers("score")
    assert values[0] == 1.5
    assert np.isnan(values[1:]).all()


def test_an_unknown_column_names_the_nearest() -> None:
    """A misspelt column is answered with the one that exists."""
    with pytest.raises(UnknownNameError, match="did you mean 'score'"):
        Table({"score": np.array(["1"])}).numbers("scores")


@pytest.mark.parametrize("content", [b"{[garbage\n\x00", bytes(range(256)), b""])
@pytest.mark.parametrize(
    "name", ["summary.json", "events.jsonl", "heatmap.npz", "config.yaml", "steps.csv"]
)
def test_a_damaged_side_file_does_not_hide_the_rest(
    make_compare: MakeRun, name: str, content: bytes
) -> None:
    """Garbage in one file leaves episodes readable."""
    folder = make_compare()
    (folder / name).write_bytes(content)
    run = load_run(folder)
    assert run.episodes is not None
    assert len(run.episodes) == 270


def test_a_heatmap_of_unfitting_shapes_is_left_out(make_compare: MakeRun) -> None:
    """Arrays that do not belong together are not drawn."""
    folder = make_compare()
    np.savez(
        folder / "heatmap.npz",
        time_s=np.arange(3.0),
        address_bytes=np.arange(5.0),
        monitor=np.zeros((3, 4)),
        truth=np.zeros((3, 5)),
    )
    assert load_run(folder).heatmap is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(1, 50))
def test_thinning_keeps_size_and_range(values: list[float], most: int) -> None:
    """Averaging down never exceeds the limit, never leaves the range, keeps short curves."""
    array = np.array(values)
    result = thinned(array, most)
    assert result.size <= most or result.size == array.size <= most
    assert result.min() >= array.min() - 1e-6
    assert result.max() <= array.max() + 1e-6
    if array.size <= most:
        assert np.array_equal(result, array)
