"""Tuners of tenants: the contract, and their formulas by hand."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.config import choices
from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.machine import MemcgTruth, QuotaLoop
from damosrl.registry import make_tuner
from damosrl.task import TaskSpec
from damosrl.testing.tuner_contract import CLAUSES
from damosrl.tuner import Tuner
from damosrl_agents.tenants.exchange import ShareExchange, ShareTargets, moved
from damosrl_agents.tenants.oracle import TenantsOracle
from damosrl_agents.tenants.shares import EqualShares, NoShares, SharesBySize
from damosrl_tasks.tenants.config import tenants_config
from damosrl_tasks.tenants.reward import reward_config
from damosrl_tasks.tenants.task import TenantsTask

LEARNERS = ("tenants_ppo",)
TUNERS = sorted(
    name for name in choices("agent") if name.startswith("tenants_") and name not in LEARNERS
)


@pytest.fixture(scope="module")
def spec() -> TaskSpec:
    """Return what tuners of web and batch are told."""
    return TenantsTask(1, 2, tenants_config("tiering_tenants"), reward_config("psi")).spec


def _see(spec: TaskSpec, **values: float) -> Float32Array:
    physical = spec.observation.defaults()
    for name, value in values.items():
        physical[spec.observation.index(name)] = value
    return spec.observation.to_normal(physical).astype(np.float32)


def _shares(spec: TaskSpec, action: Float32Array) -> list[float]:
    physical = spec.knobs.to_physical(action.astype(np.float64))
    return [float(physical[spec.knobs.index(f"{name}_share")]) for name in ("web", "batch")]


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", TUNERS)
def test_every_tuner_of_tenants_keeps_the_contract(
    name: str, clause: Callable[[Callable[[], Tuner], TaskSpec, int, int], None], spec: TaskSpec
) -> None:
    """A tuner for tenants holds each clause of the contract."""
    clause(lambda: make_tuner(name), spec, 3, 40)


def test_only_those_that_are_marked_see_the_truth() -> None:
    """The oracle and the controller on slowdowns see it; the oracle alone keeps schemes off."""
    assert [name for name in TUNERS if make_tuner(name).sees_ground_truth] == [
        "tenants_oracle",
        "tenants_targets",
    ]
    off = [name for name in TUNERS if make_tuner(name).quota_loop is QuotaLoop.OFF]
    assert off == ["tenants_oracle"]


def test_fixed_splits_are_as_named(spec: TaskSpec) -> None:
    """Even shares leave the free target out, no shares limit nobody, sizes give proportions."""
    for tuner, wanted in (
        (EqualShares(), [49.5, 49.5]),
        (NoShares(), [100.0, 100.0]),
        (SharesBySize(), [74.25, 24.75]),
    ):
        tuner.reset(spec, 0)
        seen = _see(spec, web_size=0.75, batch_size=0.25)
        assert _shares(spec, tuner.act(seen)) == pytest.approx(wanted, abs=1e-3)


def test_without_sizes_shares_by_size_are_even(spec: TaskSpec) -> None:
    """Where nobody tells sizes, no tenant is preferred."""
    tuner = SharesBySize()
    tuner.reset(spec, 0)
    assert _shares(spec, tuner.act(_see(spec))) == pytest.approx([49.5, 49.5], abs=1e-3)


@given(
    st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(-5.0, 5.0)), min_size=2, max_size=5),
    st.floats(0.0, 50.0),
    st.floats(0.0, 20.0),
)
def test_an_exchange_keeps_the_sum(
    rows: list[tuple[float, float]], step: float, least: float
) -> None:
    """What one tenant gains another loses, never below the least share, never beyond a step."""
    shares = {str(place): share for place, (share, _) in enumerate(rows)}
    need = {str(place): value for place, (_, value) in enumerate(rows)}
    after = moved(shares, need, step, least)
    assert sum(after.values()) == pytest.approx(sum(shares.values()), abs=1e-9)
    for name, share in shares.items():
        assert abs(after[name] - share) <= step + 1e-9
        assert after[name] >= min(share, least) - 1e-9
    if max(need.values()) <= 0.0:
        assert after == shares


def test_the_exchange_follows_slow_hot_memory(spec: TaskSpec) -> None:
    """Twice the limit against half of it moves a whole step; both within it move nothing."""
    tuner = ShareExchange(limits={"web": 0.2, "batch": 0.4}, step_percent=2.0)
    tuner.reset(spec, 0)
    first = _shares(spec, tuner.act(_see(spec, web_slow_hot=0.4, batch_slow_hot=0.2)))
    assert first == pytest.approx([51.5, 47.5], abs=1e-3)
    second = _shares(spec, tuner.act(_see(spec, web_slow_hot=0.1, batch_slow_hot=0.2)))
    assert second == pytest.approx(first, abs=1e-3)


class _Machine:
    def __init__(self, web: float, batch: float) -> None:
        slowdown = np.array([[9.0, 9.0], [batch, web]])
        self._truth = MemcgTruth(("/batch", "/web"), slowdown, slowdown, slowdown)

    def truth(self) -> "_Machine":
        """Return what has `memcgs`."""
        return self

    @property
    def memcgs(self) -> MemcgTruth:
        """Slowdowns of machine 1."""
        return self._truth


def test_the_controller_of_targets_follows_slowdowns(spec: TaskSpec) -> None:
    """Web 5 % beyond its target and batch 5 % within move a step of gain x difference."""
    tuner = ShareTargets(targets={"web": ("/web", 1.2), "batch": ("/batch", 1.6)}, gain=5.0)
    tuner.reset(spec, 0)
    tuner.guide(_Machine(1.26, 1.52), 1)
    assert _shares(spec, tuner.act(_see(spec))) == pytest.approx([50.5, 48.5], abs=1e-3)


def test_limits_have_to_fit_the_tenants(spec: TaskSpec) -> None:
    """A tenant without a limit, or a limit without a tenant, is an error."""
    with pytest.raises(ConfigError, match="limits of tenants_exchange"):
        ShareExchange(limits={"web": 0.2}).reset(spec, 0)
    with pytest.raises(ConfigError, match="targets of tenants_targets"):
        ShareTargets(targets={"web": ("/web", 1.2)}).reset(spec, 0)


def test_a_task_without_tenants_is_refused(tiering_spec: TaskSpec) -> None:
    """Shares mean nothing on a machine of one application."""
    with pytest.raises(ConfigError, match="has no tenants"):
        EqualShares().reset(tiering_spec, 0)


def test_the_oracle_hands_its_targets_on() -> None:
    """Budget in bytes, horizon and targets reach the machine."""
    asked = []

    class Machine:
        def share_out(self, *arguments: object) -> None:
            asked.append(arguments)

    TenantsOracle(budget_mib=2.0, horizon_s=5.0, targets={"/web": 1.2}).guide(Machine(), 3)
    assert asked == [(3, 2.0 * 2**20, 5.0, {"/web": 1.2})]
