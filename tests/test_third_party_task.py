"""A task in a package of its own: found by its metadata, no file of ours names it."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from damosrl.artifact import load_artifact

SOURCE = Path(__file__).parents[1] / "examples" / "toy_task"
RUN = (
    "import json, sys; from damosrl.cli import main;"
    "sys.exit(max(main(words) for words in json.loads(sys.argv[1])))"
)
CHECK = (
    "import gymnasium, damosrl_toy; from gymnasium.utils.env_checker import check_env;"
    "check_env(gymnasium.make('damosrl_toy/Cache-v0', steps=5).unwrapped)"
)
SMALL = ["seeds=2", "steps=20", "report=false", "jobs=1", "--quiet"]
TRAIN = ["timesteps=512", "num_envs=4", "steps=20", "evaluation.seeds=2", "evaluation.steps=20",
         "jobs=1", "--quiet"]  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as an installer leaves it: the package, and metadata made of its pyproject.toml."""
    place = tmp_path_factory.mktemp("site")
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text("utf-8"))["project"]
    shutil.copytree(SOURCE / "damosrl_toy", place / "damosrl_toy")
    metadata = place / f"damosrl_toy-{project['version']}.dist-info"
    metadata.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(head, "utf-8")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return place


def _python(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *filter(None, sys.path)])},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


def _damosrl(site: Path, folder: Path, *commands: Sequence[str]) -> str:
    """Run commands one after the other in one process; return what they print."""
    result = _python(site, folder, "-c", RUN, json.dumps(commands))
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_environment_is_one_of_gymnasiums(installed: Path, tmp_path: Path) -> None:
    """Gymnasium's own check finds nothing to say."""
    result = _python(installed, tmp_path, "-W", "error", "-c", CHECK)
    assert (result.returncode, result.stderr) == (0, "")


def test_it_is_described_trained_compared_and_exported(installed: Path, tmp_path: Path) -> None:
    """Every command that the guide names works by the task's name alone."""
    tuners = "tuners=[toy_follow,learnt/artifact]"
    printed = _damosrl(
        installed,
        tmp_path,
        ["env", "describe", "task=toy"],
        ["train", "task=toy", *TRAIN, "out=learnt"],
        ["compare", "task=toy", tuners, *SMALL, "out=compared"],
        ["export", "toy_follow", "--task", "toy", "--format", "bundle", "--out", "follow.damosrl"],
    )
    assert "cache_size" in printed
    assert (tmp_path / "learnt" / "report.html").is_file()
    assert load_artifact(tmp_path / "learnt" / "artifact").spec.task == "toy-v0"
    assert load_artifact(tmp_path / "follow.damosrl").spec.task == "toy-v0"
    scores = json.loads((tmp_path / "compared" / "summary.json").read_text("utf-8"))["scores"]
    assert list(scores) == ["noop", "oracle", "toy_follow", "learnt/artifact"]
    assert 0.0 < scores["toy_follow"]["iqm"] < 1.0
    with (tmp_path / "compared" / "episodes.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["split"] for row in rows if row["workload"] == "toy_fast"} == {"held-out"}
    assert {row["size_mean_gib"] for row in rows if row["tuner"] == "noop"} == {"6.0"}


def test_two_packages_may_not_share_a_name(installed: Path, tmp_path: Path) -> None:
    """A choice that lies in two packages is refused with both places, in one line."""
    site = tmp_path / "site"
    shutil.copytree(installed, site)
    conf = site / "damosrl_toy" / "conf" / "machine"
    shutil.copy(conf / "toy_cache.yaml", conf / "dram_cxl.yaml")
    words = json.dumps([["env", "describe", "machine=dram_cxl"]])
    result = _python(site, tmp_path, "-c", RUN, words)
    assert result.returncode == 2
    assert result.stderr.startswith("error: two packages have a machine of the same name")
    assert len(result.stderr.splitlines()) == 1


def test_an_entry_point_that_leads_nowhere_is_one_line(installed: Path, tmp_path: Path) -> None:
    """A package whose conf/ was forgotten in packaging says so."""
    site = tmp_path / "site"
    shutil.copytree(installed, site)
    shutil.rmtree(site / "damosrl_toy" / "conf")
    result = _python(site, tmp_path, "-c", RUN, json.dumps([["env", "describe"]]))
    assert result.returncode == 2
    assert "leads to no configuration: got damosrl_toy" in result.stderr
