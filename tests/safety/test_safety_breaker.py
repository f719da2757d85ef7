"""The outcome breaker: trips on bad outcomes, holds, backs off, forgives."""

from collections.abc import Callable

import numpy as np
import pytest

from damosrl.machine import QuotaLoop, Telemetry
from damosrl.safety import Breaker, BreakerConfig, EventKind, SafetyConfig, Shield
from damosrl.task import TaskSpec

Readings = Callable[..., Telemetry]
CONFIG = BreakerConfig(
    psi_some_percent=20.0,
    migration_bytes_per_s=1000.0,
    patience_steps=3,
    hold_s=5.0,
    back_off=2.0,
    longest_hold_s=12.0,
    forgive_s=30.0,
)


def _fresh(reading: Readings, count: int = 1, config: BreakerConfig | None = CONFIG) -> Breaker:
    breaker = Breaker(config, count)
    breaker.reset(np.ones(count, dtype=np.bool_), reading([0.0] * count))
    return breaker


def _trip_at(breaker: Breaker, reading: Readings, start_s: int) -> int:
    for second in range(start_s, start_s + 50):
        breaker.watch(reading([float(second)], psi=0.5))
        if breaker.tripped[0]:
            return second
    pytest.fail("the breaker did not trip")


def _closed_at(breaker: Breaker, reading: Readings, start_s: int) -> int:
    for second in range(start_s, start_s + 50):
        breaker.watch(reading([float(second)]))
        if not breaker.open[0]:
            return second
    pytest.fail("the breaker did not close")


def test_short_pressure_is_borne(reading: Readings) -> None:
    """Bad intervals fewer than the patience do not trip, however often they come."""
    breaker = _fresh(reading)
    for second in range(1, 40):
        breaker.watch(reading([float(second)], psi=0.0 if second % 3 == 0 else 0.9))
        assert not breaker.open.any()


def test_lasting_pressure_trips_one_machine_only(reading: Readings) -> None:
    """Three bad seconds trip the machine that had them, at the third."""
    breaker = _fresh(reading, count=2)
    for second in (1.0, 2.0, 3.0):
        assert not breaker.open.any()
        breaker.watch(reading([second, second], psi=[0.3, 0.1]))
    assert breaker.open.tolist() == [True, False]
    assert breaker.tripped.tolist() == [True, False]


def test_migration_rate_trips(reading: Readings) -> None:
    """Bytes per second above the limit count, whatever the length of the interval."""
    breaker = _fresh(reading)
    for second in (2.0, 4.0, 6.0):
        breaker.watch(reading([second], migrated=1001.0 * second))
    assert breaker.tripped[0]
    calm = _fresh(reading)
    for second in (2.0, 4.0, 6.0, 8.0):
        calm.watch(reading([second], migrated=999.0 * second))
    assert not calm.open[0]


def test_holds_back_off_and_are_forgiven(reading: Readings) -> None:
    """The hold doubles from trip to trip up to its bound, and shrinks after a good time."""
    breaker = _fresh(reading)
    now, holds = 1, []
    for _ in range(3):
        tripped = _trip_at(breaker, reading, now)
        now = _closed_at(breaker, reading, tripped + 1)
        holds.append(now - tripped)
    assert holds == [5, 10, 12]
    for second in range(now + 1, now + 40):
        breaker.watch(reading([float(second)]))
    tripped = _trip_at(breaker, reading, now + 40)
    assert _closed_at(breaker, reading, tripped + 1) - tripped == 5


def test_reset_closes(reading: Readings) -> None:
    """A new episode begins with a closed breaker and the first hold."""
    breaker = _fresh(reading)
    _trip_at(breaker, reading, 1)
    breaker.reset(np.array([True]), reading([0.0]))
    assert not breaker.open[0]
    assert not breaker.tripped[0]
    tripped = _trip_at(breaker, reading, 1)
    assert _closed_at(breaker, reading, tripped + 1) - tripped == 5


