"""Proactive reclaim as an environment: its parts, its usual choices, its numbers."""

from damosrl.errors import ConfigError
from damosrl.metrics import EpisodeColumn, Shown, TaskMetrics
from damosrl.wording import Wording
from damosrl_envs.loop.damon_world import damon_world, require_truth
from damosrl_envs.loop.emulated import EmulatedWorld
from damosrl_envs.loop.kind import Parts, TaskKind
from damosrl_envs.loop.settings import LoopSettings
from damosrl_envs.reclaim import ENVIRONMENT
from damosrl_tasks.reclaim.config import reclaim_config
from damosrl_tasks.reclaim.reward import MEASURES, reward_config
from damosrl_tasks.reclaim.task import ReclaimTask

WORDING = Wording(
    unit="all-resident",
    alone="all memory resident",
    slowdown=(
        "Slowdown is the application's mean time per request against the same application with all "
        "of its memory resident."
    ),
    moved="memory swapped in and out per episode",
    moving="Swapping costs CPU time, and a fault makes the application wait.",
    returned="swapped in soon after it was swapped out",
    machines="emulated machines with swap",
    terms=(
        (
            "saved",
            "Memory that is not resident, less what its compressed copies take.",
        ),
        ("quota", "The most bytes per second that a DAMOS scheme may page out."),
        ("noop", "Does nothing: all memory stays resident. The score's 0."),
        ("reclaim_oracle", "Is shown the true access rates. The score's 1."),
    ),
)
METRICS = TaskMetrics(
    steps={
        "slowdown_ratio": "slowdown",
        "saved_ratio": "saved_ratio",
        "resident_ratio": "resident_ratio",
        "pool_ratio": "pool_ratio",
        "swapped_in_bytes": "swapped_in_bytes",
        "swapped_out_bytes": "swapped_out_bytes",
        "psi_some_ratio": "psi_some_ratio",
        "tco_cost": "tco_cost",
        "multiplier": "multiplier",
    },
    episodes=(
        EpisodeColumn("tco_cost", "tco_cost"),
        EpisodeColumn("saved_ratio", "saved_ratio"),
        EpisodeColumn("saved_end_ratio", "saved_ratio", "last"),
        EpisodeColumn("slowdown_mean_ratio", "slowdown"),
        EpisodeColumn("slowdown_p95_ratio", "slowdown", "p95"),
        EpisodeColumn("mean_latency_ns", "mean_latency_ns"),
        EpisodeColumn("p99_latency_ns", "p99_latency_ns"),
        EpisodeColumn("throughput_per_s", "throughput_per_s"),
        EpisodeColumn("migrated_up_bytes", "swapped_in_bytes", "sum"),
        EpisodeColumn("migrated_down_bytes", "swapped_out_bytes", "sum"),
        EpisodeColumn("returned_bytes", "refaulted_bytes", "sum"),
        EpisodeColumn("psi_some_avg_ratio", "psi_some_ratio"),
        EpisodeColumn("psi_full_avg_ratio", "psi_full_ratio"),
        EpisodeColumn("kdamond_cpu_ratio", "kdamond_cpu_ratio"),
    ),
    cost="tco_cost",
    cost_words="cost of ownership",
    smallest_gain=0.02,
    noop="noop",
    oracle="reclaim_oracle",
    shown=(
        Shown("saved_ratio", "saved", "% of memory", 100.0, 1),
        Shown("tco_cost", "cost", "of all memory", 1.0, 3, "less"),
    ),
    learning={"saved_ratio": "saved_ratio", "slowdown": "slowdown_mean_ratio"},
    wording=WORDING,
)


def make(settings: LoopSettings, num_machines: int) -> Parts:
    """Build machines and task.

    Raises:
        ConfigError: A machine has no swap space, or more than one memory node.
        DamosrlError: A choice does not exist, or does not fit.
    """
    config = reclaim_config(settings.task)
    fill = 1.0 if config.start_resident else None
    world = damon_world(settings, num_machines, fast_fill=fill)
    reward = reward_config(settings.reward or ("reclaim_tco" if world.has_truth else "reclaim_psi"))
    require_truth(reward, world, "reward=reclaim_psi")
    task = ReclaimTask(num_machines, config, reward)
    if isinstance(world, EmulatedWorld):
        _require_swap(world)
        world.build(task.template, settings.monitor, settings.threads)
    return Parts(world, task, config.action, reward, MEASURES)


def _require_swap(world: EmulatedWorld) -> None:
    for config in world.configs:
        if config.swap_tier is None:
            raise ConfigError(
                f"reclaim needs swap space, and machine {config.name} has none",
                got=", ".join(f"{tier.name} ({tier.kind})" for tier in config.tiers),
                allowed="a last tier of kind: swap",
                fix="choose a machine such as ample_zram, dram_zram or dram_nvme",
            )
        if len(config.memory_tiers) != 1:
            raise ConfigError(
                f"reclaim works on one memory node, and machine {config.name} has more",
                got=", ".join(tier.name for tier in config.memory_tiers),
                fix="choose a machine such as ample_zram, or task=tiering",
            )


KIND = TaskKind(
    id=ENVIRONMENT["id"],
    usual={
        "machine": "ample_zram",
        "workload": "cold_tail",
        "task": "reclaim",
        "safety": "reclaim",
    },
    make=make,
)
