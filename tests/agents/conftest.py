"""A small task with the vocabulary of tiered memory, and observations of it."""

from collections.abc import Callable

import numpy as np
import pytest

from damosrl.knobs import Float32Array, Quantity, QuantitySet
from damosrl.task import TaskSpec

MIB = float(2**20)
BIN_EDGES_PERCENT = (0, 5, 10, 20, 40, 60, 80)
Observe = Callable[..., Float32Array]


def _ratio(name: str) -> Quantity:
    return Quantity(name, "ratio", 0.0, 1.0, f"Share {name}.")


def _features() -> QuantitySet:
    heat = [
        _ratio(f"{tier}_heat_{edge}") for tier in ("fast", "slow") for edge in BIN_EDGES_PERCENT
    ]
    return QuantitySet(
        (
            Quantity("fast_free", "%", 0.0, 100.0, "Free share of the fast tier.", scale="symlog"),
            Quantity("psi_some", "%", 0.0, 100.0, "Stalled share of time.", scale="symlog"),
            _ratio("ping_pong"),
            Quantity("promoted", "bytes/s", 0.0, 1024 * MIB, "Promoted.", scale="symlog"),
            Quantity("demoted", "bytes/s", 0.0, 1024 * MIB, "Demoted.", scale="symlog"),
            _ratio("fast_capacity"),
            _ratio("fast_access_share"),
            *heat,
        )
    )


def _knobs() -> QuantitySet:
    quota = ("bytes/s", MIB, 1024 * MIB)
    return QuantitySet(
        (
            Quantity("promotion_quota", *quota, "Promotion.", "log", -0.9, 50 * MIB),
            Quantity("demotion_quota", *quota, "Demotion.", "log", -0.9, 50 * MIB),
            Quantity("hot_threshold", "%", 5.0, 100.0, "Hot from.", default=15.0),
            Quantity("cold_age", "s", 0.0, 30.0, "Cold for.", scale="symlog"),
            Quantity("free_target", "%", 0.5, 5.0, "Kept free.", scale="log", default=1.0),
        )
    )


@pytest.fixture(scope="session")
def tiering_spec() -> TaskSpec:
    """A task that has everything the tuners of tiered memory read and turn."""
    return TaskSpec("sample-tiering-v0", _features(), _knobs(), decision_interval_s=1.0)


@pytest.fixture(scope="session")
def observe(tiering_spec: TaskSpec) -> Observe:
    """Build an observation from physical values by feature name; the others are 0."""

    def build(**features: float) -> Float32Array:
        physical = np.zeros(len(tiering_spec.observation))
        for name, value in features.items():
            physical[tiering_spec.observation.index(name)] = value
        return tiering_spec.observation.to_normal(physical).astype(np.float32)

    return build


@pytest.fixture(scope="session")
def reclaim_spec() -> TaskSpec:
    """A task that has everything the tuners of reclaim read and turn."""
    ages = (1, 5, 15, 30, 60, 120, 240)
    size = ("bytes", 2.0**24, 2.0**46)
    features = QuantitySet(
        (
            Quantity("free", "%", 0.0, 100.0, "Free share.", scale="symlog"),
            Quantity("resident", *size, "Resident bytes.", "log", default=2.0**24),
            _ratio("swap_use"),
            *(_ratio(f"cold_{age}") for age in ages),
            *(_ratio(f"touched_{age}") for age in ages),
            Quantity("swap_in", "bytes/s", 0.0, 1024 * MIB, "Back by faults.", scale="symlog"),
            *(
                Quantity(name, "%", 0.0, 100.0, "Stalled share of time.", scale="symlog")
                for name in ("psi_some", "psi_some_60", "psi_now")
            ),
        )
    )
    quota = ("bytes/s", MIB, 1024 * MIB)
    knobs = QuantitySet(
        (
            Quantity("reclaim_quota", *quota, "Quota.", "log", -0.9, 128 * MIB),
            Quantity("cold_age", "s", 1.0, 300.0, "Cold for.", scale="log", default=120.0),
            Quantity("psi_target", "%", 0.01, 10.0, "Pressure.", scale="log", default=1.0),
        )
    )
    return TaskSpec("sample-reclaim-v0", features, knobs, decision_interval_s=6.0)


@pytest.fixture(scope="session")
def feel(reclaim_spec: TaskSpec) -> Observe:
    """Build an observation of reclaim from physical values by feature name."""

    def build(**features: float) -> Float32Array:
        physical = np.zeros(len(reclaim_spec.observation))
        physical[reclaim_spec.observation.index("resident")] = 2.0**24
        for name, value in features.items():
            physical[reclaim_spec.observation.index(name)] = value
        return reclaim_spec.observation.to_normal(physical).astype(np.float32)

    return build
