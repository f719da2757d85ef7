"""The driver: a policy at the wheel, and every way it leaves it."""

import errno
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.artifact import ObservedRange
from damosrl.daemon.decision import Mode
from damosrl.daemon.settings import GuardSettings
from damosrl.damon import GoalTuner
from damosrl.knobs import Float32Array
from damosrl.testing.faulty_files import Fault
from damosrl_tasks.tiering.knobs import KNOBS, MIB
from damosrl_tasks.tiering.quantities import OBSERVATION
from tests.daemon.rig import Rig, keeping, rig, tiering_artifact

HIGH, LOW = np.ones(5, np.float32), np.full(5, -1.0, np.float32)
FALLBACK_BYTES = 200 * 2**20
"""Both quotas of conf/safety/default.yaml's fall-back configuration."""


def loops(found: Rig) -> list[GoalTuner | None]:
    """Return the goal tuner of every scheme in force; None where it has no goal."""
    schemes = [kdamond.contexts[0].schemes[0] for kdamond in found.in_force().kdamonds]
    return [item.quota.goal_tuner if item.quota.goals else None for item in schemes]


def test_what_the_policy_asks_is_in_the_kernels_files_within_the_slew(tmp_path: Path) -> None:
    """What the policy asks is in the kernels files within the slew."""
    with rig(tmp_path, lambda _: HIGH) as found:
        decision = found.step()
        assert decision.mode is Mode.ACTIVE
        assert decision.committed
        assert found.quotas() == {"demotion": FALLBACK_BYTES * 2, "promotion": FALLBACK_BYTES * 2}
        assert decision.requested["promotion_quota"] == pytest.approx(1024 * MIB)
        assert decision.applied["promotion_quota"] == pytest.approx(400 * MIB)
        assert ("promotion_quota", "slew") in [(v.knob, v.kind) for v in decision.vetoes]


def test_a_decision_explains_itself_by_every_feature(tmp_path: Path) -> None:
    """A decision explains itself by every feature."""
    with rig(tmp_path) as found:
        found.steps(2)
        decision = found.step()
        assert tuple(decision.features) == OBSERVATION.names
        assert decision.features["ping_pong"] is None
        assert decision.features["fast_free"] is not None
        assert decision.decision_us > decision.policy_us > 0


def test_a_shadow_decides_and_commits_nothing(tmp_path: Path) -> None:
    """A shadow decides and commits nothing."""
    with rig(tmp_path, lambda _: HIGH, mode=Mode.SHADOW) as found:
        decisions = found.steps(5)
        assert {decision.mode for decision in decisions} == {Mode.SHADOW}
        assert not any(decision.committed for decision in decisions)
        assert found.quotas() == {"demotion": 1, "promotion": 1}


def test_a_canary_counts_for_its_share_of_the_way_from_the_fallback(tmp_path: Path) -> None:
    """A canary counts for its share of the way from the fallback."""
    with rig(tmp_path, lambda _: LOW, mode=Mode.CANARY, canary=10.0) as found:
        decision = found.steps(3)[-1]
        fallback = KNOBS["hot_threshold"].to_normal(np.array(5.0))
        wanted = KNOBS["hot_threshold"].to_physical(fallback + 0.1 * (-1.0 - fallback))
        assert decision.mode is Mode.CANARY
        assert decision.applied["hot_threshold"] == pytest.approx(float(wanted))
        assert "canary" in {veto.kind for veto in decision.vetoes}


@pytest.mark.parametrize(
    "answer",
    [np.full(5, np.nan), np.full(5, np.inf), np.zeros(3), np.zeros((5, 5)), "nonsense", None],
)
def test_nonsense_of_a_policy_never_crosses_a_limit(tmp_path: Path, answer: object) -> None:
    """Nonsense of a policy never crosses a limit."""
    with rig(tmp_path, lambda _: answer) as found:
        decisions = found.steps(20)
        for decision in decisions:
            for name, value in decision.applied.items():
                assert KNOBS[name].low <= value * (1 + 1e-9)
                assert value <= KNOBS[name].high * (1 + 1e-9)
        assert all(decision.committed for decision in decisions)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-3, 3) | st.just(np.nan), min_size=5, max_size=5),
        min_size=5,
        max_size=25,
    )
)
def test_no_series_of_requests_crosses_a_limit_or_outruns_the_slew(
    tmp_path_factory: pytest.TempPathFactory, series: list[list[float]]
) -> None:
    """No series of requests crosses a limit or outruns the slew."""
    requests = iter(series)
    with rig(
        tmp_path_factory.mktemp("run"), lambda _: np.array(next(requests), np.float32)
    ) as found:
        before = FALLBACK_BYTES
        for _ in series:
            found.step()
            quota = found.quotas()["promotion"]
            assert quota <= 2**30
            assert quota <= 2 * max(before, MIB) * 1.001
            before = max(quota, before if quota == 1 else 0)


