"""The tables of the task come from the code that runs."""

from damosrl_envs.loop.describe import describe
from damosrl_tasks.tiering.config import TieringConfig
from damosrl_tasks.tiering.reward import MEASURES, reward_config
from damosrl_tasks.tiering.task import TieringTask


def test_description_names_everything() -> None:
    """Each knob, feature and reward term has one line with its unit, range and meaning."""
    reward = reward_config("latency")
    spec = TieringTask(1, 2, TieringConfig(), reward).spec
    text = describe(spec, reward, MEASURES)
    lines = text.splitlines()
    for item in (*spec.knobs.items, *spec.observation.items):
        own = [line for line in lines if line.startswith(f"{item.name} ")]
        assert len(own) == 1, item.name
        assert item.unit in own[0]
        assert own[0].endswith(item.meaning)
    for name in reward.terms:
        assert any(line.startswith(f"{name} ") for line in lines)
    assert "1 Mi .. 1024 Mi" in text
    assert "uses ground truth" in text


def test_description_without_reward_has_none() -> None:
    """The reward is described only when it is given."""
    spec = TieringTask(1, 2, TieringConfig(), reward_config("psi")).spec
    assert "Reward" not in describe(spec)
