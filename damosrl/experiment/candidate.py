"""What `damosrl tune` searches: the numbers of a tuner that says which they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from damosrl.config import choices, load_choice, load_yaml
from damosrl.errors import ConfigError
from damosrl.registry import GROUP, make_tuner
from damosrl.search import Searchable
from damosrl.task import TaskSpec


@dataclass(frozen=True)
class Candidate:
    """A tuner's configuration, and the tuner that knows what of it may be chosen.

    Args:
        values: The agent's configuration.
        tuner: Built from it.

    Example:
        >>> chosen = {"promotion_quota": 4096.0}
        >>> read_candidate("static").agent(chosen)["knobs"]
        {'promotion_quota': 4096.0}
    """

    values: Mapping[str, Any]
    tuner: Searchable

    def space(self, spec: TaskSpec) -> TaskSpec:
        """Put what may be chosen where a search looks for knobs."""
        found = self.tuner.choices(spec)
        return TaskSpec(spec.task, spec.observation, found, spec.decision_interval_s)

    def agent(self, chosen: Mapping[str, float]) -> dict[str, Any]:
        """Return the configuration of the tuner with what was chosen."""
        return {**self.values, **self.tuner.chosen(chosen)}


def read_candidate(name: str) -> Candidate:
    """Read an agent by name or YAML path.

    Raises:
        ConfigError: It has nothing that could be searched.
        DamosrlError: There is no such agent, or it cannot be built.
    """
    tuner = make_tuner(name)
    is_file = name.endswith((".yaml", ".yml"))
    if not isinstance(tuner, Searchable) or not (is_file or name in choices(GROUP)):
        raise ConfigError(
            f"{name} has no numbers that could be searched",
            allowed="a configuration of a tuner with `choices`, such as candidate=static",
            fix="see damosrl.search.Searchable",
        )
    return Candidate(load_yaml(Path(name)) if is_file else load_choice(GROUP, name), tuner)
