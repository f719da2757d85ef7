"""Tiering-v0 on the real emulator: the checkers, determinism, scalar against vector."""

import math
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check

from damosrl.errors import ConfigError, DamosrlError, UnknownNameError
from damosrl_envs.tiering import ENVIRONMENT
from damosrl_envs.tiering.env import TieringEnv, TieringVectorEnv

SMALL: dict[str, Any] = {"workload": ["static_hot", "zipf"], "steps": 6}
ACTIONS = ("absolute", "relative", "discrete")
MISPLACED = {
    "footprint": "8 GiB",
    "fast_share": 0.25,
    "start": {"fast_fill": 0.97, "placement": "bad"},
    "access": {"kind": "static_hot", "hot_share": 0.15},
}
"""All hot memory is slow, the fast tier nearly full of cold memory: everything to gain."""


def _scalar(**settings: Any) -> TieringEnv:
    return TieringEnv(**{**SMALL, **settings})


def _vector(count: int, **settings: Any) -> TieringVectorEnv:
    return TieringVectorEnv(count, **{**SMALL, **settings})


@pytest.mark.parametrize("action", ACTIONS)
def test_gymnasium_checker_is_silent(action: str) -> None:
    """Gymnasium's checker passes for every form of action; its warnings would be errors."""
    env = gymnasium.make(ENVIRONMENT["id"], **SMALL, action=action)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(env.unwrapped)


@pytest.mark.parametrize("action", ACTIONS)
def test_sb3_checker_is_silent(action: str) -> None:
    """Stable-Baselines3's checker passes for every form of action, without a warning."""
    env = gymnasium.make(ENVIRONMENT["id"], **SMALL, action=action)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3_check(env)


def test_make_vec_gives_the_native_environment() -> None:
    """make_vec needs no mode to be told, and the reset mode is declared."""
    envs = gymnasium.make_vec(ENVIRONMENT["id"], num_envs=3, **SMALL)
    assert isinstance(envs.unwrapped, TieringVectorEnv)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert envs.reset(seed=1)[0].shape == (3, len(envs.unwrapped.task_spec.observation))
    assert envs.unwrapped.describe() == _scalar().describe()


def _same(left: Any, right: Any, where: str = "") -> None:
    """Compare infos in depth; NaN equals NaN."""
    if isinstance(left, dict):
        assert left.keys() == right.keys(), where
        for key in left:
            _same(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, str):
        assert left == right, where
    else:
        np.testing.assert_array_equal(left, right, err_msg=where)


@pytest.mark.parametrize("action", ACTIONS)
def test_vector_equals_scalar_seed_by_seed(action: str) -> None:
    """Machine i of the vector environment is bit for bit the scalar one with seed s + i."""
    options = {"action": action, "frames": 2, "machine": ["dram_cxl", "dram_cxl"]}
    envs, rng = _vector(3, **options), np.random.default_rng(5)
    envs.action_space.seed(5)
    singles = [_scalar(**options) for _ in range(3)]
    observation, info = envs.reset(seed=11)
    for index, env in enumerate(singles):
        alone, own = env.reset(seed=11 + index)
        np.testing.assert_array_equal(observation[index], alone)
        assert info["workload"][index] == own["workload"]
    for _ in range(14):
        actions = envs.action_space.sample()
        if action != "discrete":
            actions[rng.random(actions.shape) < 0.1] = np.nan
        observation, reward, terminated, truncated, info = envs.step(actions)
        for index, env in enumerate(singles):
            alone, gain, end, cut, own = env.step(actions[index])
            assert (gain, end, cut) == (reward[index], terminated[index], truncated[index])
            source = info["final_info"] if cut else info
            assert source["_slowdown"][index]
            for key in own:
                _same(_pick(source[key], index), own[key], key)
            if cut:
                np.testing.assert_array_equal(info["final_obs"][index], alone)
                alone, _ = env.reset()
            np.testing.assert_array_equal(observation[index], alone)


def _pick(values: Any, index: int) -> Any:
    """One machine's part of a vector info, masks left out."""
    if isinstance(values, dict):
        return {key: _pick(part, index) for key, part in values.items() if key[0] != "_"}
    return values[index]


def test_infos_are_gymnasiums_own_form() -> None:
    """The native infos have the keys and masks that Gymnasium's vectoriser builds itself."""
    own = _vector(2)
    built = gymnasium.make_vec(
        ENVIRONMENT["id"],
        num_envs=2,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
        **SMALL,
    )
    own.reset(seed=3)
    built.reset(seed=3)
    for _ in range(8):
        actions = np.zeros((2, 5), dtype=np.float32)
        left, right = own.step(actions), built.step(actions)
        np.testing.assert_array_equal(left[0], right[0])
        np.testing.assert_array_equal(left[1], right[1])
        assert left[4].keys() >= right[4].keys()
        for key in [key for key in left[4] if key.startswith("_")]:
            expected = right[4].get(key, np.zeros(2, dtype=np.bool_))
            np.testing.assert_array_equal(left[4][key], expected, err_msg=key)


