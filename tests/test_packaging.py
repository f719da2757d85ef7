"""What arrives on a user's machine."""

import importlib
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


def _tracked(*folders: str) -> set[str]:
    listing = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(listing.stdout.split())


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the sdist, then the wheel from it, and list the wheel."""
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(ROOT)],
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(next(target.glob("*.whl"))) as wheel:
        return set(wheel.namelist())


def test_wheel_holds_every_tracked_file(wheel_names: set[str]) -> None:
    """Every tracked file of the packages and of conf/ arrives in the wheel, under its new name."""
    expected = (
        _tracked("damosrl")
        | {name.removeprefix("envs/") for name in _tracked("envs")}
        | {name.removeprefix("agents/") for name in _tracked("agents")}
        | {f"damosrl/{name}" for name in _tracked("conf")}
    )
    assert expected <= wheel_names


def test_wheel_claims_only_our_names(wheel_names: set[str]) -> None:
    """The wheel installs the three damosrl packages and nothing called envs, agents or conf."""
    tops = {name.split("/")[0] for name in wheel_names if ".dist-info" not in name}
    assert tops == {"damosrl", "damosrl_envs", "damosrl_tasks", "damosrl_agents"}


def test_conf_is_yaml_only() -> None:
    """conf/ holds YAML only: one .py there and an editable install fails."""
    strays = [path for path in (ROOT / "conf").rglob("*") if path.is_file()]
    assert {path.suffix for path in strays} == {".yaml"}


def _targets(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["_target_"]] if "_target_" in node else []
        return own + [target for value in node.values() for target in _targets(value)]
    if isinstance(node, list):
        return [target for value in node for target in _targets(value)]
    return []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "conf").rglob("*.yaml")), ids=lambda path: path.stem
)
def test_every_target_resolves(path: Path) -> None:
    """Each `_target_` of the configuration tree names something that can be imported."""
    for target in _targets(yaml.safe_load(path.read_text(encoding="utf-8"))):
        module, _, name = target.rpartition(".")
        assert hasattr(importlib.import_module(module), name)
