"""Whether a bundle fits a task: everything that is missing or different is told at once."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from damosrl.artifact import assemble, require_same_spec
from damosrl.errors import ArtifactError
from damosrl.knobs import Quantity, QuantitySet
from damosrl.testing.sample_policies import SAMPLE_SPEC as SPEC
from damosrl.testing.sample_policies import sample_network


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"task": "other-v0"}, ["task differs: other-v0, trained with sample-v0"]),
        (
            {"decision_interval_s": 2.0},
            ["decision interval differs: 2.0 s, trained with 1.0 s"],
        ),
        ({"observation": QuantitySet(SPEC.observation.items[::-1])},
         ["features are in another order"]),
        ({"knobs": QuantitySet(SPEC.knobs.items[:1])}, ["knob age is missing"]),
        (
            {"task": "other-v0", "observation": QuantitySet(SPEC.observation.items[2:]),
             "knobs": QuantitySet((*SPEC.knobs.items,
                                   Quantity("rate", "1/s", 0.0, 1.0, "A rate.")))},
            ["task differs: other-v0, trained with sample-v0", "feature a is missing",
             "feature b is missing", "knob rate is unknown to it"],
        ),
    ],
)  # fmt: skip
def test_all_that_is_missing_is_told(change: dict[str, Any], found: list[str]) -> None:
    """Every difference is a line of its own, and the refusal holds all of them."""
    offered = replace(SPEC, **change)
    artifact = assemble(
        sample_network(np.random.default_rng(0), normalised=False), spec=SPEC, algorithm="PPO"
    )
    assert artifact.missing_from(offered) == found
    if not found:
        require_same_spec(SPEC, offered)
        return
    with pytest.raises(ArtifactError) as caught:
        require_same_spec(SPEC, offered)
    assert all(line in str(caught.value) for line in found)


@pytest.mark.parametrize(
    "change", [{"unit": "MiB/s"}, {"high": 2e9}, {"scale": "linear"}, {"off_below": None}]
)
def test_another_meaning_of_a_knob_is_refused(change: dict[str, Any]) -> None:
    """The same knob in another unit, range or scale is another knob."""
    quota, age = SPEC.knobs.items
    other = replace(SPEC, knobs=QuantitySet((replace(quota, **change), age)))
    with pytest.raises(ArtifactError, match=f"{next(iter(change))} of knob quota differs"):
        require_same_spec(SPEC, other)


def test_a_reworded_meaning_is_no_difference() -> None:
    """Words for people do not matter to a policy."""
    quota, age = SPEC.knobs.items
    other = replace(SPEC, knobs=QuantitySet((replace(quota, meaning="Reworded."), age)))
    require_same_spec(SPEC, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low": -1e300, "high": 1e300, "scale": "linear"}, "range of quota cannot be used"),
        ({"low": 1e-300}, "range of quota cannot be used"),
        ({"low": 0.0, "high": 1e-300, "scale": "symlog"}, "range of quota cannot be used"),
        ({"off_below": 1.0}, "range of quota cannot be used"),
        ({"off_below": float("nan")}, "plain data"),
        ({"name": "age"}, "cannot be told apart"),
    ],
)
def test_a_task_that_breaks_arithmetic_is_refused(change: dict[str, Any], message: str) -> None:
    """Ranges that overflow, divide by zero or share a name make no bundle."""
    quota, age = SPEC.knobs.items
    with np.errstate(all="ignore"):
        spec = replace(SPEC, knobs=QuantitySet((replace(quota, **change), age)))
    network = sample_network(np.random.default_rng(0), normalised=False)
    with pytest.raises(ArtifactError, match=message):
        assemble(network, spec=spec, algorithm="PPO")


@pytest.mark.parametrize("interval_s", [0.0, -1.0, 1e6])
def test_a_task_needs_a_rhythm(interval_s: float) -> None:
    """Decisions come at intervals above zero, once a day or more often."""
    network = sample_network(np.random.default_rng(0), normalised=False)
    with pytest.raises(ArtifactError, match="decision interval is out of range"):
        assemble(network, spec=replace(SPEC, decision_interval_s=interval_s), algorithm="PPO")


def test_sizes_must_fit_the_task() -> None:
    """A policy with other inputs or outputs than the task has features and knobs is refused."""
    network = sample_network(np.random.default_rng(0), SPEC, normalised=False)
    short = replace(SPEC, observation=QuantitySet(SPEC.observation.items[1:]))
    with pytest.raises(ArtifactError, match="3 inputs and 2 outputs"):
        assemble(network, spec=short, algorithm="PPO")
