"""A mix of workloads, member by member."""

from collections.abc import Mapping
from typing import Any

from damosrl.config import choices, load_choice
from damosrl.experiment.plugins import task_workload
from damosrl.experiment.settings import WorkloadSpec


def taken_apart(workload: WorkloadSpec, environment: str) -> tuple[WorkloadSpec, ...]:
    """Return the members of a mix, each drawn as the mix draws it; anything else as it is.

    Args:
        workload: What was trained on.
        environment: Gymnasium's id of the environment that reads it.

    Example:
        >>> len(taken_apart("train_mix", "damosrl/Tiering-v0"))
        6
    """
    content = workload
    if isinstance(workload, str) and workload in choices("workload"):
        content = load_choice("workload", workload)
    if not isinstance(content, Mapping) or not content.get("members"):
        return (workload,)
    rest = {key: value for key, value in content.items() if key not in ("members", "name")}
    return tuple(_member(one, rest, environment) for one in content["members"])


def _member(
    member: str | Mapping[str, WorkloadSpec], rest: Mapping[str, Any], environment: str
) -> WorkloadSpec:
    """Return a member by its name, or as a mix of one without a weight."""
    if isinstance(member, str):
        return member
    name = task_workload(environment, member["workload"]).name
    return {**rest, "name": name, "members": [{"workload": member["workload"]}]}


def dealt(
    workload: WorkloadSpec, environment: str, seeds: tuple[int, ...]
) -> tuple[WorkloadSpec, ...]:
    """Return one member of a mix per seed, by turns; seeds in a row meet every member alike often.

    Example:
        >>> dealt("known_attacks", "damosrl/Tiering-v0", (0, 1, 3))
        ('adversarial_pi', 'adversarial_best_static', 'adversarial_pi')
    """
    members = taken_apart(workload, environment)
    return tuple(members[seed % len(members)] for seed in seeds)
