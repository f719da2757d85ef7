"""Covariance matrix adaptation: search by a normal distribution that learns its own shape."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from optuna.samplers import BaseSampler, CmaEsSampler

from damosrl_agents.search.optuna_search import OptunaSearch
from damosrl_agents.tiering import require_range


@dataclass(eq=False)
class CMAESSearch(OptunaSearch):
    """Moves and shapes a normal distribution towards the better half of each generation.

    Hansen and Ostermeier, "Completely derandomized self-adaptation in evolution strategies",
    Evolutionary Computation 9(2), 2001; Optuna's sampler on the ``cmaes`` package. It starts at the
    knobs' defaults, with a deviation of a sixth of their ranges.

    Args:
        startup_trials: Trials drawn at random before the first generation.
        population: Trials per generation; None takes 4 + 3 ln(number of knobs).
    """

    startup_trials: int = 0
    population: int | None = None

    method = "cma_es"

    def __post_init__(self) -> None:
        require_range("startup_trials", self.startup_trials, 0)
        if self.population is not None:
            require_range("population", self.population, 2)

    def sampler(self, seed: int) -> BaseSampler:
        """Return a CMA-ES sampler; what it has learnt lies in the study's trials."""
        return CmaEsSampler(
            seed=seed,
            n_startup_trials=self.startup_trials,
            popsize=self.population,
            warn_independent_sampling=False,
        )

    def _physical(self, normal: Mapping[str, float]) -> dict[str, float]:
        """Map the middle of the searched range to the default, both halves linearly."""
        shifted = {}
        for item in self._spec.knobs.items:
            default, at = float(item.to_normal(np.array(item.default))), normal[item.name]
            room = 1.0 - default if at > 0.0 else 1.0 + default
            shifted[item.name] = default + at * room
        return super()._physical(shifted)
