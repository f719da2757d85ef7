"""Writes the report on journals: a picture and a table of what happened."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from damosrl.errors import ConfigError
from damosrl.experiment.journals.figure import COLOURS, journal_figure
from damosrl.experiment.journals.series import JournalRun, read_run, shown_features
from damosrl.experiment.report.figures.style import drawing_style, to_drawing

HEADS = (
    *("journal", "decisions", "committed", "refused", "modes", "vetoes"),
    *("decision p99", "policy p99"),
)
PICTURE, TABLE = "journal.png", "journal.md"


def write_journal_report(folders: Sequence[Path], out: Path, features: Sequence[str] = ()) -> Path:
    """Draw journals beside each other and count what happened in them.

    Args:
        folders: Of the journals.
        out: Folder to write; must not exist.
        features: Features to draw; by default those that changed the most.

    Returns:
        The folder.

    Raises:
        ConfigError: A folder holds no journal, there are too many, or ``out`` exists.
        UnknownNameError: No journal has such a feature.
    """
    if out.exists():
        raise ConfigError(f"{out} exists", fix="choose a new folder with --out")
    if len(folders) > len(COLOURS):
        raise ConfigError("too many journals", got=len(folders), allowed=f"1 .. {len(COLOURS)}")
    runs = [read_run(folder) for folder in folders]
    names = shown_features(runs, features)
    with drawing_style():
        drawing = to_drawing("journal", journal_figure(runs, names))
    out.mkdir(parents=True)
    (out / PICTURE).write_bytes(drawing.png)
    (out / TABLE).write_text(journal_table(runs), encoding="utf-8")
    return out


def journal_table(runs: Sequence[JournalRun]) -> str:
    """Return counts and times of journals as a Markdown table."""
    rows = [
        f"| {' | '.join(HEADS)} |",
        "|---" * len(HEADS) + "|",
    ]
    rows += [_row(run) for run in runs]
    return "\n".join(rows) + "\n"


def _row(run: JournalRun) -> str:
    decisions = run.decisions
    modes = Counter(str(decision.mode) for decision in decisions)
    vetoes = Counter(veto.kind for decision in decisions for veto in decision.vetoes)
    cells = (
        run.name,
        len(decisions),
        sum(decision.committed for decision in decisions),
        sum(decision.refused is not None for decision in decisions),
        _counted(modes),
        _counted(vetoes) or "none",
        f"{_p99_ms([decision.decision_us for decision in decisions]):.2f} ms",
        f"{_p99_ms([decision.policy_us for decision in decisions]):.3f} ms",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _counted(counts: "Counter[str]") -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _p99_ms(times_us: Sequence[int]) -> float:
    """Return the nearest-rank 99th percentile of some times."""
    ranked = sorted(times_us)
    return ranked[min(len(ranked) - 1, -(-99 * len(ranked) // 100) - 1)] / 1e3