def test_without_a_breaker_nothing_trips(reading: Readings) -> None:
    """No configuration, no trip."""
    breaker = _fresh(reading, config=None)
    for second in range(1, 20):
        breaker.watch(reading([float(second)], psi=1.0))
    assert not breaker.open.any()


def _shield(reading: Readings, spec: TaskSpec, loop: QuotaLoop = QuotaLoop.DIRECT) -> Shield:
    config = SafetyConfig(
        breaker=CONFIG, fallback={"quota": 200.0, "share": 5.0}, slew={"quota": 2.0}
    )
    shield = Shield(config, spec, 2, loop)
    shield.reset(np.ones(2, dtype=np.bool_), reading([0.0, 0.0]))
    return shield


def test_fallback_gives_the_machine_to_the_kernel_and_back(
    reading: Readings, spec: TaskSpec
) -> None:
    """An open breaker applies the fallback knobs under consist, one event per trip."""
    shield = _shield(reading, spec)
    request = np.full((2, 3), 0.5)
    for second in (1.0, 2.0, 3.0):
        shield.project(request)
        shield.watch(reading([second, second], psi=[0.9, 0.0]))
    first, second_step = shield.project(request), None
    assert isinstance(first.loops, np.ndarray)
    assert first.loops.tolist() == [QuotaLoop.CONSIST, QuotaLoop.DIRECT]
    assert first.fallback.tolist() == [True, False]
    assert spec.knobs.to_physical(first.applied)[0] == pytest.approx([200.0, 5.0, 0.0])
    assert first.bits[0].tolist() == [EventKind.FALLBACK] * 3
    shield.watch(reading([4.0, 4.0]))
    second_step = shield.project(request)
    assert second_step.fallback[0]
    assert not second_step.bits[0].any()
    shield.watch(reading([8.0, 8.0]))
    back = shield.project(spec.knobs.to_normal(np.array([[1000.0, 5.0, 0.0]] * 2)))
    assert back.loops is QuotaLoop.DIRECT
    assert spec.knobs.to_physical(back.applied)[0, 0] == pytest.approx(400.0)


def test_kernel_loops_are_not_broken(reading: Readings, spec: TaskSpec) -> None:
    """Under a kernel loop, or with migration off, there is nothing to fall back from."""
    for loop in (QuotaLoop.OFF, QuotaLoop.CONSIST, QuotaLoop.TEMPORAL):
        shield = _shield(reading, spec, loop)
        for second in range(1, 10):
            shield.watch(reading([float(second)] * 2, psi=1.0))
        assert shield.project(np.zeros((2, 3))).loops is loop


def test_the_fallback_keeps_to_the_limits(reading: Readings, spec: TaskSpec) -> None:
    """A configuration whose fall-back is beyond its own limits falls back to the limits."""
    config = SafetyConfig(limits={"quota": (1.0, 100.0)}, fallback={"quota": 900.0}, breaker=CONFIG)
    shield = Shield(config, spec, 1)
    shield.reset(np.ones(1, dtype=np.bool_), reading([0.0]))
    held = shield.project(np.zeros((1, 3)), np.array([True]))
    assert spec.knobs.to_physical(held.applied)[0, 0] == pytest.approx(100.0)


def test_a_breaker_that_others_trip_backs_off_like_any(reading: Readings) -> None:
    """Each trip holds for longer than the one before; an open breaker is not tripped again."""
    breaker, all_, holds = _fresh(reading), np.ones(1, dtype=np.bool_), []
    now_s = 0.0
    for _ in range(2):
        breaker.trip(all_, np.array([now_s]))
        breaker.trip(all_, np.array([now_s + 1.0]))
        assert not breaker.tripped[0]
        began_s = now_s
        while breaker.open[0]:
            now_s += 1.0
            breaker.watch(reading([now_s]))
        holds.append(now_s - began_s)
    assert holds == [5.0, 10.0]
