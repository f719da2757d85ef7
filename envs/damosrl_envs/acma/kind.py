"""Memory auto-scaling as an environment: its parts, its usual choices, its numbers."""

import math

from damosrl.metrics import EpisodeColumn, Shown, TaskMetrics
from damosrl.wording import Wording
from damosrl_envs.acma import ENVIRONMENT
from damosrl_envs.acma.worlds import acma_world, require_truth, usual_reward
from damosrl_envs.loop.kind import Parts, TaskKind
from damosrl_envs.loop.settings import LoopSettings
from damosrl_tasks.acma.config import acma_config
from damosrl_tasks.acma.reward import MEASURES, reward_config
from damosrl_tasks.acma.task import AcmaTask

WORDING = Wording(
    unit="unstalled",
    alone="guests that never stall, all of their memory in 2 MiB pages",
    slowdown=(
        "Slowdown is the mean over a host's guests of their time per unit of work against a guest "
        "that never stalls and has all of its memory in 2 MiB pages."
    ),
    moved="memory moved inside guests or paged out per episode",
    moving="Moving and paging out cost the guests' time.",
    returned="blocks that guests took back from the host",
    machines="emulated hosts with guests",
    monitored=False,
    terms=(
        ("saved", "Memory that guests believe to have and their host does not hold."),
        ("given, taken back", "2 MiB blocks that ACMA or hotplug hands to the host, or returns."),
        ("refused", "Memory that a program asked for and did not get: it would have been killed."),
        ("CMA", "Requests of a device for contiguous memory, and those that were served."),
        ("ranks", "Energy that memory ranks without used pages save in self-refresh."),
        ("noop", "Does nothing: the host keeps what guests have once touched. The score's 0."),
        ("acma_oracle", "Knows what is cold and moves at no cost. The score's 1."),
    ),
)
METRICS = TaskMetrics(
    steps={
        "slowdown_ratio": "slowdown",
        "cost_ratio": "cost_ratio",
        "saved_ratio": "saved_ratio",
        "whole_free_ratio": "whole_free_ratio",
        "broken_ratio": "broken_ratio",
        "psi_some_ratio": "psi_some_ratio",
        "psi_full_ratio": "psi_full_ratio",
        "failed_bytes": "failed_bytes",
        "given_bytes": "given_bytes",
        "returned_bytes": "returned_bytes",
    },
    episodes=(
        EpisodeColumn("cost_mean_ratio", "cost_ratio"),
        EpisodeColumn("slowdown_mean_ratio", "slowdown"),
        EpisodeColumn("slowdown_p95_ratio", "slowdown", "p95"),
        EpisodeColumn("slowdown_worst_p95_ratio", "worst_slowdown", "p95"),
        EpisodeColumn("saved_mean_ratio", "saved_ratio"),
        EpisodeColumn("overrun_mean_ratio", "overrun_ratio"),
        EpisodeColumn("whole_free_ratio", "whole_free_ratio"),
        EpisodeColumn("broken_ratio", "broken_ratio"),
        EpisodeColumn("psi_some_avg_ratio", "psi_some_ratio"),
        EpisodeColumn("psi_full_avg_ratio", "psi_full_ratio"),
        EpisodeColumn("failed_bytes", "failed_bytes", "sum"),
        EpisodeColumn("given_bytes", "given_bytes", "sum"),
        EpisodeColumn("returned_bytes", "returned_bytes", "sum"),
        EpisodeColumn("moved_bytes", "moved_bytes", "sum"),
        EpisodeColumn("paged_out_bytes", "paged_out_bytes", "sum"),
        EpisodeColumn("cma_requests_count", "cma_requests", "sum"),
        EpisodeColumn("cma_served_count", "cma_served", "sum"),
        EpisodeColumn("cma_from_stack_count", "cma_from_stack", "sum"),
        EpisodeColumn("cma_total_us", "cma_us", "sum"),
        EpisodeColumn("unplug_failures_count", "unplug_failures", "sum"),
        EpisodeColumn("cma_success_ratio", "cma_success", "last"),
        EpisodeColumn("dark_rank_saved_j", "dark_saved_j", "sum"),
        EpisodeColumn("dark_rank_ratio", "dark_ratio"),
        EpisodeColumn("rank_exits_count", "rank_exits", "sum"),
    ),
    cost="cost_mean_ratio",
    cost_words="cost per unit of work",
    smallest_gain=0.01,
    moved=("moved_bytes", "paged_out_bytes"),
    oracle="acma_oracle",
    shown=(
        Shown("saved_mean_ratio", "saved", "%", 100.0, 1),
        Shown("whole_free_ratio", "2 MiB free", "%", 100.0, 1),
        Shown("broken_ratio", "broken", "%", 100.0, 1, "less"),
        Shown("slowdown_worst_p95_ratio", "slowest guest", "p95", 1.0, 2, "less"),
        Shown("failed_bytes", "refused", "MiB", 1.0 / 2**20, 0, "less"),
        Shown("cma_success_ratio", "CMA", "%", 100.0, 1),
        Shown("dark_rank_saved_j", "ranks", "J", 1.0, 1),
    ),
    learning={"slowdown": "slowdown_mean_ratio", "saved_ratio": "saved_ratio"},
    wording=WORDING,
)


def make(settings: LoopSettings, num_machines: int) -> Parts:
    """Build hosts and task.

    Raises:
        DamosrlError: A choice does not exist, or does not fit.
    """
    config = acma_config(settings.task)
    seconds = math.ceil(settings.steps * config.decision_interval_s)
    world = acma_world(settings, num_machines, seconds)
    reward = reward_config(settings.reward or usual_reward(world))
    require_truth(reward, world)
    task = AcmaTask(num_machines, config, reward)
    return Parts(world, task, config.action, reward, MEASURES)


KIND = TaskKind(
    id=ENVIRONMENT["id"],
    usual={
        "machine": "acma_host",
        "workload": "acma_train",
        "task": "acma",
        "safety": "acma",
    },
    make=make,
)
