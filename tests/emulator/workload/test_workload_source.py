"""Workloads by name, path or mapping: what they draw, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from damosrl.config import load_choice
from damosrl.emulator.workload.model import Workload
from damosrl.emulator.workload.source import MixSource, workload_names, workload_source
from damosrl.errors import ConfigError, DamosrlError, UnknownNameError, WorkloadError
from damosrl.experiment.attack.budget import read_budget
from damosrl.paths import conf_dir, recordings_dir

UNIFORM: dict[str, Any] = {"kind": "uniform"}
SPLITS = ("train_mix", "heldout_mix")
MIXES = (
    *SPLITS,
    "adversarial",
    "known_attacks",
    "parallel_mix",
    "reclaim_mix",
    "robust_mix",
    "swap_mix",
    "tenants_mix",
)


def _draws(spec: str | dict[str, Any], count: int) -> list[Workload]:
    source = workload_source(spec)
    rng = np.random.default_rng(0)
    return [source.draw(rng) for _ in range(count)]


def _same(first: Workload, second: Workload) -> bool:
    plain = [
        getattr(first, name) == getattr(second, name)
        for name in ("name", "family", "application", "start", "fast_share")
    ]
    arrays = [
        np.array_equal(getattr(first.access, name), getattr(second.access, name))
        for name in ("border_bytes", "epoch_s", "rate_hz")
    ]
    return all(plain) and all(arrays)


OWN = [name for name in workload_names() if "kind" not in load_choice("workload", name)]
"""Workloads of memory machines; others say what kind of machine they are for."""


@pytest.mark.parametrize("name", OWN)
def test_every_choice_draws_by_seed(name: str) -> None:
    """Each choice opens, carries its file's name, and equal seeds draw equal workloads."""
    source = workload_source(name)
    first, again = (source.draw(np.random.default_rng(3)) for _ in range(2))
    assert source.name == name
    assert first.name == name or name in MIXES
    assert first.family in source.families
    assert _same(first, again)
    assert not _same(first, source.draw(np.random.default_rng(4)))


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in OWN
        if name not in MIXES and not name.startswith(("adversarial", "tenants_"))
    ],
)
def test_full_randomisation_stays_within_the_stated_ranges(name: str) -> None:
    """With randomize: true each of 30 drawn workloads is valid and within the YAML's ranges."""
    values = yaml.safe_load((conf_dir() / "workload" / f"{name}.yaml").read_text())
    fills, shares, places = set(), set(), set()
    for workload in _draws({**values, "randomize": True}, 30):
        assert 8 * 2**30 - 2**21 <= workload.access.footprint_bytes <= 64 * 2**30
        assert 0.0588 <= workload.fast_share <= 0.5
        assert 0.6 <= workload.start.fast_fill <= 0.995
        assert 4 <= workload.application.parallelism <= 32
        fills.add(workload.start.fast_fill)
        shares.add(workload.fast_share)
        places.add(workload.start.placement)
    assert len(fills) == len(shares) == 30
    assert places == set(values["start"]["placement"])


@pytest.mark.parametrize("name", [name for name in OWN if name.startswith("adversarial_")])
def test_published_worst_cases_lie_within_the_budget(name: str) -> None:
    """A worst case is one point of the budget that it was searched in."""
    budget = read_budget(load_choice("budget", "default"))
    values = load_choice("workload", name)
    for choice in budget.choices.items:
        node: Any = values
        for part in choice.name.split("."):
            node = node[part]
        assert choice.low <= node <= choice.high


def test_three_degrees_of_randomisation() -> None:
    """Nothing but the layout, the start state too, or everything is drawn, as asked."""
    values = {
        "fast_share": [0.1, 0.5],
        "start": {"fast_fill": [0.6, 0.9], "placement": ["bad", "good"]},
        "access": {"kind": "static_hot", "hot_share": [0.1, 0.3]},
    }
    for degree, fills, shares in ((False, 1, 1), ("start", 20, 1), (True, 20, 20)):
        drawn = _draws({**values, "randomize": degree}, 20)
        assert len({workload.start.fast_fill for workload in drawn}) == fills
        assert len({workload.fast_share for workload in drawn}) == shares
        assert len({workload.access.border_bytes.tobytes() for workload in drawn}) == 20


def test_train_and_heldout_families_are_disjoint() -> None:
    """No family that is trained on is held out; both mixes draw all of their members."""
    train, heldout = (workload_source(name) for name in SPLITS)
    assert not train.families & heldout.families
    for name, source in zip(SPLITS, (train, heldout), strict=True):
        assert isinstance(source, MixSource)
        drawn = {workload.name for workload in _draws(name, 120)}
        assert drawn == {member.name for member in source.members}


