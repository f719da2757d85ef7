"""Settings from words: Hydra's grammar, groups, paths, experiments, and errors that help."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from damosrl.config import choices, typed
from damosrl.errors import ConfigError, DamosrlError, StatisticsError, UnknownNameError
from damosrl.experiment.compose import _grammar, compose
from damosrl.experiment.settings import (
    CompareSettings,
    TrainSettings,
    TuneSettings,
    WorldSettings,
    kept,
)
from damosrl.paths import conf_dir
from damosrl.registry import make_learner

SCHEMAS: dict[str, type[WorldSettings]] = {
    "compare": CompareSettings,
    "train": TrainSettings,
    "tune": TuneSettings,
}


def _settings(command: str, *words: str) -> Any:
    return typed(SCHEMAS[command], compose(command, words), command)


@pytest.mark.parametrize("command", SCHEMAS)
def test_defaults_compose(command: str) -> None:
    """Every command's defaults fit its schema and are written to config.yaml without loss."""
    settings = _settings(command)
    stored = yaml.safe_load(yaml.safe_dump(kept(settings)))
    assert typed(SCHEMAS[command], stored, "config.yaml") == settings


REAL = [("machine", "kernel"), ("machine", "qemu_guest")]
"""Choices that are no emulated machines."""


@pytest.mark.parametrize(
    ("command", "group", "name"),
    [
        (command, group, name)
        for command, groups in (
            ("compare", ("machine", "task", "reward", "safety")),
            ("train", ("workload",)),
        )
        for group in groups
        for name in choices(group)
        if (group, name) not in REAL
    ],
)
def test_every_choice_composes(command: str, group: str, name: str) -> None:
    """Each file of each group can be chosen by name."""
    assert isinstance(getattr(_settings(command, f"{group}={name}"), group), dict)


@pytest.mark.parametrize("command", ["compare", "train", "tune"])
@pytest.mark.parametrize("machine", [name for _, name in REAL])
def test_runs_on_a_real_machine_are_refused(command: str, machine: str) -> None:
    """It has no second chance and no oracle: the message says what to use instead."""
    with pytest.raises(ConfigError, match=r"kernel_control_loop.*resize_guest"):
        _settings(command, f"machine={machine}")


@pytest.mark.parametrize("name", choices("experiment"))
def test_every_experiment_composes(name: str) -> None:
    """Each experiment's sections fit the commands they are for."""
    sections = yaml.safe_load(
        (Path(__file__).parents[2] / "conf" / "experiment" / f"{name}.yaml").read_text()
    )
    assert sections
    for command in sections:
        _settings(command, f"experiment={name}")


def test_words_beat_experiments() -> None:
    """What is given by hand wins, whatever the order."""
    settings = _settings("compare", "steps=7", "experiment=quick")
    assert settings.steps == 7
    assert settings.tuners == ("consist", "pi")


@pytest.mark.parametrize(
    ("word", "tuners"),
    [
        ("tuners=[pi,aimd]", ("pi", "aimd")),
        ("tuners=pi", ("pi",)),
        ("tuners=[results/a-b/artifact]", ("results/a-b/artifact",)),
        ("tuners=['a folder/artifact']", ("a folder/artifact",)),
    ],
)
def test_lists_of_tuners(word: str, tuners: tuple[str, ...]) -> None:
    """Names and paths are listed in brackets; one alone needs none."""
    assert _settings("compare", word).tuners == tuners


def test_lists_are_lengthened() -> None:
    """key+=[...] keeps what an experiment lists."""
    settings = _settings("compare", "experiment=quick", "tuners+=[a/artifact]", "tuners+=pi2")
    assert settings.tuners == ("consist", "pi", "a/artifact", "pi2")


def test_one_number_of_a_group_changes() -> None:
    """A dotted key reaches into a group."""
    assert _settings("compare", "task.apply_s=2.5").task["apply_s"] == 2.5


@pytest.mark.parametrize("text", ["a b", "a=b", "ä(1)", "x,y", "[z]", "{q}", "it's", 'a"b', "$h"])
def test_output_paths_are_taken_as_they_are(text: str) -> None:
    """A path for out= needs no quotes, whatever is in it."""
    assert _settings("compare", f"out={text}").out == text


def test_groups_take_files(tmp_path: Path) -> None:
    """A group's value may be the path of a YAML; dotted keys work on it too."""
    path = tmp_path / "my machine.yaml"
    values = compose("compare", [])["machine"] | {"page_move_us": 3.0}
    del values["name"]
    path.write_text(yaml.safe_dump(values))
    settings = _settings("compare", f"machine={path}", "machine.granule=4 MiB")
    assert settings.machine["page_move_us"] == 3.0
    assert settings.machine["granule"] == "4 MiB"
    assert settings.machine["name"] == "my machine"