def test_an_oscillating_policy_moves_no_more_than_its_quota_allows(tmp_path: Path) -> None:
    """An oscillating policy moves no more than its quota allows."""
    turns = iter([HIGH, LOW] * 50)
    with rig(tmp_path, lambda _: next(turns)) as found:
        quotas = [(found.step(), found.quotas()["promotion"])[1] for _ in range(100)]
        assert max(quotas) <= FALLBACK_BYTES * 2
        assert set(quotas[1::2]) == {1}


def test_missing_snapshots_are_held_then_given_to_the_kernels_loop_and_taken_back(
    tmp_path: Path,
) -> None:
    """Missing snapshots are held then given to the kernels loop and taken back."""
    with rig(tmp_path, lambda _: HIGH, stale_steps=3) as found:
        found.steps(3)
        before = found.in_force()
        found.talks = False
        silent = found.steps(12)
        held = [d for d in silent if d.mode is Mode.ACTIVE and d.reason]
        assert "missing: snapshot" in held[0].reason
        assert not any(decision.committed for decision in held)
        assert silent[-1].mode is Mode.FALLBACK
        assert loops(found) == [GoalTuner.CONSIST] * 2
        assert found.in_force() != before
        found.talks = True
        assert [d.mode for d in found.steps(4)][-1] is Mode.ACTIVE


@pytest.mark.parametrize(
    ("suffix", "text", "words"),
    [
        ("pressure/memory", "some avg10=banana", "missing: pressure"),
        ("pressure/memory", "", "missing: pressure"),
        ("node0/meminfo", "Node 0 MemTotal: x kB", "missing: nodes"),
        ("stats/sz_applied", "banana", "garbage"),
        ("stats/sz_applied", str(2**60), "jumped"),
        ("kdamonds/0/pid", "", "garbage"),
    ],
)
def test_garbage_in_the_hosts_files_is_not_used(
    tmp_path: Path, suffix: str, text: str, words: str
) -> None:
    """Garbage in the hosts files is not used."""
    with rig(tmp_path) as found:
        found.steps(2)
        found.faults.append(Fault(suffix, text=text))
        decision = found.step()
        assert words in decision.reason
        assert not decision.committed


@pytest.mark.parametrize(
    ("number", "times"), [(errno.EBUSY, 10**6), (errno.EINVAL, 1), (errno.EIO, 1)]
)
def test_a_kernel_that_refuses_keeps_the_last_safe_action(
    tmp_path: Path, number: int, times: int
) -> None:
    """A kernel that refuses keeps the last safe action."""
    turns = iter([HIGH, LOW, HIGH] + [keeping(LOW)] * 20)
    with rig(tmp_path, lambda _: next(turns)) as found:
        found.step()
        before = found.quotas()
        found.faults.append(Fault("state <- commit", number=number, times=times))
        decision = found.step()
        assert found.quotas() == before
        assert decision.refused or decision.reason
        assert not decision.committed
        found.faults.clear()
        assert found.steps(3)[-1].committed


def test_a_kernel_that_hangs_costs_a_decision_and_no_more(tmp_path: Path) -> None:
    """A commit that does not come back in time is refused; when it has, all goes on."""
    turns = iter([HIGH, LOW] + [HIGH] * 20)
    with rig(tmp_path, lambda _: next(turns)) as found:
        found.step()
        found.faults.append(Fault("state <- commit", hang_s=4 * found.kernel.config.time_limit_s))
        decision = found.step()
        assert not decision.committed
        assert "commit" in str(decision.refused)
        assert decision.applied["promotion_quota"] == pytest.approx(400 * MIB)
        time.sleep(5 * found.kernel.config.time_limit_s)
        assert found.steps(3)[-1].committed


