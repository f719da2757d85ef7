"""What a tuner sees, from telemetry built by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from damosrl.knobs import FloatArray
from damosrl.machine import SchemeStats, Telemetry
from damosrl_tasks.tiering.config import TieringConfig
from damosrl_tasks.tiering.knobs import KNOBS
from damosrl_tasks.tiering.quantities import OBSERVATION
from damosrl_tasks.tiering.reward import reward_config
from damosrl_tasks.tiering.task import TieringTask

MIB = 2**20
ONE = np.array([True])
Build = Callable[..., Telemetry]
HOT = (((40, 18, 5), (60, 0, 50)), ((100, 9, 0), (200, 1, 3)))


def _task(machines: int = 1) -> TieringTask:
    return TieringTask(machines, 2, TieringConfig(), reward_config("psi"))


def _features(task: TieringTask, telemetry: Telemetry, **knobs: float) -> dict[str, float]:
    applied = np.tile(task.spec.action(**knobs).astype(np.float64), (len(telemetry.time_s), 1))
    outcome = task.outcome(telemetry, applied, None)
    physical: FloatArray = OBSERVATION.to_physical(outcome.observation.astype(np.float64))
    return dict(zip(OBSERVATION.names, physical[0].tolist(), strict=True))


def _stats(tried: list[int], applied: list[int], exceeds: list[int]) -> SchemeStats:
    """Counters of (demotion on node 0, promotion on node 1)."""

    def column(values: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return np.array(values, dtype=np.int64).reshape(1, 2, 1)

    zero = column([0, 0])
    return SchemeStats(zero, column(tried), zero, column(applied), column(exceeds), zero, zero)


def test_observation_has_about_forty_named_features() -> None:
    """Names are unique, and every feature says its unit and its meaning."""
    assert 24 <= len(OBSERVATION) <= 40
    assert len(set(OBSERVATION.names)) == len(OBSERVATION)
    assert all(item.unit and item.meaning.endswith(".") for item in OBSERVATION.items)


def test_histograms_are_shares_of_a_tiers_bytes(build: Build) -> None:
    """Bins count bytes, not regions, and every tier's bins sum to one."""
    task = _task()
    task.reset(ONE, build())
    seen = _features(task, build(HOT, time_s=np.ones(1)))
    assert seen["fast_heat_70"] == pytest.approx(0.4, rel=1e-5)
    assert seen["fast_heat_0"] == pytest.approx(0.6, rel=1e-5)
    assert seen["slow_heat_40"] == pytest.approx(1 / 3, rel=1e-5)
    assert seen["slow_heat_5"] == pytest.approx(2 / 3, rel=1e-5)
    for tier in ("fast", "slow"):
        bins = [value for name, value in seen.items() if name.startswith(f"{tier}_heat")]
        assert sum(bins) == pytest.approx(1.0, rel=1e-5)


def test_cold_age_counts_idle_bytes_only(build: Build) -> None:
    """Idle for 5 s is in the 1 s and 5 s bins, not in the 20 s bin; accessed bytes in none."""
    task = _task()
    task.reset(ONE, build())
    seen = _features(task, build(HOT, time_s=np.ones(1)))
    assert seen["fast_cold_age_1"] == pytest.approx(0.6, rel=1e-5)
    assert seen["fast_cold_age_5"] == pytest.approx(0.6, rel=1e-5)
    assert seen["fast_cold_age_20"] == 0.0


def test_memory_features(build: Build) -> None:
    """Free share, its distance from the target in force, and the fast tier's share."""
    task = _task()
    task.reset(ONE, build())
    seen = _features(task, build(free_mib=3.0, time_s=np.ones(1)), free_target=2.0)
    assert seen["fast_free"] == pytest.approx(3.0, rel=1e-4)
    assert seen["free_error"] == pytest.approx(1.0, abs=1e-4)
    assert seen["fast_capacity"] == pytest.approx(0.25)


def test_migration_is_measured_against_its_quota(build: Build) -> None:
    """Rates per second, share of the quota used, share that moved, windows that ran out."""
    task = _task()
    task.reset(ONE, build(stats=_stats([7, 7], [7, 7], [7, 7])))
    telemetry = build(
        time_s=np.full(1, 2.0),
        stats=_stats([7, 7 + 64 * MIB], [7, 7 + 16 * MIB], [7, 8]),
        migrated_up_bytes=np.full(1, 16.0 * MIB),
    )
    seen = _features(task, telemetry, promotion_quota=64.0 * MIB, demotion_quota=0.0)
    assert seen["promoted"] == pytest.approx(8 * MIB, rel=1e-4)
    assert seen["demoted"] == 0.0
    assert seen["promotion_use"] == pytest.approx(0.5, rel=1e-4)
    assert seen["promotion_success"] == pytest.approx(0.25, rel=1e-4)
    assert seen["promotion_exceeds"] == pytest.approx(0.5, rel=1e-4)
    assert (seen["demotion_use"], seen["demotion_success"]) == (0.0, 1.0)


def test_ping_pong_is_a_share_that_fades(build: Build) -> None:
    """Returned over migrated bytes; after long rest it is forgotten by new migration."""
    task = _task()
    task.reset(ONE, build())
    first = build(
        time_s=np.ones(1), migrated_up_bytes=np.full(1, 8e8), returned_bytes=np.full(1, 4e8)
    )
    assert _features(task, first)["ping_pong"] == pytest.approx(0.5, abs=1e-4)
    later = replace(first, time_s=np.full(1, 61.0), migrated_up_bytes=np.full(1, 16e8))
    assert _features(task, later)["ping_pong"] < 0.01


