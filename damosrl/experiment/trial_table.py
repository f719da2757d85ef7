"""The trials of a search in a run folder, written anew whenever something is known."""

from collections.abc import Sequence

from damosrl.experiment.columns import trial_columns
from damosrl.experiment.folder import RunFolder
from damosrl.experiment.rollout import Row
from damosrl.search import Trial


class TrialTable:
    """A table of trials, stage by stage.

    Args:
        folder: Where it lies.
        file: Its name.
        choices: Names of what a trial chooses: knobs, or what makes up a pattern.
        measure: Column of a trial's score.
    """

    def __init__(
        self, folder: RunFolder, file: str, choices: Sequence[str], measure: str = "score"
    ) -> None:
        self._folder, self._file, self._measure = folder, file, measure
        self._columns = trial_columns(choices, measure)
        self._stages: dict[str, list[Row]] = {}

    def show(self, stage: str, trials: Sequence[Trial], repeats: int) -> None:
        """Replace a stage's rows; before the first trial there is no table.

        Raises:
            RunFolderError: The disk is full.
        """
        self._stages[stage] = [
            {
                "trial": trial.number,
                "stage": stage,
                "state": trial.state,
                self._measure: trial.score,
                "runs_count": repeats,
                **trial.knobs,
            }
            for trial in trials
        ]
        rows = [row for stage in self._stages.values() for row in stage]
        if rows:
            self._folder.write_rows(self._file, self._columns, rows)
