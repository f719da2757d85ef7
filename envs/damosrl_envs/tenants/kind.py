"""Several tenants as an environment: its parts, its usual choices, its numbers."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from damosrl.metrics import EpisodeColumn, Shown, TaskMetrics
from damosrl_envs.loop.damon_world import damon_world, require_truth
from damosrl_envs.loop.emulated import EmulatedWorld
from damosrl_envs.loop.kind import Parts, TaskKind
from damosrl_envs.loop.settings import LoopSettings
from damosrl_envs.tenants import ENVIRONMENT
from damosrl_envs.tiering.compiled_monitor import summarise_compiled
from damosrl_envs.tiering.kind import METRICS as OF_TIERING
from damosrl_envs.tiering.order import require_order
from damosrl_tasks.tenants.config import tenants_config
from damosrl_tasks.tenants.reward import measures, reward_config
from damosrl_tasks.tenants.task import TenantsTask
from damosrl_tasks.tiering.monitor import summarise

METRICS = replace(
    OF_TIERING,
    steps={**OF_TIERING.steps, "tenants_cost": "tenants_cost"},
    episodes=(EpisodeColumn("tenants_cost", "tenants_cost"), *OF_TIERING.episodes),
    cost="tenants_cost",
    cost_words="cost",
    oracle="tenants_oracle",
    shown=(Shown("tenants_cost", "cost", "ratio", digits=3, better="less"),),
    learning={**OF_TIERING.learning, "tenants_cost": "tenants_cost"},
    worst_case=(),  # no attack has been searched against tuners of tenants
)


def with_tenants(metrics: TaskMetrics, names: Collection[str]) -> TaskMetrics:
    """Return the metrics with the slowdown, the fast memory and the target of each tenant."""
    steps, episodes, shown = dict(metrics.steps), list(metrics.episodes), list(metrics.shown)
    for name in names:
        steps[f"{name}_slowdown_ratio"] = f"{name}_slowdown"
        steps[f"{name}_fast_ratio"] = f"{name}_fast_ratio"
        for ending, key in (
            ("slowdown_ratio", "slowdown"),
            ("met_ratio", "met_ratio"),
            ("fast_ratio", "fast_ratio"),
        ):
            episodes.append(EpisodeColumn(f"{name}_{ending}", f"{name}_{key}"))
        shown += [
            Shown(f"{name}_slowdown_ratio", name, "ratio", digits=3, better="less"),
            Shown(f"{name}_met_ratio", f"{name} met", "%", 100.0, 0),
        ]
    return replace(metrics, steps=steps, episodes=tuple(episodes), shown=tuple(shown))


def make(settings: LoopSettings, num_machines: int) -> Parts:
    """Build machines and task.

    Raises:
        DamosrlError: A choice does not exist, or does not fit.
    """
    config = tenants_config(settings.task)
    world = damon_world(settings, num_machines, memcgs=config.paths)
    if isinstance(world, EmulatedWorld):
        for machine in world.configs:
            require_order(machine)
    reward = reward_config(settings.reward or ("tenants" if world.has_truth else "psi"))
    require_truth(reward, world, "reward=psi")
    sums = summarise_compiled if world.has_truth else summarise
    task = TenantsTask(num_machines, world.num_nodes, config, reward, sums)
    if isinstance(world, EmulatedWorld):
        world.build(task.template, settings.monitor, settings.threads)
    targets = list(config.targets.values())
    return Parts(world, task, config.action, reward, measures(np.array(targets)))


KIND = TaskKind(
    id=ENVIRONMENT["id"],
    usual={"machine": "dram_cxl", "workload": "tenants_web_batch", "task": "tiering_tenants"},
    make=make,
)