def test_access_share_has_memory_and_notices_change(build: Build) -> None:
    """The fast mean follows in seconds, the slow one lags, the change detector rises and dies."""
    task = _task()
    good, bad = ((100, 20, 0),), ((300, 0, 0),)
    task.reset(ONE, build())
    for second in range(1, 60):
        seen = _features(task, build((good, bad), time_s=np.full(1, float(second))))
    assert seen["fast_access_share"] == pytest.approx(1.0)
    assert seen["access_change"] == pytest.approx(0.0)
    swapped = (((100, 0, 0),), ((300, 20, 0),))
    for second in range(60, 66):
        seen = _features(task, build(swapped, time_s=np.full(1, float(second))))
    assert seen["fast_access_share"] < 0.1
    assert seen["fast_access_share_10s"] > 0.4
    assert seen["fast_access_share_10s"] < seen["fast_access_share_60s"]
    assert seen["access_change"] > 0.9
    for second in range(66, 500):
        seen = _features(task, build(swapped, time_s=np.full(1, float(second))))
    assert seen["access_change"] < 0.05


def test_nothing_seen_keeps_the_share(build: Build) -> None:
    """An idle interval says nothing about where accesses go."""
    task = _task()
    task.reset(ONE, build())
    before = _features(task, build(HOT, time_s=np.ones(1)))["fast_access_share"]
    after = _features(task, build(time_s=np.full(1, 2.0)))["fast_access_share"]
    assert after == pytest.approx(before)


def test_time_stretch_is_read_off_the_oldest_region(build: Build) -> None:
    """Aging by 8.77 intervals of 100 ms per second is a stretch of 1.14, despite a reset."""
    task = _task()
    task.reset(ONE, build())
    age = 0.0
    for second in range(1, 200):
        age = 0.0 if second == 100 else age + 1 / 0.114
        nodes = (((100, 0, int(age)),), ((300, 0, 0),))
        seen = _features(task, build(nodes, time_s=np.full(1, float(second))))
    assert seen["time_stretch"] == pytest.approx(1.14, abs=0.03)


def test_pressure_and_regions(build: Build) -> None:
    """PSI in per cent; the fullest kdamond's regions against the limit."""
    task = _task()
    task.reset(ONE, build())
    telemetry = build(HOT, time_s=np.ones(1))
    telemetry.pressure.some_avg[:, 0] = 0.25
    telemetry.pressure.full_avg[:, 0] = 0.05
    seen = _features(task, telemetry)
    assert seen["psi_some"] == pytest.approx(25.0, rel=1e-4)
    assert seen["psi_full"] == pytest.approx(5.0, rel=1e-4)
    assert seen["region_use"] == pytest.approx(2 / 200, abs=1e-4)


def test_last_action_is_what_was_applied(build: Build) -> None:
    """Knobs in force come back in their own unit."""
    task = _task()
    task.reset(ONE, build())
    seen = _features(
        task, build(time_s=np.ones(1)), promotion_quota=0.0, hot_threshold=40.0, cold_age=3.0
    )
    assert seen["last_promotion_quota"] == 0.0
    assert seen["last_hot_threshold"] == pytest.approx(40.0, rel=1e-4)
    assert seen["last_cold_age"] == pytest.approx(3.0, rel=1e-3)
    assert seen["last_demotion_quota"] == pytest.approx(KNOBS["demotion_quota"].default, rel=1e-3)


def test_a_batch_is_its_machines(build: Build) -> None:
    """Features of machine i do not depend on the others, and resets touch only their own."""
    task, alone = _task(3), _task(1)
    action = np.tile(task.spec.action().astype(np.float64), (3, 1))
    task.reset(np.ones(3, dtype=np.bool_), build(machines=3))
    alone.reset(ONE, build())
    for second in (1.0, 2.0):
        many = task.outcome(build(HOT, 3, time_s=np.full(3, second)), action, None)
        one = alone.outcome(build(HOT, time_s=np.full(1, second)), action[:1], None)
        assert np.array_equal(many.observation, np.tile(one.observation, (3, 1)))
    after = task.reset(np.array([False, True, False]), build(HOT, 3))
    assert np.array_equal(after[[0, 2]], many.observation[[0, 2]])
    assert not np.array_equal(after[1], many.observation[1])


def test_extreme_telemetry_stays_in_range(build: Build) -> None:
    """Counters beyond any range give observations in [-1, 1], never NaN."""
    task = _task()
    task.reset(ONE, build())
    telemetry = build(
        HOT,
        time_s=np.zeros(1),
        stats=_stats([10**18, 10**18], [10**18, 10**18], [10**9, 10**9]),
        migrated_up_bytes=np.full(1, 1e18),
        returned_bytes=np.full(1, 1e18),
        node_total_bytes=np.zeros((1, 2)),
        latency_ns=np.full(1, np.nan),
    )
    observation = task.outcome(telemetry, np.zeros((1, 5)), None).observation
    assert np.isfinite(observation).all()
    assert (np.abs(observation) <= 1.0).all()


def test_frames_have_names_of_their_own() -> None:
    """History keeps the newest frame's names in front."""
    names = OBSERVATION.framed(3).names
    assert names[: len(OBSERVATION)] == OBSERVATION.names
    assert names[2 * len(OBSERVATION)] == f"{OBSERVATION.names[0]}@2"
    assert len(set(names)) == 3 * len(OBSERVATION)
