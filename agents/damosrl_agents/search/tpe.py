"""Tree-structured Parzen estimator: model-based search over static configurations."""

from dataclasses import dataclass

from optuna.samplers import BaseSampler, TPESampler

from damosrl_agents.search.optuna_search import OptunaSearch
from damosrl_agents.tiering import require_range


@dataclass(eq=False)
class TPESearch(OptunaSearch):
    """Proposes where good configurations are dense and bad ones are not (Optuna's TPE).

    Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS 2011.

    Args:
        startup_trials: Trials drawn at random before the model is used.
        candidates: Points among which the model chooses.
        starts: Configurations that are tried first, physical value by knob name; knobs left out
            are at their defaults. They count among the trials.
    """

    startup_trials: int = 10
    candidates: int = 24
    starts: tuple[dict[str, float], ...] = ()

    method = "tpe"

    def __post_init__(self) -> None:
        require_range("startup_trials", self.startup_trials, 0)
        require_range("candidates", self.candidates, 1)

    def sampler(self, seed: int) -> BaseSampler:
        """Return a TPE sampler."""
        return TPESampler(
            seed=seed, n_startup_trials=self.startup_trials, n_ei_candidates=self.candidates
        )