def test_an_agent_may_be_a_file_of_the_users_own(tmp_path: Path) -> None:
    """What is built from the file has no key that the file does not have."""
    path = tmp_path / "mine.yaml"
    path.write_text((conf_dir() / "agent" / "ppo.yaml").read_text("utf-8"), "utf-8")
    agent = compose("train", [f"agent={path}"])["agent"]
    assert agent == compose("train", ["agent=ppo"])["agent"]
    assert make_learner(agent).algorithm == "PPO"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": "abc"}, r"compare.steps is .*: got a text; allowed: a whole number"),
        ({"tuners": None}, r"compare.tuners is .*: got nothing \(null\); allowed: a list"),
        ({"workloads": [1]}, r"workloads\[0\] is .* got a whole number; allowed: a text or key: v"),
        ({"monitor": "slow"}, r"compare.monitor is wrong: got Invalid enum value 'slow'"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_named_by_its_key(
    values: dict[str, Any], message: str
) -> None:
    """The message has the key's path, and both kinds in words."""
    whole = compose("compare", [])
    with pytest.raises(ConfigError, match=message):
        typed(CompareSettings, {**whole, **values}, "compare")


def test_a_key_that_is_missing_is_named() -> None:
    """A mapping without a key that has no default says which."""
    with pytest.raises(ConfigError, match=r"compare lacks a key: allowed: machine"):
        typed(CompareSettings, {}, "compare")


def test_a_recording_is_a_workload(tmp_path: Path) -> None:
    """The path of a recording needs no YAML around it."""
    path = tmp_path / "mine.damon.json.z"
    workload = _settings("train", f"workload={path}").workload
    assert workload == {"name": "mine", "access": {"kind": "recording", "recording": str(path)}}


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["stepps=3"], "did you mean 'steps'"),
        (["machine=dram_cxll"], "did you mean 'dram_cxl'"),
        (["evaluation.seds=1"], "did you mean 'seeds'"),
        (["experiment=quik"], "did you mean 'quick'"),
        (["saftey=off"], "did you mean 'safety'"),
        (["hydra.run.dir=x"], "unknown key of train"),
        (["+stepss=3"], "did you mean 'steps'"),
    ],
)
def test_unknown_names_give_the_nearest(words: list[str], near: str) -> None:
    """A mistyped key, choice or experiment is answered with the right one."""
    with pytest.raises(UnknownNameError, match=near):
        compose("train", words)


@pytest.mark.parametrize(
    "words",
    [
        ["steps"],
        ["=3"],
        ["~steps=1"],
        ["steps=[1"],
        ["tuners=a,b"],
        ["steps+=[1]"],
        ["tuners+={a:1}"],
        ["steps.x=1"],
        ["machine=missing.yaml"],
        ["experiment=missing.yaml"],
        ["steps=${none}"],
    ],
)
def test_what_cannot_be_read_is_one_line(words: list[str]) -> None:
    """Broken words give one line, never a traceback of the libraries below."""
    with pytest.raises(ConfigError) as caught:
        compose("compare", words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["steps=0"],
        ["steps=x"],
        ["steps=1.5"],
        ["seeds=0"],
        ["seed_base=-1"],
        ["tuners=[]"],
        ["workloads=[]"],
        ["tuners=[pi,pi]"],
        ["jobs=0"],
        ["monitor=slow"],
        ["heatmap_tuner=nobody"],
        ["resamples=.nan"],
        ["interval=3"],
        ["+extra=1", "steps=3"],
    ],
)
def test_wrong_values_are_refused(words: list[str]) -> None:
    """Types and ranges are checked before anything runs."""
    with pytest.raises(DamosrlError) as caught:
        _settings("compare", *words)
    assert "\n" not in str(caught.value)


def test_an_interval_needs_two_seeds() -> None:
    """One seed with an interval is refused; bare scores of one seed are not."""
    with pytest.raises(StatisticsError, match="interval=false"):
        _settings("compare", "seeds=1")
    assert _settings("compare", "seeds=1", "interval=false").seed_list == (0,)


def test_a_bare_off_in_a_yaml_means_the_choice_off(tmp_path: Path) -> None:
    """YAML reads ``safety: off`` as false; a task or an experiment may still write it so."""
    path = tmp_path / "mine.yaml"
    path.write_text("usual: {safety: off, report: off}\n", encoding="utf-8")
    settings = compose("compare", [f"task={path}"])
    assert settings["safety"]["name"] == "off"
    assert settings["report"] is False


def test_an_experiment_for_another_command_is_refused(tmp_path: Path) -> None:
    """An experiment that says nothing about the command is no silent default."""
    path = tmp_path / "mine.yaml"
    path.write_text("train: {seed: 1}\n")
    with pytest.raises(ConfigError, match="says nothing about `damosrl tune`"):
        compose("tune", [f"experiment={path}"])
    assert _settings("train", f"experiment={path}").seed == 1


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-9, 9)
        | st.text("aZ-_./ é'\"\\,[]{}=:$", max_size=8),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    )
)
def test_experiments_may_hold_any_value(value: Any) -> None:
    """Whatever a YAML holds arrives as it is."""
    parsed = OverridesParser.create().parse_override(f"key={_grammar(value)}").value()
    assert str(parsed) == str(value)
