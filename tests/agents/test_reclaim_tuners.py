"""Tuners of reclaim against trajectories computed by hand."""

import math

import numpy as np
import pytest

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl_agents.reclaim.cold_age import ColdAge
from damosrl_agents.reclaim.damon_reclaim import DamonReclaimModule
from damosrl_agents.reclaim.gswap import GSwap
from damosrl_agents.reclaim.oracle import ReclaimOracle
from damosrl_agents.reclaim.senpai import Senpai
from damosrl_agents.reclaim.senpai_immediate import SenpaiImmediate
from damosrl_agents.reclaim.tmo import Tmo
from tests.agents.conftest import MIB, Observe

GIB = 1024 * MIB


def _knob(spec: TaskSpec, action: Float32Array, name: str) -> float:
    place = spec.knobs.index(name)
    return float(spec.knobs.items[place].to_physical(np.asarray(action[place], np.float64)))


def _stall(microseconds: float) -> float:
    """Return the per cent of a 6 s interval."""
    return microseconds / 6e6 * 100.0


def test_senpai_follows_its_formula(reclaim_spec: TaskSpec, feel: Observe) -> None:
    """Limit and quota equal those computed by hand, probing and backing off."""
    tuner = Senpai()
    tuner.reset(reclaim_spec, seed=0)
    first = tuner.act(feel(resident=8 * GIB))
    assert tuner.limit_bytes == pytest.approx(8 * GIB, rel=1e-5)
    assert _knob(reclaim_spec, first, "reclaim_quota") == 0.0
    # I = 0: (10000 / 1 / 10)^2 x 0.01 is beyond max_probe: L = 8 GiB x 0.99; excess 1 % of 8 GiB
    second = tuner.act(feel(resident=8 * GIB))
    assert tuner.limit_bytes == pytest.approx(8 * GIB * 0.99, rel=1e-5)
    quota = _knob(reclaim_spec, second, "reclaim_quota")
    assert quota == pytest.approx(0.01 * 8 * GIB / 6.0, rel=1e-3)
    # resident has followed; I = 5000: (2 / 10)^2 x 0.01 = 0.0004: L = 7.92 GiB x 0.9996
    tuner.act(feel(resident=7.92 * GIB, psi_now=_stall(5_000)))
    assert tuner.limit_bytes == pytest.approx(7.92 * GIB * 0.9996, rel=1e-5)
    # I = 100000: (10 / 20)^2 x 1 = 0.25: L grows by a quarter, and nothing goes out
    last = tuner.act(feel(resident=7.92 * GIB, psi_now=_stall(100_000)))
    assert tuner.limit_bytes == pytest.approx(7.92 * GIB * 0.9996 * 1.25, rel=1e-4)
    assert _knob(reclaim_spec, last, "reclaim_quota") == 0.0


def test_senpai_grows_at_once_and_shrinks_once_an_interval(
    reclaim_spec: TaskSpec, feel: Observe
) -> None:
    """With an interval of two decisions, probing waits for the second; backing off does not."""
    tuner = Senpai(interval_s=12.0)
    tuner.reset(reclaim_spec, seed=0)
    limits = []
    for stall in (0.0, 0.0, 0.0, 0.0, 400_000.0):
        tuner.act(feel(resident=4 * GIB, psi_now=_stall(stall)))
        limits.append(tuner.limit_bytes / (4 * GIB))
    assert limits == pytest.approx([1.0, 1.0, 0.99, 0.99, 0.99 * 2.0], rel=1e-4)


def test_senpai_is_not_driven_where_memory_cannot_follow(
    reclaim_spec: TaskSpec, feel: Observe
) -> None:
    """With memory that does not go out, the limit stays within two probes of what is resident."""
    tuner = Senpai()
    tuner.reset(reclaim_spec, seed=0)
    for _ in range(100):
        tuner.act(feel(resident=8 * GIB))
    assert tuner.limit_bytes >= 8 * GIB * 0.99**2 * (1 - 1e-5)


def test_senpai_immediate_reclaims_while_calm(reclaim_spec: TaskSpec, feel: Observe) -> None:
    """It takes (current - min) x max_probe per interval, nothing under pressure or without swap."""
    tuner = SenpaiImmediate(min_gib=1.0)
    tuner.reset(reclaim_spec, seed=0)

    def quota(**features: float) -> float:
        return _knob(reclaim_spec, tuner.act(feel(resident=9 * GIB, **features)), "reclaim_quota")

    assert quota() == pytest.approx(8 * GIB * 0.01 / 6.0, rel=1e-3)
    assert quota(psi_some=0.2) == 0.0
    assert quota(psi_some_60=0.2) == 0.0
    assert quota(swap_use=0.9) == 0.0
    assert quota(psi_some=0.05) > 0.0


def test_tmo_follows_its_formula(reclaim_spec: TaskSpec, feel: Observe) -> None:
    """Reclaim = current x 0.0005 x max(0, 1 - PSI / 0.1 %), spread over 6 s."""
    tuner = Tmo()
    tuner.reset(reclaim_spec, seed=0)
    quotas = [
        _knob(reclaim_spec, tuner.act(feel(resident=64 * GIB, psi_some=psi)), "reclaim_quota")
        for psi in (0.0, 0.025, 0.05, 0.1, 5.0)
    ]
    amount = 64 * GIB * 0.0005 / 6.0
    # half of it is still above the smallest quota, 1 MiB/s
    assert quotas == pytest.approx([amount, 0.75 * amount, 0.5 * amount, 0.0, 0.0], rel=1e-3)


