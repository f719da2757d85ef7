"""attack_trials.csv: every pattern that was tried, and what it did."""

from collections.abc import Sequence

from damosrl.experiment.folder import RunFolder
from damosrl.experiment.rollout import Row
from damosrl.search import Trial

TRIALS_FILE = "attack_trials.csv"


class AttackTable:
    """The trials of both stages, written anew whenever something is known.

    Args:
        folder: Where the file lies.
        choices: Names of what a pattern is chosen by.
    """

    def __init__(self, folder: RunFolder, choices: Sequence[str]) -> None:
        self._folder = folder
        self._columns = ("trial", "stage", "state", "harm_ratio", "runs_count", *choices)
        self._stages: dict[str, list[Row]] = {}

    def show(self, stage: str, trials: Sequence[Trial], repeats: int) -> None:
        """Replace a stage's rows.

        Raises:
            RunFolderError: The disk is full.
        """
        self._stages[stage] = [
            {
                "trial": trial.number,
                "stage": stage,
                "state": trial.state,
                "harm_ratio": trial.score,
                "runs_count": repeats,
                **trial.knobs,
            }
            for trial in trials
        ]
        rows = [row for stage in self._stages.values() for row in stage]
        self._folder.write_rows(TRIALS_FILE, self._columns, rows)
