"""One configuration for the whole episode, as an administrator would set it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from damosrl.errors import ConfigError
from damosrl.knobs import QuantitySet
from damosrl.task import TaskSpec
from damosrl_agents.controllers.fixed import FixedKnobs


@dataclass(eq=False)
class Static(FixedKnobs):
    """Sets given knobs once.

    Args:
        knobs: Physical value by knob name; the others stay at the task's default. A quota of 0
            switches that direction off.

    Raises:
        ConfigError: A value is no finite number.

    Example:
        >>> Static({"promotion_quota": 400 * 2**20, "hot_threshold": 30.0}).settings()
        {'promotion_quota': 419430400, 'hot_threshold': 30.0}
    """

    knobs: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.knobs.items():
            if not math.isfinite(value):
                raise ConfigError(f"knob {name} has no value", got=value, allowed="finite numbers")

    def settings(self) -> Mapping[str, float]:
        """Return the given knobs."""
        return self.knobs

    def choices(self, spec: TaskSpec) -> QuantitySet:
        """Return the task's knobs; a search starts at those given."""
        return QuantitySet(
            tuple(
                replace(item, default=self.knobs.get(item.name, item.default))
                for item in spec.knobs.items
            )
        )

    def chosen(self, values: Mapping[str, float]) -> dict[str, Any]:
        """Return the argument that means a choice."""
        return {"knobs": dict(values)}
