"""Random search: the control that every cleverer search must beat at equal budget."""

from dataclasses import dataclass

from optuna.samplers import BaseSampler, RandomSampler

from damosrl_agents.search.optuna_search import OptunaSearch


@dataclass(eq=False)
class RandomSearch(OptunaSearch):
    """Draws every knob uniformly over its normalised range.

    Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 13, 2012.
    """

    method = "random"

    def sampler(self, seed: int) -> BaseSampler:
        """Return a uniform sampler."""
        return RandomSampler(seed=seed)
