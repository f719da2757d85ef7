"""The shield: limits, slew, dead-band, and what it does with nonsense."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.knobs import FloatArray, Quantity, QuantitySet
from damosrl.machine import QuotaLoop, Telemetry
from damosrl.safety import (
    EventKind,
    SafetyConfig,
    Shield,
    event_counts,
    event_records,
    safety_config,
)
from damosrl.task import TaskSpec

FREE = SafetyConfig()
DOUBLING = SafetyConfig(slew={"quota": 2.0})
LIMITED = SafetyConfig(limits={"quota": (0.0, 256.0), "share": (5.0, 50.0)}, slew={"quota": 2.0})
ANY = st.floats(allow_nan=True, allow_infinity=True, width=32)


def _physical(shield: Shield, spec: TaskSpec, *requested: float) -> FloatArray:
    normal = spec.knobs.to_normal(np.array([requested]))
    return np.asarray(spec.knobs.to_physical(shield.project(normal).applied)[0])


def test_shield_passes_allowed_requests(spec: TaskSpec) -> None:
    """Without restrictions the request itself is put into force, without an event."""
    projection = Shield(FREE, spec, 2).project(np.array([[0.5, -0.2, 0.1], [-1.0, 1.0, -1.0]]))
    assert projection.applied == pytest.approx(np.array([[0.5, -0.2, 0.1], [-1.0, 1.0, -1.0]]))
    assert not projection.bits.any()
    assert projection.loops is QuotaLoop.DIRECT


def test_nan_keeps_the_knob_and_is_an_event(spec: TaskSpec) -> None:
    """NaN leaves a knob at its present value; the other knobs move."""
    shield = Shield(FREE, spec, 1)
    before = shield.applied.copy()
    projection = shield.project(np.array([[math.nan, 0.3, math.nan]]))
    assert projection.applied[0] == pytest.approx([before[0, 0], 0.3, before[0, 2]])
    assert projection.bits[0].tolist() == [EventKind.NOT_A_NUMBER, 0, EventKind.NOT_A_NUMBER]


def test_infinities_are_clipped_and_are_events(spec: TaskSpec) -> None:
    """Infinite requests end at the range's ends."""
    projection = Shield(FREE, spec, 1).project(np.array([[math.inf, -math.inf, 7.0]]))
    assert projection.applied[0] == pytest.approx([1.0, -1.0, 1.0])
    assert (projection.bits == EventKind.LIMIT).all()


def test_quota_at_most_doubles_and_halves(spec: TaskSpec) -> None:
    """A quota moves by the slew factor per step, up and down, until it is there."""
    shield = Shield(DOUBLING, spec, 1)
    ups = [_physical(shield, spec, 512.0, 10.0, 0.0)[0] for _ in range(4)]
    assert ups == pytest.approx([128.0, 256.0, 512.0, 512.0])
    downs = [_physical(shield, spec, 100.0, 10.0, 0.0)[0] for _ in range(3)]
    assert downs == pytest.approx([256.0, 128.0, 100.0])


def test_off_is_immediate_and_costs_what_it_lasted(spec: TaskSpec) -> None:
    """Switching off works at once; after one step off the quota is back at once, later slowly."""
    shield = Shield(DOUBLING, spec, 1)
    assert _physical(shield, spec, 0.0, 10.0, 0.0)[0] == 0.0
    assert _physical(shield, spec, 64.0, 10.0, 0.0)[0] == pytest.approx(64.0)
    for _ in range(20):
        assert _physical(shield, spec, 0.0, 10.0, 0.0)[0] == 0.0
    climb = [_physical(shield, spec, 64.0, 10.0, 0.0)[0] for _ in range(3)]
    assert climb == pytest.approx([2.0, 4.0, 8.0])


def test_dead_band_keeps_small_changes_out(spec: TaskSpec) -> None:
    """Changes under the dead-band are not committed, are events, and do not add up."""
    shield = Shield(SafetyConfig(dead_band=0.05), spec, 1)
    start = shield.applied[0, 1]
    for step in (0.01, 0.02, 0.04):
        projection = shield.project(np.array([[np.nan, start + step, np.nan]]))
        assert projection.applied[0, 1] == start
        assert projection.bits[0, 1] == EventKind.DEAD_BAND
    assert shield.project(np.array([[np.nan, start + 0.06, np.nan]])).applied[0, 1] > start


@given(st.lists(st.tuples(ANY, ANY, ANY), min_size=1, max_size=20))
def test_limits_and_slew_hold_for_every_request(requests: list[tuple[float, float, float]]) -> None:
    """Whatever is asked, knobs stay finite, within limits, and quotas within the slew."""
    spec = _plain_spec()
    shield = Shield(LIMITED, spec, 1)
    quota = 64.0
    for request in requests:
        projection = shield.project(np.array([request]))
        now, share, age = spec.knobs.to_physical(projection.applied)[0]
        assert now == 0.0 or 1.0 - 1e-9 <= now <= 256.0 * (1 + 1e-9)
        assert 5.0 - 1e-9 <= share <= 50.0 + 1e-9
        assert 0.0 <= age <= 30.0
        assert now <= 2.0 * max(quota, 1.0) * (1 + 1e-9)
        changed = np.abs(projection.applied[0] - np.clip(request, -1, 1)) > 1e-5
        wrong = changed & (projection.bits[0] == 0) & ~_off_both(projection.applied[0], request)
        assert not wrong.any(), "a difference without an event"
        quota = max(now, quota / 2.0)