def test_episodes_are_deterministic_and_seeds_matter() -> None:
    """Two environments with one seed agree over several episodes; another seed differs."""
    runs = []
    for seed in (7, 7, 8):
        envs = _vector(2)
        rows = [envs.reset(seed=seed)[0]]
        for step in range(13):
            actions = np.full((2, 5), np.sin(step), dtype=np.float32)
            observation, reward, *_ = envs.step(actions)
            rows.append(np.column_stack([observation, reward]))
        runs.append(rows)
    assert all(np.array_equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not np.array_equal(runs[0][-1], runs[2][-1])


def test_threads_change_nothing() -> None:
    """Two threads give what one gives."""
    rewards = []
    for threads in (1, 2):
        envs = _vector(4, threads=threads)
        envs.reset(seed=2)
        rewards.append([envs.step(np.full((4, 5), 0.3))[1] for _ in range(4)])
    np.testing.assert_array_equal(rewards[0], rewards[1])


@pytest.fixture(name="shared", scope="module")
def _shared() -> TieringVectorEnv:
    envs = _vector(2, steps=10_000)
    envs.reset(seed=1)
    return envs


ANY = st.floats(allow_nan=True, allow_infinity=True, width=32)


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(ANY, ANY, ANY, ANY, ANY), min_size=2, max_size=2))
def test_a_right_shape_never_raises(
    shared: TieringVectorEnv, rows: list[tuple[float, float, float, float, float]]
) -> None:
    """Any numbers are taken; knobs stay in their ranges, observations in theirs, all finite."""
    actions = np.array(rows, dtype=np.float32)
    observation, reward, *_, info = shared.step(actions)
    assert shared.observation_space.contains(observation)
    assert np.isfinite(reward).all()
    for place, knob in enumerate(shared.task_spec.knobs.items):
        values = info["knobs"][:, place]
        off = (values == 0.0) & (knob.off_below is not None)
        inside = (values >= knob.low * (1 - 1e-9)) & (values <= knob.high * (1 + 1e-9))
        assert (off | inside).all(), knob.name
    assert ((info["event_bits"] & 1 != 0) == np.isnan(actions)).all()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("shape", [(4,), (6,), (5, 1), ()])
def test_a_wrong_shape_raises_value_error(action: str, shape: tuple[int, ...]) -> None:
    """An action that is not one value per knob is a caller's error, before anything moves."""
    env = _scalar(action=action)
    env.reset(seed=1)
    with pytest.raises(ValueError, match="one value per knob"):
        env.step(np.zeros(shape))
    assert env.machine.telemetry().time_s[0] == 0.0


def test_nan_keeps_and_clip_clips_with_events() -> None:
    """NaN leaves its knob; too large values end at the limit; both are on record."""
    env = _scalar(safety={"name": "bare"})
    env.reset(seed=1)
    *_, first = env.step(np.array([0.2, 0.1, 0.0, 0.0, 0.0]))
    *_, info = env.step(np.array([math.nan, 9.0, 0.0, 0.0, -math.inf]))
    assert info["applied_action"][:2] == pytest.approx([first["applied_action"][0], 1.0])
    assert info["knobs"][1] == pytest.approx(2.0**30)
    records = {(event["knob"], event["kind"]) for event in env.events()}
    assert records == {
        ("promotion_quota", "not_a_number"),
        ("demotion_quota", "limit"),
        ("free_target", "limit"),
    }
    assert info["events_count"] == 3
    assert {event["step"] for event in env.events()} == {2}


def test_relative_actions_are_factors_of_two() -> None:
    """One full step doubles a quota, down halves it, and keep keeps it; off turns on again."""
    for action, up, keep, down in (("relative", 1.0, 0.0, -1.0), ("discrete", 2, 1, 0)):
        env = _scalar(action=action, safety="off")
        env.reset(seed=1)
        quotas = [env.step(np.full(5, step))[4]["knobs"][0] for step in (keep, up, down, down)]
        assert np.array(quotas[1:]) / np.array(quotas[:-1]) == pytest.approx([2.0, 0.5, 0.5])


