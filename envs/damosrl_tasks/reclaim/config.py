"""What the reclaim task is told: one choice of ``conf/task``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from damosrl.config import read_choice, require_within
from damosrl.task import ActionKind


@dataclass(frozen=True)
class ReclaimConfig:
    """Monitoring, timing and the form of the action.

    Args:
        name: Name of the choice.
        env: The environment that this task is for, by Gymnasium's id.
        usual: Choices that commands take with this task where none are given; not read here.
        decision_interval_s: Time between decisions; 6 s is that of Senpai and TMO.
        action: Form of the action, see `damosrl.task.ActionKind`.
        sample_us: Sampling interval.
        aggr_us: Aggregation interval.
        min_nr_regions: Fewest regions of a node.
        max_nr_regions: Most regions of a node.
        apply_s: Apply interval of the scheme and reset interval of its quota, seconds.
        start_resident: Whether emulated episodes begin with all memory resident that there is
            room for; otherwise as the workload says.

    Example:
        >>> ReclaimConfig(decision_interval_s=1.0).action
        'absolute'
    """

    name: str = "reclaim"
    env: str = "damosrl/Reclaim-v0"
    usual: dict[str, Any] = field(default_factory=dict)
    decision_interval_s: float = 6.0
    action: ActionKind = "absolute"
    sample_us: int = 5_000
    aggr_us: int = 500_000
    min_nr_regions: int = 10
    max_nr_regions: int = 200
    apply_s: float = 1.0
    start_resident: bool = True

    def __post_init__(self) -> None:
        aggr_s = self.aggr_us / 1e6
        require_within("task decision_interval_s", self.decision_interval_s, aggr_s, 3600.0)
        require_within("task apply_s", self.apply_s, aggr_s, 3600.0)
        require_within("task sample_us", self.sample_us, 1, self.aggr_us)


def reclaim_config(choice: str | Mapping[str, Any]) -> ReclaimConfig:
    """Read a choice of ``conf/task``, the path of a YAML, or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong.
    """
    return read_choice(ReclaimConfig, "task", choice)
