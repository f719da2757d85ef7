"""What `damosrl attack` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from damosrl.errors import ConfigError
from damosrl.experiment.settings import NOOP, ORACLE, WorldSettings, require_at_least

TRIALS_FILE = "attack_trials.csv"
"""Every pattern that was tried, and what it did."""


@dataclass(frozen=True, kw_only=True)
class AttackSettings(WorldSettings):
    """What `damosrl attack` is asked for.

    Args:
        tuner: Who is attacked: a name of conf/agent, a YAML path or an artifact.
        budget: A workload whose ranges the attacker may choose from, a choice of conf/budget.
        agent: The search method, a choice of conf/agent.
        trials: Patterns to try.
        repeats: Episodes per pattern; each has its own seed, the same for every pattern.
        finalists: Worst patterns that are measured again on other seeds before one is chosen.
        final_repeats: Episodes per finalist.
        verdict_seeds: Episodes of the chosen pattern, on seeds that nothing was chosen by.
        name: What tables call the pattern; None: ``adversarial_`` and the tuner.
        batch: Patterns asked for ahead of their results; part of what makes a search repeatable.
        seed: Of the search and of the episodes.
    """

    tuner: str | None
    budget: dict[str, Any]
    agent: dict[str, Any]
    trials: int = 96
    repeats: int = 2
    finalists: int = 4
    final_repeats: int = 6
    verdict_seeds: int = 16
    name: str | None = None
    batch: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("trials", "repeats", "finalists", "final_repeats", "batch"):
            require_at_least(name, getattr(self, name), 1)
        require_at_least("verdict_seeds", self.verdict_seeds, 2)
        require_at_least("seed", self.seed, 0)
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
