"""What a tuner can do to guests at the worst, with the limits of the task and without."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import damosrl_envs  # noqa: F401  registers
from damosrl.knobs import FloatArray

LONGEST_STALL_S = 12
"""Average over 10 s plus patience would allow 15; a refused request trips at once."""
ID = "damosrl/Acma-v0"
STEPS = 300
SQUEEZE = {
    "min_memory": 5.0,
    "max_memory": 20.0,
    "pressure_target": 10.0,
    "balloon": 80.0,
    "unplug": 80.0,
    "page_reporting": 1.0,
    "reclaim_rate": 2.0**30,
    "reclaim_quota": 200.0,
    "shrink_quota": 200.0,
}


def make(size: int, **keywords: Any) -> Any:
    """Build hosts whose programs grow in bursts."""
    usual = {"steps": STEPS, "workload": "acma_burst", "autoreset": "disabled"}
    return gymnasium.make_vec(ID, num_envs=size, **{**usual, **keywords})


def squeeze(env: Any) -> FloatArray:
    """Return the action that takes all that the knobs can take."""
    spec = env.unwrapped.task_spec
    knobs = {name: SQUEEZE[name] for name in spec.knobs.names if name in SQUEEZE}
    return np.asarray(spec.action(**knobs))


def squeezed(safety: str, size: int = 4) -> dict[str, FloatArray]:
    """Take all that can be taken, always; return what happened, ``(steps, N)`` by name."""
    env = make(size, safety=safety)
    env.reset(seed=11)
    action = np.tile(squeeze(env), (size, 1))
    infos = [env.step(action)[4] for _ in range(STEPS)]
    names = ("failed_bytes", "psi_some_ratio", "worst_slowdown", "fallback")
    return {name: np.array([info[name] for info in infos]) for name in names}


def longest_stall_s(psi_some_ratio: FloatArray) -> int:
    """Return the longest time above the breaker's pressure on any machine, ``(steps, N)``."""
    longest = 0
    for machine in psi_some_ratio.T > 0.5:
        run = 0
        for stalls in machine:
            run = run + 1 if stalls else 0
            longest = max(longest, run)
    return longest


def test_a_squeezing_policy_is_bounded_by_the_breaker() -> None:
    """Squeezed guests stall and fail a fraction under the limits of what they do without."""
    kept, loose = squeezed("acma"), squeezed("off")
    assert loose["failed_bytes"].sum() > 0.0
    assert kept["failed_bytes"].sum() < 0.4 * loose["failed_bytes"].sum()
    stalled = [(one["psi_some_ratio"] > 0.5).mean() for one in (kept, loose)]
    assert stalled[0] < 0.3 * stalled[1]
    assert longest_stall_s(kept["psi_some_ratio"]) <= LONGEST_STALL_S
    assert longest_stall_s(loose["psi_some_ratio"]) > LONGEST_STALL_S
    assert kept["worst_slowdown"].mean() < loose["worst_slowdown"].mean()
    assert kept["fallback"].any(axis=0).all()


def test_in_the_fall_back_nothing_is_refused() -> None:
    """A guest that was squeezed gets what it asks for from the second second of the fall-back."""
    kept = squeezed("acma")
    inside = kept["fallback"].astype(np.bool_)
    back = inside[1:] & inside[:-1]
    assert back.any()
    assert kept["failed_bytes"][1:][back].sum() == 0.0


def test_the_fall_back_returns_all_memory_within_seconds() -> None:
    """Once tripped, balloons and the stack are empty and every given block is back."""
    env = make(1)
    env.reset(seed=11)
    loop = env.unwrapped._loop
    action = squeeze(env)[None]
    for _ in range(STEPS):
        *_, info = env.step(action)
        if info["fallback"][0]:
            break
    assert info["fallback"][0]
    for _ in range(10):
        *_, info = env.step(action)
    gauges = loop.world.machines.read().gauges
    assert gauges.balloon_bytes.sum() == 0.0
    lent = loop.world.machines.state.guests["lent"] * 2.0**21
    assert np.array_equal(gauges.usable_bytes, gauges.memory_bytes - lent)


def test_overcommitting_a_host_trips_too() -> None:
    """A tuner that gives the host nothing back hands it to the fall-back, which reports again."""
    over = {}
    for safety in ("acma", "off"):
        env = make(4, safety=safety)
        env.reset(seed=11)
        idle = env.unwrapped.task_spec.action(page_reporting=0.0, pressure_target=0.0)
        infos = [env.step(np.tile(idle, (4, 1)))[4] for _ in range(STEPS)]
        over[safety] = np.array([info["overrun_ratio"] for info in infos])
    assert over["off"].mean() > 0.03
    assert over["acma"].mean() < 0.5 * over["off"].mean()


@pytest.mark.parametrize("control", ["parameters", "quotas"])
@pytest.mark.parametrize("rivals", [True, False])
def test_each_form_of_the_task_has_a_breaker_by_default(control: str, rivals: bool) -> None:
    """Nobody has to ask for the limits: taking all that the knobs can take trips them."""
    env = make(1, task={"name": "acma", "control": control, "rivals": rivals})
    env.reset(seed=11)
    action = squeeze(env)[None]
    tripped = [env.step(action)[4]["fallback"][0] for _ in range(STEPS)]
    assert any(tripped)


@settings(max_examples=12, deadline=None)
@given(
    levels=st.lists(
        st.lists(st.floats(-1.0, 1.0) | st.sampled_from([-1.0, 1.0]), min_size=8, max_size=8),
        min_size=1,
        max_size=4,
    ),
    seed=st.integers(0, 2**16),
)
def test_no_policy_stalls_a_guest_for_long(levels: list[list[float]], seed: int) -> None:
    """Whatever knobs follow one another, high pressure and refusals end within seconds.

    Four minutes under arbitrary knobs, a minute each; squeezing without limits breaks the bound.
    """
    env = make(1, steps=240)
    env.reset(seed=seed)
    pressure, refused_in_fall_back = [], 0.0
    before = False
    for step in range(240):
        *_, info = env.step(np.array([levels[step // 60 % len(levels)]], np.float32))
        pressure.append(info["psi_some_ratio"])
        inside = bool(info["fallback"][0])
        if inside and before:
            refused_in_fall_back += float(info["failed_bytes"][0])
        before = inside
    assert longest_stall_s(np.array(pressure)) <= LONGEST_STALL_S
    assert refused_in_fall_back == 0.0
