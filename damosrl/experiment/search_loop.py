"""Ask and tell: trials until there are enough, and the best of them measured again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from damosrl.errors import ConfigError
from damosrl.experiment.progress import Advance
from damosrl.experiment.settings import SearchSettings
from damosrl.experiment.trial_table import TrialTable
from damosrl.search import Search, Trial

SEARCH, FINAL = "search", "final"
"""Stages; each has episodes of its own."""

Choice = Mapping[str, float]
Measure = Callable[[Sequence[Choice]], Sequence[Sequence[float] | None]]
"""Returns a number per episode for each choice; None for one that could not be run."""


@dataclass(frozen=True)
class SearchLoop:
    """A search with its table and its progress.

    Args:
        settings: How many trials, and on how many episodes.
        search: What proposes them.
        table: Where they are written down.
        advance: Told how far it is.
        worth: A trial's score from its episodes; higher is better.
        words: What progress says of the highest score so far.
    """

    settings: SearchSettings
    search: Search
    table: TrialTable
    advance: Advance
    worth: Callable[[Sequence[float]], float]
    words: Callable[[float], str]

    def run(self, measure: Measure) -> None:
        """Ask and tell until there are enough trials; a search that stopped goes on unchanged."""
        search, settings = self.search, self.settings
        while True:
            trials = search.trials()
            self.table.show(SEARCH, trials, settings.repeats)
            told = sum(trial.state != "running" for trial in trials)
            self.advance(told, self._progress(trials))
            if told >= settings.trials:
                return
            # An interrupted batch is told first, alone: later trials then know what they knew
            # before.
            size = len(trials) - told or min(settings.batch, settings.trials - told)
            asked = [search.ask() for _ in range(size)]
            for chosen, found in zip(asked, measure(asked), strict=True):
                if found is None:
                    search.tell(chosen, 0.0, state="fail")
                else:
                    search.tell(chosen, self.worth(found))

    def finals(self, measure: Measure) -> list[tuple[Trial, Sequence[float]]]:
        """Measure the best trials again on fresh episodes; return them, best first.

        Raises:
            ConfigError: No trial could be run, or none could be run again.
        """
        complete = [trial for trial in self.search.trials() if trial.score is not None]
        ranked = sorted(complete, key=_best_first)[: self.settings.finalists]
        if not ranked:
            raise ConfigError("no trial could be run", fix="see the machine's limits")
        measured = measure([trial.knobs for trial in ranked])
        finals = [
            (Trial(trial.number, trial.knobs, self.worth(found), "complete"), found)
            for trial, found in zip(ranked, measured, strict=True)
            if found is not None
        ]
        if not finals:
            raise ConfigError("no finalist could be run again", fix="see the machine's limits")
        self.table.show(FINAL, [trial for trial, _ in finals], self.settings.final_repeats)
        self.advance(self.settings.trials + len(ranked), "finalists measured again")
        return sorted(finals, key=lambda final: _best_first(final[0]))

    def _progress(self, trials: Sequence[Trial]) -> str:
        scores = [trial.score for trial in trials if trial.score is not None]
        return self.words(max(scores)) if scores else ""


def _best_first(trial: Trial) -> tuple[float, int]:
    return -(trial.score or 0.0), trial.number
