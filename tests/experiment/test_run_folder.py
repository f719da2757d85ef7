"""Run folders: whole files, never overwritten, readable after trouble."""

import errno
import json
import os
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from damosrl.errors import ConfigError, RunFolderError
from damosrl.experiment.folder import RunFolder, new_folder, reopen_folder, writing


def _new(path: Path) -> RunFolder:
    with _opened(path) as folder:
        return folder


def _opened(path: Path) -> AbstractContextManager[RunFolder]:
    return new_folder(path, {"steps": 3}, ["steps=3"], "damosrl compare steps=3")


def test_a_new_run_says_what_it_is(tmp_path: Path) -> None:
    """Settings, words, command and versions are there before anything runs."""
    folder = _new(tmp_path / "deep" / "run")
    assert yaml.safe_load(folder.file("config.yaml").read_text()) == {"steps": 3}
    assert yaml.safe_load(folder.file("overrides.yaml").read_text()) == ["steps=3"]
    assert folder.file("command.txt").read_text() == "damosrl compare steps=3\n"
    versions = json.loads(folder.file("versions.json").read_text())
    assert versions["packages"]["numpy"] == np.__version__


@pytest.mark.parametrize("content", [None, "old"])
def test_what_exists_is_never_written(tmp_path: Path, content: str | None) -> None:
    """An existing folder, even an empty one, is refused and left as it is; a free name is given."""
    path = tmp_path / "run"
    path.mkdir()
    (tmp_path / "run-2").mkdir()
    if content:
        (path / "summary.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"run-3"):
        _new(path)
    assert sorted(path.iterdir()) == ([path / "summary.json"] if content else [])


def _ends(path: Path, end: BaseException, *files: Path) -> None:
    """Begin a run, write files, and end by an error."""
    with _opened(path):
        for file in files:
            file.write_text("")
        raise end


def test_a_run_that_is_refused_before_its_first_result_leaves_nothing(tmp_path: Path) -> None:
    """The folder goes, and the parents made for it; what was there before stays."""
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "deep" / "run"
    with pytest.raises(ConfigError):
        _ends(path, ConfigError("refused"), path / "search.journal")
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]


def test_a_parent_that_holds_something_else_by_then_stays(tmp_path: Path) -> None:
    """Only what is empty goes with a refused run."""
    other = tmp_path / "deep" / "other"
    with pytest.raises(ConfigError):
        _ends(tmp_path / "deep" / "run", ConfigError("refused"), other)
    assert list(tmp_path.rglob("*")) == [tmp_path / "deep", other]


def test_results_outlive_a_refusal_and_a_begun_run_outlives_ctrl_c(tmp_path: Path) -> None:
    """What took time is kept for a resume; so is a run that the user stops."""
    result = tmp_path / "refused" / "episodes.csv"
    with pytest.raises(ConfigError):
        _ends(tmp_path / "refused", ConfigError("refused later"), result)
    with pytest.raises(KeyboardInterrupt):
        _ends(tmp_path / "stopped", KeyboardInterrupt())
    assert result.is_file()
    assert (tmp_path / "stopped" / "config.yaml").is_file()


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_folder_without_a_name_of_its_own_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The working directory is no run folder; a free name in it is given."""
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    with pytest.raises(RunFolderError, match="run-2"):
        _new(Path(place))


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    """A path below a file cannot become a folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot write"):
        _new(tmp_path / "file" / "run")


def test_rows_survive_writing_and_reading(tmp_path: Path) -> None:
    """What was written comes back, missing values as empty text."""
    folder = _new(tmp_path / "run")
    folder.write_rows("a.csv", ("x", "y"), [{"x": 0.1, "y": "a,b"}, {"x": None}])
    assert folder.read_rows("a.csv") == [{"x": "0.1", "y": "a,b"}, {"x": "", "y": ""}]
    folder.write_lines("a.jsonl", [{"step": 1}, {"step": 2}])
    assert folder.read_lines("a.jsonl") == [{"step": 1}, {"step": 2}]
    assert folder.read_rows("none.csv") == []
    assert folder.read_lines("none.jsonl") == []


def test_arrays_need_no_pickle(tmp_path: Path) -> None:
    """Arrays are plain NumPy files."""
    folder = _new(tmp_path / "run")
    folder.write_arrays("heat.npz", {"truth": np.eye(2)})
    with np.load(folder.file("heat.npz"), allow_pickle=False) as arrays:
        assert np.array_equal(arrays["truth"], np.eye(2))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_keeps_the_file_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """When the disk fills up in the middle of a file, the file is as it was, and no rest lies."""
    folder = _new(tmp_path / "run")
    folder.write_text("episodes.csv", "old")

    def full(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    before = sorted(folder.path.iterdir())
    with pytest.raises(RunFolderError, match="disk is full"):
        folder.write_text("episodes.csv", "new and longer")
    assert folder.file("episodes.csv").read_text() == "old"
    assert sorted(folder.path.iterdir()) == before


def test_a_really_full_device_is_an_error_of_the_user() -> None:
    """The kernel's own answer to a full device is understood."""
    with pytest.raises(RunFolderError, match="disk is full"):
        _write_to_full_device()


def _write_to_full_device() -> None:
    with writing(Path("/dev/full")), Path("/dev/full").open("w") as stream:
        stream.write("x")
        stream.flush()


def test_an_interruption_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a file leaves the old one and nothing else."""
    folder = _new(tmp_path / "run")
    folder.write_text("episodes.csv", "old")

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        folder.write_text("episodes.csv", "new")
    assert folder.file("episodes.csv").read_text() == "old"
    assert not [path for path in folder.path.iterdir() if path.name.startswith(".")]


def test_a_run_can_be_moved(tmp_path: Path) -> None:
    """A renamed folder is reopened with its settings."""
    shutil.move(_new(tmp_path / "run").path, tmp_path / "elsewhere")
    folder, settings = reopen_folder(tmp_path / "elsewhere", "summary.json")
    assert settings == {"steps": 3}
    assert folder.path == tmp_path / "elsewhere"


def test_only_unfinished_runs_resume(tmp_path: Path) -> None:
    """A finished run, a missing one and one with broken settings are refused."""
    folder = _new(tmp_path / "run")
    with pytest.raises(RunFolderError, match="no run to resume"):
        reopen_folder(tmp_path / "other", "summary.json")
    folder.write_text("summary.json", "{}")
    with pytest.raises(RunFolderError, match="finished"):
        reopen_folder(folder.path, "summary.json")
    folder.write_text("config.yaml", "[")
    with pytest.raises(ConfigError, match=r"config.yaml is no YAML: got line 1, column 2"):
        reopen_folder(folder.path, "other.json")
    folder.write_text("config.yaml", "1")
    with pytest.raises(ConfigError, match=r"config.yaml holds no mapping"):
        reopen_folder(folder.path, "other.json")


def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    """A folder that vanished under the run gives one clear error."""
    folder = _new(tmp_path / "run")
    shutil.rmtree(folder.path)
    with pytest.raises(RunFolderError, match="cannot write"):
        folder.write_text("a", "b")
