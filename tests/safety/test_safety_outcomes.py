"""What counts as bad: full stalls and overcommitment for a while, refused memory at once."""

from collections.abc import Callable

import numpy as np
import pytest

from damosrl.errors import ConfigError
from damosrl.machine import Telemetry
from damosrl.safety import Breaker, BreakerConfig

Readings = Callable[..., Telemetry]
CONFIG = BreakerConfig(
    psi_full_percent=2.0,
    overcommitted_percent=10.0,
    failed_percent=1.0,
    patience_steps=3,
    hold_s=5.0,
)
ALL = np.ones(1, dtype=np.bool_)


def _watched(reading: Readings, config: BreakerConfig = CONFIG, judges: bool = True) -> Breaker:
    breaker = Breaker(config, 1, judges=judges)
    breaker.reset(ALL, reading([0.0], lacking=(700.0, 0.0)))
    return breaker


def _trips_after(breaker: Breaker, reading: Readings, **told: object) -> int:
    """Return the steps until it trips, 0 if it does not within ten."""
    for second in range(1, 11):
        breaker.watch(reading([float(second)], **told))
        if breaker.tripped[0]:
            return second
    return 0


@pytest.mark.parametrize(
    ("told", "steps"),
    [
        ({"full": 0.021}, 3),
        ({"full": 0.019}, 0),
        ({"lacking": (700.0, 101.0)}, 3),
        ({"lacking": (700.0, 99.0)}, 0),
        ({"lacking": (711.0, 0.0)}, 1),
        ({"lacking": (709.0, 0.0)}, 0),
        ({"lacking": (np.nan, np.nan)}, 0),
        ({}, 0),
    ],
)
def test_each_limit_has_its_patience(
    reading: Readings, told: dict[str, object], steps: int
) -> None:
    """Full stalls and overcommitment are borne for three steps, refused memory not for one."""
    assert _trips_after(_watched(reading), reading, **told) == steps


def test_limits_that_are_not_given_do_not_judge(reading: Readings) -> None:
    """Without limits of its own a breaker judges neither full stalls nor lacking memory."""
    told = {"full": 1.0, "lacking": (1e9, 1e9)}
    assert _trips_after(_watched(reading, BreakerConfig()), reading, **told) == 0


def test_refused_memory_trips_no_breaker_that_does_not_judge(reading: Readings) -> None:
    """Under a loop that is the fall-back itself, refused memory changes nothing."""
    breaker = _watched(reading, judges=False)
    assert _trips_after(breaker, reading, lacking=(1e9, 0.0)) == 0


def test_memory_refused_before_an_episode_is_forgotten(reading: Readings) -> None:
    """A reset takes the total as it is: only what is refused later counts."""
    breaker = _watched(reading)
    breaker.reset(ALL, reading([3.0], lacking=(900.0, 0.0)))
    breaker.watch(reading([4.0], lacking=(905.0, 0.0)))
    assert not breaker.open[0]


def test_a_negative_limit_is_refused() -> None:
    """A limit below zero is a slip and is named."""
    with pytest.raises(ConfigError, match="failed_percent"):
        BreakerConfig(failed_percent=-1.0)
