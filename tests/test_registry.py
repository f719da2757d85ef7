"""Names, paths and mappings turned into tuners; nothing else can be run from a YAML."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl import registry
from damosrl.artifact import PolicyTuner, save_artifact
from damosrl.config import choices
from damosrl.errors import ArtifactError, ConfigError, DamosrlError, UnknownNameError
from damosrl.knobs import Float32Array, Quantity, QuantitySet
from damosrl.policy import Layer, PolicyNetwork
from damosrl.registry import agent_names, make_learner, make_search, make_tuner
from damosrl.task import TaskSpec
from damosrl.testing import check_tuner
from damosrl.tuner import BaseTuner

SPEC = TaskSpec(
    "sample-v0",
    QuantitySet((Quantity("heat", "ratio", 0.0, 1.0, "Heat."),)),
    QuantitySet((Quantity("quota", "bytes/s", 1.0, 1e9, "A quota.", "log"),)),
    1.0,
)


class Foreign(BaseTuner):
    """A tuner of a third party, with a parameter and no dataclass."""

    def __init__(self, level: float = 0.5) -> None:
        if not isinstance(level, (int, float)):
            raise TypeError("level must be a number")
        self.level = level

    def act(self, observation: Float32Array) -> Float32Array:
        """Return the level."""
        del observation
        return np.full(len(self.spec.knobs), self.level, dtype=np.float32)


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of a third party that registers a tuner, as if it were installed."""
    point = EntryPoint("foreign", f"{__name__}:Foreign", registry.ENTRY_POINT_GROUP)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])

    def found(group: str) -> list[EntryPoint]:
        return [point] if group == registry.ENTRY_POINT_GROUP else []

    monkeypatch.setattr(registry, "entry_points", found)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A run folder that holds a trained policy."""
    layer = Layer(np.ones((1, 1), np.float32), np.zeros(1, np.float32))
    save_artifact(
        tmp_path / "run" / "artifact", PolicyNetwork((layer,), "clip"), spec=SPEC, algorithm="PPO"
    )
    return tmp_path / "run"


def test_parameters_can_be_changed() -> None:
    """Overrides reach the tuner; the others keep the YAML's value."""
    tuner: Any = make_tuner("pi", free_target_percent=3.0)
    assert tuner.free_target_percent == 3.0
    assert tuner.proportional_gain == 1.0


def test_tuners_are_new_each_time() -> None:
    """Two calls share nothing."""
    assert make_tuner("pi") is not make_tuner("pi")


@pytest.mark.parametrize(
    ("agent", "overrides", "message"),
    [
        ("consit", {}, "did you mean 'consist'"),
        ("pi", {"free_target_procent": 3.0}, "did you mean 'free_target_percent'"),
        (
            "pi",
            {"free_target_percent": "much"},
            "agent pi.free_target_percent is of the wrong kind",
        ),
        ("pi", {"free_target_percent": -1.0}, "free_target_percent is out of range"),
        ("tpe", {}, "tpe is no tuner: .* `damosrl tune`"),
        ("ppo", {}, "ppo is no tuner: .* `damosrl train`"),
        ("results/nowhere", {}, "results/nowhere holds no trained policy"),
        ({"knobs": {}}, {}, "no _target_"),
        ({"_target_": "os.system", "command": "true"}, {}, "outside the packages"),
        ({"_target_": "damosrl_agents.controllers.pie.PI"}, {}, "cannot be imported"),
        ({"_target_": "damosrl_agents.controllers.pi.PIE"}, {}, "did you mean 'PI'"),
        ({"_target_": "damosrl_agents_evil.x.Y"}, {}, "outside the packages"),
    ],
)
def test_mistakes_are_told(agent: Any, overrides: dict[str, Any], message: str) -> None:
    """A wrong name, parameter, value, kind, path or target gets one line that says so."""
    with pytest.raises(DamosrlError, match=message) as caught:
        make_tuner(agent, **overrides)
    assert "\n" not in str(caught.value)


def test_searches_and_learners_are_not_mixed_up() -> None:
    """Asking for the wrong kind says what the name is good for."""
    with pytest.raises(ConfigError, match=r"pi is no search: .* compare it"):
        make_search("pi")
    with pytest.raises(ConfigError, match="tpe is no learner"):
        make_learner("tpe")


def test_nested_mistakes_of_a_learner_are_told() -> None:
    """An unknown algorithm or argument of it names the nearest."""
    with pytest.raises(UnknownNameError, match="did you mean 'PPO'"):
        make_learner("ppo", algorithm="PPo")
    with pytest.raises(UnknownNameError, match="did you mean 'learning_rate'"):
        make_learner("ppo", kwargs={"learningrate": 1e-3})
    with pytest.raises(UnknownNameError, match="did you mean 'tanh'"):
        make_learner("ppo", activation="tan")


def test_a_policy_is_found_by_its_folder_and_its_run(policy: Path) -> None:
    """The artifact's path and its run's path both name the policy, as text or as Path."""
    for agent in (policy, str(policy), policy / "artifact", str(policy / "artifact")):
        assert isinstance(make_tuner(agent), PolicyTuner)


def test_a_policy_has_no_parameters(policy: Path) -> None:
    """Overrides on a trained policy are refused rather than ignored."""
    with pytest.raises(ConfigError, match="no parameters"):
        make_tuner(policy, gain=2.0)


def test_a_damaged_policy_is_refused(policy: Path) -> None:
    """A path that holds a damaged policy is an artifact's error, no unknown name."""
    (policy / "artifact" / "weights.npz").write_bytes(b"")
    with pytest.raises(ArtifactError, match="not what was written"):
        make_tuner(policy)


def test_a_yaml_file_names_a_tuner(tmp_path: Path) -> None:
    """A YAML of one's own works as a name does."""
    path = tmp_path / "mine.yaml"
    path.write_text("_target_: damosrl_agents.controllers.pi.PI\nproportional_gain: 2.0\n")
    tuner: Any = make_tuner(path)
    assert tuner.proportional_gain == 2.0


@pytest.mark.usefixtures("third_party")
def test_a_third_party_tuner_is_found_by_entry_point() -> None:
    """An entry point's name is a tuner's name, and its package may be a _target_."""
    assert "foreign" in agent_names()
    check_tuner(lambda: make_tuner("foreign", level=0.25), SPEC)
    tuner: Any = make_tuner({"_target_": f"{__name__}.Foreign", "level": 0.75})
    assert tuner.level == 0.75
    with pytest.raises(UnknownNameError, match="did you mean 'level'"):
        make_tuner("foreign", levl=1.0)
    with pytest.raises(ConfigError, match="level must be a number"):
        make_tuner("foreign", level="high")


def test_every_choice_is_listed() -> None:
    """All YAMLs of conf/agent are names."""
    assert set(choices("agent")) <= set(agent_names())
    assert {"noop", "oracle", "consist", "consist_warm", "best_static", "ppo"} <= set(agent_names())


def test_tuners_are_built_without_a_learning_library() -> None:
    """Neither torch, Optuna nor the emulator's compiler is imported for a controller."""
    code = (
        "import sys; from damosrl.registry import make_tuner\n"
        "for name in ('pi', 'quantile', 'oracle', 'tabular_q', 'best_static'): make_tuner(name)\n"
        "heavy = ('torch', 'stable_baselines3', 'optuna', 'numba', 'gymnasium')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