def test_kdamonds_that_stand_still_are_noticed(tmp_path: Path) -> None:
    """Telemetry that is frozen is given to the kernel's loop, and taken back when it moves."""
    with rig(tmp_path, frozen_s=5.0, stale_steps=2) as found:
        found.steps(3)
        found.works = False
        frozen = found.steps(12)
        assert "frozen" in frozen[-1].reason
        assert frozen[-1].mode is Mode.FALLBACK
        found.works = True
        assert found.steps(4)[-1].mode is Mode.ACTIVE


def test_pressure_beyond_a_guard_leads_to_the_kernels_loop_and_back_later(tmp_path: Path) -> None:
    """Pressure beyond a guard leads to the kernels loop and back later."""
    guards = GuardSettings(psi_some_percent=20.0, patience_steps=2)
    with rig(tmp_path, guards=guards) as found:
        found.steps(2)
        found.kernel.host.set_pressure(10**6, 0, (0.4, 0.1, 0.0), (0.0, 0.0, 0.0))
        decisions = found.steps(3)
        assert [d.mode for d in decisions] == [Mode.ACTIVE, Mode.FALLBACK, Mode.FALLBACK]
        assert decisions[1].guards == ("psi_some_percent: 40, limit 20",)
        assert "guard psi_some_percent" in decisions[1].reason
        found.kernel.host.set_pressure(10**6, 0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        after = found.steps(40)
        assert after[-1].mode is Mode.ACTIVE
        assert sum(d.mode is Mode.FALLBACK for d in after) in range(25, 32)


def test_a_policy_far_from_its_training_is_not_trusted(tmp_path: Path) -> None:
    """A policy far from its training is not trusted."""
    size = len(OBSERVATION)
    nowhere = ObservedRange((0.99,) * size, (1.0,) * size)
    with rig(tmp_path, artifact=tiering_artifact(observed=nowhere), outside_time_s=5.0) as found:
        decisions = found.steps(10)
        assert decisions[0].outside_ratio is not None
        assert decisions[0].outside_ratio > 0.8
        assert decisions[-1].mode is Mode.FALLBACK
        assert "outside training" in decisions[-1].reason


def test_the_owner_gets_the_kernels_loop_at_once(tmp_path: Path) -> None:
    """The owner gets the kernels loop at once."""
    with rig(tmp_path, lambda _: HIGH) as found:
        found.steps(2)
        decision = found.step(fallback=True)
        assert (decision.mode, decision.reason) == (Mode.FALLBACK, "asked for by a signal")
        assert loops(found) == [GoalTuner.CONSIST] * 2
        assert found.quotas() == {"demotion": FALLBACK_BYTES, "promotion": FALLBACK_BYTES}


def test_a_missing_reading_does_not_hide_that_the_kernels_loop_is_at_the_wheel(
    tmp_path: Path,
) -> None:
    """While the breaker is open, a decision that is held says fall-back as the others do."""
    with rig(tmp_path) as found:
        found.steps(2)
        found.step(fallback=True)
        found.faults.append(Fault("pressure/memory", text=""))
        held = found.step()
        assert "missing: pressure" in held.reason
        assert (held.mode, held.committed) == (Mode.FALLBACK, False)


def test_the_kill_switch_holds_as_long_as_it_is_on(tmp_path: Path) -> None:
    """The kill switch holds as long as it is on."""
    with rig(tmp_path, lambda _: HIGH) as found:
        found.steps(2)
        stopped = [found.step(stopped=True) for _ in range(50)]
        assert {decision.mode for decision in stopped} == {Mode.STOPPED}
        assert loops(found) == [GoalTuner.CONSIST] * 2
        assert found.step().mode is Mode.ACTIVE


def test_everything_is_as_it_was_at_the_end(tmp_path: Path) -> None:
    """Everything is as it was at the end."""
    with rig(tmp_path, lambda _: HIGH) as found:
        before = found.kernel
        found.steps(3)
    folder = before.roots.damon / "kdamonds"
    assert before.tree.read(folder / "nr_kdamonds").strip() == "0"


def test_equal_runs_decide_equally(tmp_path: Path) -> None:
    """Equal runs decide equally."""

    def run(name: str) -> list[dict[str, float]]:
        def react(observation: Float32Array) -> Float32Array:
            return observation[:5] * np.float32(0.7)

        with rig(tmp_path / name, react) as found:
            return [decision.applied for decision in found.steps(8)]

    assert run("first") == run("second")
