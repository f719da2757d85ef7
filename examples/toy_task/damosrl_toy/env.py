"""``damosrl_toy/Cache-v0``, for one cache and for many."""

from damosrl.metrics import EpisodeColumn, Shown, TaskMetrics
from damosrl.wording import Wording
from damosrl_envs.loop.env import TaskEnv
from damosrl_envs.loop.kind import Parts, TaskKind
from damosrl_envs.loop.settings import LoopSettings
from damosrl_envs.loop.vector import TaskVectorEnv
from damosrl_tasks.reward import read_reward
from damosrl_toy import ENVIRONMENT
from damosrl_toy.load import cache_load
from damosrl_toy.task import MEASURES, CacheTask
from damosrl_toy.world import CacheWorld

METRICS = TaskMetrics(
    steps={"slowdown_ratio": "slowdown", "size_gib": "size_gib"},
    episodes=(
        EpisodeColumn("cost_mean_ratio", "cost"),
        EpisodeColumn("slowdown_mean_ratio", "slowdown"),
        EpisodeColumn("size_mean_gib", "size_gib"),
    ),
    cost="cost_mean_ratio",
    cost_words="slowdown and memory",
    smallest_gain=0.01,
    moved=(),
    oracle="toy_oracle",
    shown=(Shown("size_mean_gib", "size", "GiB", better="less"),),
    learning={"slowdown": "slowdown_mean_ratio", "size_gib": "size_mean_gib"},
    wording=Wording(
        unit="no-miss",
        alone="a cache that holds all",
        slowdown="Slowdown is the mean time per access against a cache that misses nothing.",
        moved="nothing is moved",
        moving="Resizing is free.",
        returned="",
        machines="emulated caches",
        monitored=False,
        terms=(("noop", "Leaves the cache as it is."), ("oracle", "Knows what will be asked.")),
    ),
)


def make(settings: LoopSettings, num_machines: int) -> Parts:
    """Build caches and task.

    Raises:
        DamosrlError: A choice does not exist, or does not fit.
    """
    world = CacheWorld(settings.machine, settings.workload, num_machines)
    reward = read_reward(settings.reward or "toy", MEASURES)
    return Parts(world, CacheTask(num_machines, reward), "absolute", reward, MEASURES)


KIND = TaskKind(
    id=ENVIRONMENT["id"],
    usual={"machine": "toy_cache", "workload": "toy_slow", "task": "toy", "safety": "toy"},
    make=make,
)


class CacheEnv(TaskEnv):
    """Size one cache."""

    kind = KIND


class CacheVectorEnv(TaskVectorEnv):
    """Size many caches."""

    kind = KIND
    metrics = METRICS
    workload_source = staticmethod(cache_load)
