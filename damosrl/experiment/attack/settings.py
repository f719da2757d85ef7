"""What `damosrl attack` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from damosrl.errors import ConfigError
from damosrl.experiment.settings import NOOP, ORACLE, SearchSettings, require_at_least

TRIALS_FILE = "attack_trials.csv"
"""Every pattern that was tried, and what it did."""


@dataclass(frozen=True, kw_only=True)
class AttackSettings(SearchSettings):
    """What `damosrl attack` is asked for.

    Args:
        tuner: Who is attacked: a name of conf/agent, a YAML path or an artifact.
        budget: A workload whose ranges the attacker may choose from, a choice of conf/budget.
        verdict_seeds: Episodes of the chosen pattern, on seeds that nothing was chosen by.
        name: What tables call the pattern; None: ``adversarial_`` and the tuner.
    """

    tuner: str | None
    budget: dict[str, Any]
    trials: int = 96
    repeats: int = 2
    final_repeats: int = 6
    batch: int = 12
    verdict_seeds: int = 16
    name: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least("verdict_seeds", self.verdict_seeds, 2)
        if not self.tuner:
            raise ConfigError(
                "nobody to attack",
                allowed="a name of conf/agent, a YAML, or an artifact",
                fix="write for example: damosrl attack consist",
            )
        if self.tuner in (NOOP, ORACLE):
            raise ConfigError(
                f"{self.tuner} is an end of the scale that harm is measured on",
                fix="attack another tuner",
            )

    @property
    def target(self) -> str:
        """The tuner; `__post_init__` has seen that there is one."""
        return self.tuner or ""

    @property
    def pattern_name(self) -> str:
        """What tables call the pattern."""
        return self.name or f"adversarial_{Path(self.target).stem}"
