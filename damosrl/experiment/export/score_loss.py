"""What a student costs: its score beside its teacher's, on the same workloads and seeds."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from damosrl.artifact import Artifact
from damosrl.experiment.campaign import Campaign, Entrant, prepare, run_campaign, scale_ends
from damosrl.experiment.export.meeting import Plays
from damosrl.experiment.folder import RunFolder
from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.settings import WorkloadSpec
from damosrl.experiment.summary import summarise

TEACHER, STUDENT = "policy", "tree"
RESAMPLES = 2000


@dataclass(frozen=True)
class ScoreLoss:
    """Scores of both, and their paired difference.

    Args:
        scores: Interquartile mean, interval and number of episodes by name.
        difference: Mean of teacher minus student over equal episodes and its interval; None
            over one seed.
    """

    scores: dict[str, Any]
    difference: dict[str, Any] | None

    def plain(self) -> dict[str, Any]:
        """Return plain data for a provenance."""
        return {"scores": self.scores, "loss": self.difference}

    def line(self) -> str:
        """Say it in one line."""
        means = ", ".join(f"{name} {entry['iqm']:.3f}" for name, entry in self.scores.items())
        words = f"score (IQM of {self.scores[STUDENT]['n']} episodes): {means}"
        if self.difference is None:
            return words
        low, high = self.difference["ci95"]
        return f"{words}; loss {self.difference['mean']:.3f} [{low:.3f}, {high:.3f}]"


def score_loss(
    teacher: Artifact, student: Artifact, plays: Plays, trained_on: WorkloadSpec
) -> ScoreLoss:
    """Compare both between no-op and oracle, as `damosrl compare` does.

    Args:
        teacher: The policy.
        student: The tree.
        plays: Workloads, seeds and length of the episodes.
        trained_on: The workload of the training, for the split of the table.

    Raises:
        DamosrlError: A workload or machine cannot be used.
    """
    metrics = task_metrics(plays.world.environment)
    campaign = Campaign(
        entrants=(
            *scale_ends(metrics),
            Entrant(TEACHER, teacher),
            Entrant(STUDENT, student),
        ),
        workloads=plays.workloads,
        seeds=tuple(range(plays.seed_base, plays.seed_base + plays.seeds)),
        steps=plays.steps,
        world=plays.world,
        train_workload=trained_on,
        jobs=plays.jobs,
    )
    with TemporaryDirectory(prefix="damosrl-export-") as folder:
        rows = run_campaign(prepare(campaign), RunFolder(Path(folder)), quiet=plays.quiet)
    interval = plays.seeds > 1
    summary = summarise(
        rows, metrics, interval=interval, resamples=RESAMPLES, monitor=plays.world.monitor
    )
    scores = {name: summary["scores"][name] for name in (TEACHER, STUDENT)}
    difference = summary["paired_difference"][TEACHER][STUDENT] if interval else None
    return ScoreLoss(scores, difference)