def _off_both(applied: FloatArray, request: tuple[float, float, float]) -> NDArray[np.bool_]:
    """Requests below -0.9 all mean off for the quota."""
    both = np.zeros(3, dtype=np.bool_)
    both[0] = applied[0] == -1.0 and request[0] < -0.9
    return both


def _plain_spec() -> TaskSpec:
    knobs = (
        Quantity("quota", "bytes/s", 1.0, 1024.0, "q", "log", off_below=-0.9, default=64.0),
        Quantity("share", "%", 1.0, 100.0, "s", "log", default=10.0),
        Quantity("age", "s", 0.0, 30.0, "a", "symlog"),
    )
    seen = QuantitySet((Quantity("seen", "ratio", 0.0, 1.0, "x"),))
    return TaskSpec("test", seen, QuantitySet(knobs), 1.0)


def test_reset_forgets_only_the_marked_machines(spec: TaskSpec, idle: Telemetry) -> None:
    """A reset puts defaults into force on marked machines and leaves the others alone."""
    shield = Shield(DOUBLING, spec, 2)
    shield.project(np.full((2, 3), 0.9))
    kept = shield.applied[1].copy()
    shield.reset(np.array([True, False]), idle)
    assert spec.knobs.to_physical(shield.applied)[0] == pytest.approx([64.0, 10.0, 0.0])
    assert shield.applied[1] == pytest.approx(kept)


def test_wrong_shape_raises(spec: TaskSpec) -> None:
    """A request that is not one row per machine is a caller's error."""
    with pytest.raises(ValueError, match=r"shape \(1, 2\), expected \(1, 3\)"):
        Shield(FREE, spec, 1).project(np.zeros((1, 2)))


def test_records_say_what_was_asked_and_done(spec: TaskSpec) -> None:
    """Every bit becomes one record with names and numbers; NaN becomes None."""
    shield = Shield(LIMITED, spec, 2)
    requested = np.array([[shield.applied[0, 0], 0.0, math.nan], [9.0, 0.0, 0.0]])
    projection = shield.project(requested)
    steps = np.array([4, 7])
    records = event_records(projection.bits, requested, projection.applied, spec.knobs.names, steps)
    assert [(row["machine"], row["knob"], row["kind"], row["step"]) for row in records] == [
        (0, "age", "not_a_number", 4),
        (1, "quota", "limit", 7),
        (1, "quota", "slew", 7),
    ]
    assert records[0]["requested"] is None
    assert records[1]["requested"] == 9.0
    assert event_counts(projection.bits).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("config", "error"),
    [
        (SafetyConfig(limits={"quotta": (0.0, 1.0)}), UnknownNameError),
        (SafetyConfig(slew={"age": 2.0}), ConfigError),
        (SafetyConfig(fallback={"shar": 2.0}), UnknownNameError),
    ],
)
def test_configuration_that_does_not_fit_the_task_is_refused(
    spec: TaskSpec, config: SafetyConfig, error: type[Exception]
) -> None:
    """Knobs that do not exist, or have no factor, are named."""
    with pytest.raises(error):
        Shield(config, spec, 1)


@pytest.mark.parametrize(
    "values",
    [
        {"limits": {"quota": (2.0, 1.0)}},
        {"slew": {"quota": 1.0}},
        {"dead_band": -0.1},
        {"breaker": {"patience_steps": 0}},
        {"breaker": {"hold_s": 100.0, "longest_hold_s": 50.0}},
        {"dead_bandd": 0.1},
    ],
)
def test_wrong_values_are_refused(values: dict[str, object]) -> None:
    """Configuration outside its ranges, or with unknown keys, ends in one line."""
    with pytest.raises(ConfigError):
        safety_config(values)


def test_shipped_choices_compose() -> None:
    """Both files of conf/safety are readable and say what their names promise."""
    assert safety_config("default").breaker is not None
    off = safety_config("off")
    assert (off.name, off.breaker, off.slew, off.dead_band) == ("off", None, {}, 0.0)


def test_one_name_limits_the_knob_of_every_node(spec: TaskSpec) -> None:
    """Limits, slew and fall-back named without a node hold for each node's knob."""
    quota, share = spec.knobs["quota"], spec.knobs["share"]
    knobs = QuantitySet(
        (replace(quota, name="node0_quota"), replace(quota, name="node2_quota"), share)
    )
    shield = Shield(LIMITED, replace(spec, knobs=knobs), 1)
    doubled = _physical(shield, replace(spec, knobs=knobs), 1024.0, 1024.0, 100.0)
    assert doubled == pytest.approx([128.0, 128.0, 50.0], rel=1e-5)
    for _ in range(3):
        limited = _physical(shield, replace(spec, knobs=knobs), 1024.0, 1.0, 1.0)
    assert limited == pytest.approx([256.0, 16.0, 5.0], rel=1e-5)
