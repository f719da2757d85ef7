"""What tuners of a tiered machine share: its knobs' names, checks, and the kernel's settings."""

import math
from collections.abc import Mapping

from damosrl.errors import ConfigError
from damosrl.nodes import split_node
from damosrl.task import TaskSpec

MIB = float(2**20)
KNOBS = ("promotion_quota", "demotion_quota", "hot_threshold", "cold_age", "free_target")
"""Bytes/s, bytes/s, per cent of the largest access rate, seconds, per cent of the fast tier."""

MTIER: Mapping[str, float] = {
    "promotion_quota": 200 * MIB,
    "demotion_quota": 200 * MIB,
    "hot_threshold": 5.0,
    "cold_age": 0.0,
    "free_target": 0.5,
}
"""Linux 7.3 samples/damon/mtier.c: 200 MiB per second, hot from 1 of 20 samples, 0.5 % free."""


def require_names(
    spec: TaskSpec, who: str, features: tuple[str, ...] = (), knobs: tuple[str, ...] = KNOBS
) -> None:
    """Refuse a task that lacks what a tuner reads or turns; a name may be one that nodes have.

    Raises:
        ConfigError: Naming what is missing.
    """
    for kind, names, known in (
        ("feature", features, spec.observation.names),
        ("knob", knobs, spec.knobs.names),
    ):
        stems = {split_node(name)[1] for name in known}
        missing = [name for name in names if name not in known and name not in stems]
        if missing:
            raise ConfigError(
                f"{who} cannot work on task {spec.task}: it needs a {kind} that is not there",
                got=", ".join(known),
                allowed=f"a task with {', '.join(missing)}",
                fix="choose another tuner or task",
            )


def require_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a parameter outside ``low..high`` (NaN too).

    Raises:
        ConfigError: Naming the parameter and its range.
    """
    if not low <= value <= high:
        raise ConfigError(
            f"{name} is out of range", got=value, allowed=f"{low:g} .. {high:g}", fix="change it"
        )
