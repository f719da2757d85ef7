"""The Stable-Baselines3 view: the same numbers, SB3's conventions, and a learner that runs."""

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.monitor import Monitor

from damosrl.errors import ConfigError, UnknownNameError
from damosrl_envs.loop.sb3 import TaskVecEnv
from damosrl_envs.tiering.env import TieringVectorEnv

MACHINES, STEPS = 2, 5


def _vector(autoreset: str = "same_step") -> TieringVectorEnv:
    return TieringVectorEnv(MACHINES, autoreset, workload="static_hot", steps=STEPS)  # type: ignore[arg-type]


def test_view_shows_the_vector_environment() -> None:
    """Seeds, observations, rewards, ends and last observations are the vector environment's."""
    view, plain = _vector().sb3(("slowdown", "fast_share")), _vector()
    view.seed(9)
    np.testing.assert_array_equal(view.reset(), plain.reset(seed=9)[0])
    assert view.reset_infos[0]["workload"] == "static_hot"
    total = np.zeros(MACHINES)
    for step in range(STEPS):
        actions = np.full((MACHINES, 5), 0.1 * step, dtype=np.float32)
        observation, reward, done, infos = view.step(actions)
        expected = plain.step(actions)
        np.testing.assert_array_equal(observation, expected[0])
        np.testing.assert_allclose(reward, expected[1], rtol=1e-6)
        np.testing.assert_array_equal(done, expected[3])
        assert infos[1]["slowdown"] == expected[4]["slowdown"][1]
        total += expected[1]
    assert done.all()
    for index, info in enumerate(infos):
        np.testing.assert_array_equal(info["terminal_observation"], expected[4]["final_obs"][index])
        assert info["TimeLimit.truncated"]
        assert info["episode"] == {"r": pytest.approx(total[index]), "l": STEPS}


def test_attributes_and_methods_reach_the_batch() -> None:
    """SB3's ways to reach into environments work, once per asked machine."""
    view = _vector().sb3()
    assert len(view.get_attr("task_spec")) == MACHINES
    assert view.get_attr("render_mode", [0]) == [None]
    assert view.env_method("events", indices=[1]) == [[]]
    assert view.env_is_wrapped(Monitor) == [True, True]
    view.set_attr("note", 3)
    assert view.get_attr("note", 0) == [3]
    view.close()


def test_options_reach_the_next_reset_only() -> None:
    """SB3's options pin workloads for one reset."""
    view = _vector().sb3()
    view.set_options({"workloads": "uniform"})
    view.reset()
    assert [info["workload"] for info in view.reset_infos] == ["uniform"] * MACHINES
    view.reset()
    assert [info["workload"] for info in view.reset_infos] == ["static_hot"] * MACHINES


def test_a_number_that_the_info_lacks_is_refused_by_name() -> None:
    """A wrong key of TaskMetrics.learning gives an error with the nearest key, no KeyError."""
    view = _vector().sb3(("slowdwon",))
    view.reset()
    with pytest.raises(UnknownNameError, match="did you mean 'slowdown'"):
        view.step(np.zeros((MACHINES, 5), dtype=np.float32))


def test_environment_without_autoreset_is_refused() -> None:
    """SB3 expects ended episodes to begin anew by themselves."""
    with pytest.raises(ConfigError, match="begins ended episodes"):
        TaskVecEnv(_vector("disabled"))


def test_ppo_learns_without_complaint() -> None:
    """SB3's PPO trains for a few updates and reports episodes of the right length."""
    model = PPO("MlpPolicy", _vector().sb3(), n_steps=10, batch_size=20, n_epochs=1, seed=1)
    before = [parameter.detach().clone() for parameter in model.policy.parameters()]
    model.set_logger(Logger(folder=None, output_formats=[]))
    model.learn(40)
    assert [episode["l"] for episode in model.ep_info_buffer or []] == [STEPS] * 8
    after = list(model.policy.parameters())
    assert any(not (a == b).all() for a, b in zip(before, after, strict=True))
