"""The example scripts run as they are, with tiny budgets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def _run(script: str, *arguments: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=500,
    )
    return result.stdout.splitlines()


def test_gymnasium_only_is_short_and_knows_nothing_else() -> None:
    """At most 40 lines, and no import of ours but the one that registers the environment."""
    lines = (EXAMPLES / "gymnasium_only.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    imports = {
        line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))
    }
    assert imports == {"argparse", "gymnasium", "numpy", "damosrl_envs"}


def test_cross_entropy_runs() -> None:
    """Two generations of four candidates print two lines with finite rewards."""
    lines = _run("gymnasium_only.py", "--generations=2", "--candidates=4", "--steps=10")
    assert [line.split(":")[0] for line in lines] == ["generation 0", "generation 1"]


@pytest.mark.slow
def test_cross_entropy_learns() -> None:
    """Twelve generations end with a better mean reward than they began with."""
    lines = _run("gymnasium_only.py", "--generations=12", "--workload=static_hot")
    rewards = [float(line.split("mean reward ")[1].split(",")[0]) for line in lines]
    assert sum(rewards[-3:]) / 3 > rewards[0]


def test_ppo_from_scratch_runs() -> None:
    """Two updates of a tiny rollout print two lines."""
    lines = _run("ppo_from_scratch.py", "--timesteps=64", "--envs=4", "--rollout=8", "--steps=6")
    assert [line.split(":")[0] for line in lines] == ["timesteps 32", "timesteps 64"]


@pytest.mark.slow
def test_ppo_from_scratch_learns() -> None:
    """A minute of training on one workload ends better than it began."""
    lines = _run("ppo_from_scratch.py", "--timesteps=40000", "--workload=static_hot")
    rewards = [float(line.split("mean reward ")[1]) for line in lines]
    assert sum(rewards[-5:]) > sum(rewards[:5])


def test_the_filmstrip_draws(tmp_path: Path) -> None:
    """Two tuners at two moments become one picture."""
    out = tmp_path / "film.png"
    lines = _run("acma_filmstrip.py", "--tuners", "acma_rfc", "acma_balloon", "--seconds", "0", "2",
                 "--out", str(out))  # fmt: skip
    assert lines == [str(out)]
    assert out.stat().st_size > 10_000
