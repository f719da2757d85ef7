"""Tasks are found by their packages, and runs take theirs from the configuration."""

from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import gymnasium
import pytest

import damosrl_envs
from damosrl.config import choices, load_choice
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.experiment.compose import compose
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.rollout import make_environments
from damosrl.experiment.settings import World
from damosrl.paths import conf_dir

PACKAGES = [module.name for module in iter_modules(damosrl_envs.__path__) if module.name != "loop"]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_task_package_is_registered(name: str) -> None:
    """A package beside the loop is an environment with a vector form and metrics."""
    environment = f"damosrl/{name.capitalize()}-v0"
    assert gymnasium.spec(environment).entry_point
    metrics = task_metrics(environment)
    names = [column.name for column in metrics.episodes]
    assert metrics.cost in names
    assert set(metrics.moved) <= set(names)
    assert {one.column for one in metrics.shown} <= set(names)


def test_registering_twice_changes_nothing() -> None:
    """A second call neither warns nor replaces."""
    before = dict(gymnasium.registry)
    damosrl_envs.register()
    assert dict(gymnasium.registry) == before


@pytest.mark.parametrize("name", choices("task"))
def test_every_task_names_an_environment_that_exists(name: str) -> None:
    """What conf/task says under env can be made into runs."""
    assert task_metrics(World(task=load_choice("task", name)).environment)


def test_an_unknown_environment_is_refused_by_name() -> None:
    """A slip in env: names the nearest environment; one without metrics is none of ours."""
    with pytest.raises(UnknownNameError, match="Tiering-v0"):
        make_environments(World(task={"env": "damosrl/Tierin-v0"}), 1, "zipf", steps=1)
    with pytest.raises(ConfigError, match="says not what it measures"):
        task_metrics("CartPole-v1")


def test_a_task_brings_its_usual_choices(tmp_path: Path) -> None:
    """What is given by hand wins over a task's usual choices, which win over the defaults."""
    path = tmp_path / "mine.yaml"
    usual = (
        "usual: {machine: dram_zram, steps: 7, compare: {tuners: [pi]}, agent: tpe, "
        "train: {evaluation: {seeds: 5}}}"
    )
    path.write_text(usual, encoding="utf-8")
    settings = compose("compare", [f"task={path}"])
    assert settings["machine"]["name"] == "dram_zram"
    assert (settings["steps"], settings["tuners"]) == (7, ["pi"])
    assert compose("train", [f"task={path}", "agent=ppo"])["evaluation"]["seeds"] == 5
    settings = compose("compare", [f"task={path}", "steps=9", "machine=dram_cxl"])
    assert (settings["steps"], settings["machine"]["name"]) == (9, "dram_cxl")


def test_task_reward_and_safety_may_be_files(tmp_path: Path) -> None:
    """An environment takes the path of a YAML wherever it takes a name."""
    for group, name in (("task", "tiering"), ("reward", "latency"), ("safety", "default")):
        (tmp_path / f"{group}.yaml").write_text((conf_dir() / group / f"{name}.yaml").read_text())
    files: dict[str, Any] = {
        group: str(tmp_path / f"{group}.yaml") for group in ("task", "reward", "safety")
    }
    env: Any = gymnasium.make("damosrl/Tiering-v0", workload="zipf", **files).unwrapped
    usual: Any = gymnasium.make("damosrl/Tiering-v0", workload="zipf").unwrapped
    assert env.describe() == usual.describe()