def test_mix_draws_by_weight() -> None:
    """A member with three times the weight is drawn three times as often."""
    plain = {"access": UNIFORM, "footprint": "64 MiB"}
    members = [
        {"workload": {"name": "rare", **plain}},
        {"workload": {"name": "often", **plain}, "weight": 3},
    ]
    drawn = [workload.name for workload in _draws({"name": "both", "members": members}, 800)]
    assert drawn.count("often") / len(drawn) == pytest.approx(0.75, abs=0.05)


def test_mix_can_fix_its_members() -> None:
    """A mix's own randomize replaces that of its members."""
    drawn = _draws({"members": ["uniform"], "randomize": False}, 5)
    assert len({workload.start for workload in drawn}) == 1


def test_paths_and_mappings_mean_the_same(tmp_path: Path) -> None:
    """A YAML by path is what its mapping is, named after its file; a recording is by path too."""
    values = {"footprint": "64 MiB", "access": {"kind": "zipf", "clumps": 8}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(values))
    by_path, by_mapping = _draws(str(path), 1)[0], _draws(values, 1)[0]
    assert (by_path.name, by_mapping.name) == ("mine", "custom")
    np.testing.assert_array_equal(by_path.access.rate_hz, by_mapping.access.rate_hz)
    recording = workload_source(recordings_dir() / "xz.damon.json.z")
    assert (recording.name, recording.family) == ("xz", "recording")
    assert recording.draw(np.random.default_rng(0)).access.footprint_bytes == 16 * 2**30


def test_descriptions_say_size_and_start_state() -> None:
    """A description holds the accesses, the size, the closed loop and the start state."""
    words = workload_source("rec_xz").describe()
    for part in ("xz", "16 GiB", "threads", "ns between requests", "97 %", "first_touch", "90 s"):
        assert part in words
    assert words in workload_source({"members": ["rec_xz"]}).describe()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("zipff", "did you mean 'zipf'"),
        ("missing.yaml", "cannot read missing.yaml"),
        ("missing.damon.json.z", "cannot read missing.damon.json.z"),
        ({}, "says nothing of its accesses"),
        ({"access": {"kind": "zpif"}}, "did you mean 'zipf'"),
        ({"access": {"kind": "zipf", "exponnent": 1}}, "did you mean 'exponent'"),
        ({"access": {"kind": "zipf", "exponent": "steep"}}, "wrong"),
        ({"access": UNIFORM, "foot_print": "1 GiB"}, "did you mean 'footprint'"),
        ({"access": UNIFORM, "footprint": "1 MiB"}, "footprint is out of range"),
        ({"access": UNIFORM, "footprint": "much"}, "footprint is no size"),
        ({"access": UNIFORM, "footprint": "-1 GiB"}, "footprint is no size"),
        ({"access": UNIFORM, "footprint": "native"}, "has no native size"),
        ({"access": UNIFORM, "footprint": ["2 GiB", "1 GiB"]}, "minimum above its maximum"),
        ({"access": UNIFORM, "fast_share": 0}, "fast_share is out of range"),
        ({"access": UNIFORM, "start": {"fast_fill": [0.9, 0.6]}}, "minimum above its maximum"),
        ({"access": UNIFORM, "start": {"placement": "worst"}}, "wrong"),
        ({"access": UNIFORM, "start": {"placement": []}}, "placement is empty"),
        ({"access": UNIFORM, "application": {"threads": 0}}, "threads is out of range"),
        ({"access": UNIFORM, "randomize": "sometimes"}, "wrong"),
        ({"access": {"kind": "recording", "recording": "phasse"}}, "did you mean 'phases'"),
        ({"access": {"kind": "recording", "recording": "xz", "record": 3}}, "record"),
        ({"members": []}, "cannot be drawn from"),
        ({"members": ["uniform"], "wieghts": [1]}, "unknown key"),
        ({"members": [{"workload": "uniform", "weight": -1}]}, "weights above 0"),
        ({"members": ["uniform", "zipff"]}, "did you mean 'zipf'"),
    ],
)
def test_mistakes_are_named(spec: str | dict[str, Any], message: str) -> None:
    """A wrong name, key, value or range gives one line that says what is wrong."""
    with pytest.raises(DamosrlError, match=message) as caught:
        workload_source(spec)
    assert "\n" not in str(caught.value)


def test_errors_have_their_type() -> None:
    """Names, YAML and workloads are told apart by type, for programs that catch them."""
    with pytest.raises(UnknownNameError):
        workload_source("zipff")
    with pytest.raises(ConfigError):
        workload_source("missing.yaml")
    with pytest.raises(WorkloadError):
        workload_source({"access": {"kind": "static_hot", "hot_share": 2.0}})


def test_a_mix_in_itself_is_refused(tmp_path: Path) -> None:
    """A mix whose YAML names itself is an error, not an endless recursion."""
    path = tmp_path / "loop.yaml"
    path.write_text(yaml.safe_dump({"members": [str(path)]}))
    with pytest.raises(WorkloadError, match="contains itself"):
        workload_source(path)
