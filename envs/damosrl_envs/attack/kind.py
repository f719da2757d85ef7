"""The attacker's task as an environment: its parts, its usual choices, its numbers."""

from damosrl.metrics import EpisodeColumn, TaskMetrics
from damosrl.wording import Wording
from damosrl_envs.attack import ENVIRONMENT
from damosrl_envs.attack.world import AttackWorld
from damosrl_envs.loop.kind import Parts, TaskKind
from damosrl_envs.loop.settings import LoopSettings
from damosrl_tasks.attack.config import attack_config
from damosrl_tasks.attack.reward import MEASURES, reward_config
from damosrl_tasks.attack.task import AttackTask

METRICS = TaskMetrics(
    steps={
        "harm_ratio": "harm",
        "slowdown_ratio": "slowdown",
        "noop_slowdown_ratio": "noop_slowdown",
        "fast_share_ratio": "fast_share",
        "promoted_bytes": "promoted_bytes",
        "demoted_bytes": "demoted_bytes",
        "heat_place_ratio": "heat_place",
    },
    episodes=(
        EpisodeColumn("gain_mean_ratio", "gain"),
        EpisodeColumn("harm_mean_ratio", "harm"),
        EpisodeColumn("slowdown_mean_ratio", "slowdown"),
        EpisodeColumn("noop_slowdown_mean_ratio", "noop_slowdown"),
        EpisodeColumn("migrated_up_bytes", "promoted_bytes", "sum"),
        EpisodeColumn("migrated_down_bytes", "demoted_bytes", "sum"),
        EpisodeColumn("fast_share_ratio", "fast_share"),
    ),
    cost="gain_mean_ratio",
    cost_words="the tuner's gain over doing nothing",
    smallest_gain=0.002,
    noop="noop",
    oracle="attack_pulses",
    learning={"harm": "harm_mean_ratio"},
    wording=Wording(
        terms=(
            ("harm", "How much slower the tuner makes the attacked machine than doing nothing."),
            ("noop", "Heat that never moves. The score's 0."),
            ("attack_pulses", "The scripted pulses. The score's 1."),
        )
    ),
)
"""An attacker's score: 0 is heat that never moves, 1 the scripted pulses."""


def make(settings: LoopSettings, num_machines: int) -> Parts:
    """Build attacked machines, their twins and the attacker's task.

    Raises:
        DamosrlError: A choice does not exist, or does not fit.
    """
    config = attack_config(settings.task)
    reward = reward_config(settings.reward or "attack")
    world = AttackWorld(config, settings, num_machines)
    return Parts(world, AttackTask(num_machines, config, reward), config.action, reward, MEASURES)


KIND = TaskKind(
    id=ENVIRONMENT["id"],
    usual={"machine": "dram_cxl", "workload": "steered", "task": "attack", "safety": "off"},
    make=make,
)
