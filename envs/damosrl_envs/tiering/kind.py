"""Memory tiering as an environment: its parts, its usual choices, its numbers."""

from dataclasses import replace

from damosrl.metrics import EpisodeColumn, TaskMetrics
from damosrl.nodes import node_name
from damosrl_envs.loop.damon_world import damon_world, require_truth
from damosrl_envs.loop.emulated import EmulatedWorld
from damosrl_envs.loop.kind import Parts, TaskKind
from damosrl_envs.loop.settings import LoopSettings
from damosrl_envs.tiering import ENVIRONMENT
from damosrl_envs.tiering.compiled_monitor import summarise_compiled
from damosrl_envs.tiering.order import require_order
from damosrl_tasks.tiering.config import tiering_config
from damosrl_tasks.tiering.monitor import summarise
from damosrl_tasks.tiering.reward import MEASURES, reward_config
from damosrl_tasks.tiering.task import TieringTask

METRICS = TaskMetrics(
    steps={
        "slowdown_ratio": "slowdown",
        "fast_free_ratio": "fast_free_ratio",
        "promoted_bytes": "promoted_bytes",
        "demoted_bytes": "demoted_bytes",
        "psi_some_ratio": "psi_some_ratio",
        "fast_share_ratio": "fast_share",
        "p99_latency_ns": "p99_latency_ns",
    },
    episodes=(
        EpisodeColumn("slowdown_mean_ratio", "slowdown", "mean"),
        EpisodeColumn("slowdown_p95_ratio", "slowdown", "p95"),
        EpisodeColumn("mean_latency_ns", "mean_latency_ns", "mean"),
        EpisodeColumn("p99_latency_ns", "p99_latency_ns", "mean"),
        EpisodeColumn("throughput_per_s", "throughput_per_s", "mean"),
        EpisodeColumn("migrated_up_bytes", "promoted_bytes", "sum"),
        EpisodeColumn("migrated_down_bytes", "demoted_bytes", "sum"),
        EpisodeColumn("returned_bytes", "returned_bytes", "sum"),
        EpisodeColumn("psi_some_avg_ratio", "psi_some_ratio", "mean"),
        EpisodeColumn("psi_full_avg_ratio", "psi_full_ratio", "mean"),
        EpisodeColumn("kdamond_cpu_ratio", "kdamond_cpu_ratio", "mean"),
        EpisodeColumn("fast_share_ratio", "fast_share", "mean"),
    ),
    cost="slowdown_mean_ratio",
    cost_words="slowdown",
    learning={"slowdown": "slowdown_mean_ratio", "fast_share": "fast_share_ratio"},
    worst_case=("adversarial",),
)


def with_nodes(metrics: TaskMetrics, num_nodes: int) -> TaskMetrics:
    """Return the metrics of a machine, with the memory in use on each node in steps.csv."""
    used = {name: name for node in range(num_nodes) for name in [node_name(node, "used_bytes")]}
    return replace(metrics, steps={**metrics.steps, **used})


def make(settings: LoopSettings, num_machines: int) -> Parts:
    """Build machines and task.

    Raises:
        DamosrlError: A choice does not exist, or does not fit.
    """
    world = damon_world(settings, num_machines)
    if isinstance(world, EmulatedWorld):
        for machine in world.configs:
            require_order(machine)
    config = tiering_config(settings.task)
    reward = reward_config(settings.reward or ("latency" if world.has_truth else "psi"))
    require_truth(reward, world, "reward=psi or reward=kernel_goal")
    sums = summarise_compiled if world.has_truth else summarise
    task = TieringTask(num_machines, world.num_nodes, config, reward, sums)
    if isinstance(world, EmulatedWorld):
        world.build(task.template, settings.monitor, settings.threads)
    return Parts(world, task, config.action, reward, MEASURES)


KIND = TaskKind(
    id=ENVIRONMENT["id"],
    usual={"machine": "dram_cxl", "workload": "static_hot", "task": "tiering"},
    make=make,
)
