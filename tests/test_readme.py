"""The README is a promise: its commands run as they stand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_set_up_commands_are_targets() -> None:
    """The README's `make` commands exist in the Makefile."""
    commands = re.findall(r"^make (\w+)", "".join(_blocks("")), re.MULTILINE)
    assert commands == ["demo", "test"]
    for target in commands:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


def test_commands_run_as_written(tmp_path: Path) -> None:
    """Every shell command of the five minutes runs, in order, in a copy of the checkout."""
    for name in ("damosrl", "tests", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "results").mkdir()
    script = "".join(_blocks("bash")).replace(". .venv/bin/activate", "set -e")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "FAIL" not in done.stdout
    for run in ("first", "ppo", "mine", "tpe", "own"):
        assert (tmp_path / "results" / run / "report.html").is_file()


def test_python_runs_as_written() -> None:
    """The README's Python snippet runs and prints a slowdown."""
    (snippet,) = _blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", snippet], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) >= 1.0


def test_figures_and_files_exist() -> None:
    """Every file that the README shows or links is in the repository."""
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target