def test_quota_loop_off_moves_nothing_and_direct_does() -> None:
    """OFF keeps memory where it is; direct quotas promote hot memory and reduce slowdown."""
    results = {}
    for loop in ("off", "direct"):
        env = _scalar(workload=MISPLACED, quota_loop=loop, steps=60)
        env.reset(seed=4)
        moved, slowdown = 0.0, []
        for _ in range(60):
            *_, info = env.step(env.task_spec.action(hot_threshold=15.0))
            moved += info["promoted_bytes"] + info["demoted_bytes"]
            slowdown.append(float(info["slowdown"]))
        results[loop] = moved, np.mean(slowdown[-10:])
    assert results["off"][0] == 0.0
    assert results["direct"][0] > 1e8
    assert results["direct"][1] < results["off"][1] - 0.05


def test_workloads_can_be_pinned() -> None:
    """Reset options say what runs where, until the next reset."""
    envs = _vector(3)
    pins = ["uniform", "zipf", "static_hot"]
    _, info = envs.reset(seed=1, options={"workloads": pins})
    assert info["workload"].tolist() == pins
    for _ in range(6):
        *_, info = envs.step(np.zeros((3, 5)))
    assert info["_final_info"].all()
    assert info["workload"].tolist() == pins
    with pytest.raises(ConfigError, match="one per environment"):
        envs.reset(options={"workloads": pins[:2]})
    with pytest.raises(UnknownNameError, match="did you mean 'uniform'"):
        envs.reset(options={"workloads": "unifrm"})


def test_a_mask_resets_some_machines_only() -> None:
    """Machines outside the mask go on as if nothing had happened."""
    envs, twin = _vector(2, steps=50), _vector(2, steps=50)
    for env in (envs, twin):
        env.reset(seed=5)
        env.step(np.zeros((2, 5)))
    observation, info = envs.reset(options={"reset_mask": np.array([True, False])})
    assert info["_workload"].tolist() == [True, False]
    assert envs.machine.telemetry().time_s.tolist() == [0.0, 1.0]
    left, right = envs.step(np.zeros((2, 5))), twin.step(np.zeros((2, 5)))
    np.testing.assert_array_equal(left[0][1], right[0][1])
    assert not np.array_equal(left[0][0], right[0][0])
    assert observation.shape == left[0].shape
    with pytest.raises(ValueError, match="reset_mask"):
        envs.reset(options={"reset_mask": [1, 0]})


def test_quota_feedback_starts_the_loop_warm() -> None:
    """The kernel's loop with learnt quotas moves at once what the cold one cannot."""
    promoted = {}
    for name, feedback in (("cold", None), ("warm", np.full((2, 1), 2**40, dtype=np.uint64))):
        envs = _vector(1, workload=MISPLACED, quota_loop="consist")
        envs.reset(seed=3, options={"quota_feedback": [feedback]})
        action = envs.task_spec.action(hot_threshold=5.0)[None]
        promoted[name] = sum(envs.step(action)[4]["promoted_bytes"][0] for _ in range(5))
    assert promoted["cold"] == 0.0
    assert promoted["warm"] > 50 * 2**20


def test_without_autoreset_the_machine_stays() -> None:
    """Autoreset switched off leaves machine and telemetry as the episode ended."""
    envs = _vector(2, autoreset="disabled")
    envs.reset(seed=1)
    for _ in range(6):
        *_, truncated, info = envs.step(np.zeros((2, 5)))
    assert truncated.all()
    assert "final_obs" not in info
    assert envs.machine.telemetry().time_s.tolist() == [6.0, 6.0]


def test_machines_may_differ() -> None:
    """A list of machines is dealt out in turn."""
    envs = _vector(2, machine=["dram_cxl", "dram_cxl_slow"], workload="static_hot")
    envs.reset(seed=1)
    *_, info = envs.step(np.zeros((2, 5)))
    assert info["slowdown"][1] > info["slowdown"][0]


def test_three_tiers_work() -> None:
    """A machine with a swap tier below its memory nodes runs and stays in range."""
    envs = _vector(1, machine="dram_cxl_zram")
    observation, _ = envs.reset(seed=1)
    for _ in range(3):
        observation, reward, *_ = envs.step(np.zeros((1, 5)))
    assert envs.observation_space.contains(observation)
    assert np.isfinite(reward).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"machine": "dram_clx"},
        {"machine": "dram_zram"},
        {"workload": "zipff"},
        {"workload": []},
        {"task": "teiring"},
        {"reward": "latancy"},
        {"safety": "defualt"},
        {"action": "absolut"},
        {"quota_loop": "konsist"},
        {"steps": 0},
        {"frames": -1},
        {"monitor": "slow"},
    ],
)
def test_wrong_keywords_end_in_one_line(wrong: dict[str, Any]) -> None:
    """Unknown names and impossible numbers are refused before anything is built."""
    with pytest.raises(DamosrlError) as caught:
        _scalar(**wrong)
    assert "\n" not in str(caught.value)