def test_gswap_takes_the_smallest_age_that_calls_back_little(
    reclaim_spec: TaskSpec, feel: Observe
) -> None:
    """Of a working set of 8 GiB 17 MB may come back per minute: 30 s is the first that fits."""
    tuner = GSwap(start_s=0.0, percentile=50.0)
    tuner.reset(reclaim_spec, seed=0)
    shown = {"resident": 16 * GIB, "cold_120": 0.5, "touched_1": 0.01, "touched_5": 0.005,
             "touched_15": 0.001, "touched_30": 0.00008, "touched_60": 0.0}  # fmt: skip
    actions = [tuner.act(feel(**shown)) for _ in range(10)]
    # touched_30: 10 x 0.00008 x 16 GiB = 13.7 MB of 0.2 % x 8 GiB = 17.2 MB; touched_15: 172 MB
    assert _knob(reclaim_spec, actions[8], "reclaim_quota") == 0.0
    assert tuner.cold_age_s == 30.0
    assert _knob(reclaim_spec, actions[9], "cold_age") == pytest.approx(30.0, rel=1e-4)
    assert _knob(reclaim_spec, actions[9], "reclaim_quota") > 0.0


def test_gswap_answers_a_bad_minute_at_once_and_a_good_one_slowly(
    reclaim_spec: TaskSpec, feel: Observe
) -> None:
    """A minute whose best age is larger rules; after it the percentile of all minutes does."""
    tuner = GSwap(start_s=0.0, percentile=50.0)
    tuner.reset(reclaim_spec, seed=0)
    calm = {"resident": 16 * GIB, "touched_1": 0.0}
    storm = {**calm, "touched_1": 0.1, "touched_5": 0.1, "touched_15": 0.1, "touched_30": 0.1}
    ages = []
    for minute in (calm, calm, storm, calm, calm):
        for _ in range(10):
            tuner.act(feel(**minute))
        ages.append(tuner.cold_age_s)
    # best ages 1, 1, 60, 1, 1; medians 1, 1, 1, 1, 1
    assert ages == [1.0, 1.0, 60.0, 1.0, 1.0]


def test_gswap_counts_what_faults_bring_back(reclaim_spec: TaskSpec, feel: Observe) -> None:
    """Faults at the age in force push the age up when they are more than is allowed."""
    tuner = GSwap(start_s=0.0)
    tuner.reset(reclaim_spec, seed=0)
    for _ in range(10):
        tuner.act(feel(resident=16 * GIB))
    assert tuner.cold_age_s == 1.0
    for _ in range(10):
        tuner.act(feel(resident=16 * GIB, swap_in=100 * MIB))
    assert tuner.cold_age_s == 5.0


def test_damon_reclaim_follows_its_watermarks(reclaim_spec: TaskSpec, feel: Observe) -> None:
    """It wakes below the middle mark, sleeps above the high and below the low one."""
    tuner = DamonReclaimModule()
    tuner.reset(reclaim_spec, seed=0)
    quotas = [
        _knob(reclaim_spec, tuner.act(feel(free=free)), "reclaim_quota") / MIB
        for free in (60.0, 45.0, 35.0, 45.0, 55.0, 45.0, 35.0, 10.0)
    ]
    assert quotas == pytest.approx([0, 0, 128, 128, 0, 0, 128, 0], rel=1e-4)


def test_damon_reclaim_says_its_age_and_pressure(reclaim_spec: TaskSpec, feel: Observe) -> None:
    """120 s and 10 ms per second become a cold age and a pressure target."""
    tuner = DamonReclaimModule(quota_mem_pressure_us=10_000, wmarks_low=0, wmarks_mid=1000,
                               wmarks_high=1000)  # fmt: skip
    tuner.reset(reclaim_spec, seed=0)
    action = tuner.act(feel(free=5.0))
    assert _knob(reclaim_spec, action, "cold_age") == pytest.approx(120.0, rel=1e-4)
    assert _knob(reclaim_spec, action, "psi_target") == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("psi", [0.0, -1.0, 100.5, math.nan])
@pytest.mark.parametrize("kind", [ColdAge, SenpaiImmediate, Tmo])
def test_a_pressure_of_nothing_or_more_than_all_is_refused(kind: type, psi: float) -> None:
    """Pressure targets lie above 0 and at most at 100 %; the message names the parameter."""
    name = "psi_target_percent" if kind is ColdAge else "pressure_percent"
    with pytest.raises(ConfigError, match=name):
        kind(**{name: psi})


def test_wrong_parameters_are_refused() -> None:
    """Stalls longer than their window, and quotas without a limit, get one line."""
    with pytest.raises(ConfigError, match="longer than its window"):
        DamonReclaimModule(quota_mem_pressure_us=2_000_000)
    with pytest.raises(ConfigError, match="without a limit"):
        DamonReclaimModule(quota_sz=0)
    with pytest.raises(ConfigError, match="pressure_us"):
        Senpai(pressure_us=7e6)
    with pytest.raises(ConfigError, match="slowdown_price"):
        ReclaimOracle(slowdown_price=0.0)


def test_tuners_of_reclaim_name_what_tiering_lacks(tiering_spec: TaskSpec) -> None:
    """On another task each says by name what it needs."""
    for tuner in (Senpai(), SenpaiImmediate(), Tmo(), GSwap(), DamonReclaimModule()):
        with pytest.raises(ConfigError, match="cannot work on task sample-tiering-v0"):
            tuner.reset(tiering_spec, seed=0)
