"""The score table for a terminal and for Markdown."""

import math
from pathlib import Path

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from damosrl.experiment.report.cast import cast_of
from damosrl.experiment.report.inputs import load_run
from damosrl.experiment.report.scores import NAN, Interval, ScoreRow, number, score_rows

RIGHT_FROM = 1
WORST_WORDS = "worst: mean on the worst workload"
HARM_WORDS = "harm: cost above doing nothing's on patterns made to harm, %"


def score_table(run_dir: Path) -> RichTable:
    """Return the score table of a run for a terminal of 80 columns; negative numbers are red.

    Where worst-case workloads ran, the harm there takes the place of the worst workload's mean.

    Raises:
        RunFolderError: The folder is missing or holds no results.
    """
    rows, splits = _content(run_dir)
    attacked = _attacked(rows)
    table = RichTable(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption="score: 0 is doing nothing, 1 the oracle; † sees ground truth; "
        f"{HARM_WORDS if attacked else WORST_WORDS}; GiB: moved per episode; "
        "report.html has all other costs",
        caption_justify="left",
    )
    heads = ["tuner", "score", "95 % interval", "n", *splits, "harm" if attacked else "worst"]
    heads += [*_shown_heads(rows), "slowdown", "GiB"]
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place >= RIGHT_FROM else "left", no_wrap=True)
    for row in rows:
        name = f"{row.label} †" if row.sees_truth else row.label
        bad_day = row.harm.text if attacked else number(row.worst)
        cells = [name, *_numbers(row, splits, [bad_day])]
        styled = (_styled(cell, head) for cell, head in zip(cells, heads, strict=True))
        table.add_row(*styled, style="" if row.ranked else "dim")
    return table


def score_markdown(run_dir: Path) -> str:
    """Return the score table of a run as a Markdown table, ending in a line feed.

    Raises:
        RunFolderError: The folder is missing or holds no results.
    """
    rows, splits = _content(run_dir)
    attacked = _attacked(rows)
    heads = ["tuner", "score (IQM)", "95 % interval", "n", *splits, "worst workload"]
    heads += ["under attack (IQM)", "harm under attack (%)"] * attacked
    heads += [*_shown_heads(rows), "slowdown", "moved GiB", "clamps", "fallbacks"]
    rule = ["---" if place < RIGHT_FROM else "---:" for place in range(len(heads))]
    lines = [
        [
            _marked(row),
            *_numbers(row, splits, [number(row.worst), *_under_attack(row)[: 2 * attacked]]),
            number(row.clamps, 0),
            number(row.fallbacks, 0),
        ]
        for row in rows
    ]
    return "".join(f"| {' | '.join(map(_cell, cells))} |\n" for cells in (heads, rule, *lines))


def _attacked(rows: list[ScoreRow]) -> bool:
    """Tell whether worst-case workloads ran; else there are no columns of them."""
    return any(row.attacked.runs for row in rows)


def _under_attack(row: ScoreRow) -> tuple[str, str]:
    return _ranged(row.attacked), _ranged(row.harm)


def _ranged(value: Interval) -> str:
    return value.text if math.isnan(value.low) else f"{value.text} ({value.range_text})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _styled(cell: str, head: str) -> Text:
    """Show a loss in red; a negative harm is a gain."""
    lost = head not in ("tuner", "harm") and cell.startswith("\N{MINUS SIGN}")
    return Text(cell, style="red" if lost else "")


def _content(run_dir: Path) -> tuple[list[ScoreRow], list[str]]:
    run = load_run(run_dir)
    rows = score_rows(run, cast_of(run))
    return rows, list(dict.fromkeys(split for row in rows for split in row.by_split))


def _marked(row: ScoreRow) -> str:
    return f"{row.label} (ground truth)" if row.sees_truth else row.label


def _shown_heads(rows: list[ScoreRow]) -> list[str]:
    return [f"{one.head} ({one.unit})" for one in (rows[0].shown if rows else ())]


def _numbers(row: ScoreRow, splits: list[str], bad_days: list[str]) -> list[str]:
    return [
        row.score.text,
        row.score.range_text,
        str(row.score.runs) if row.score.runs else "-",
        *(row.by_split.get(split, Interval(NAN)).text for split in splits),
        *bad_days,
        *(one.text for one in row.shown),
        number(row.slowdown, 3),
        number(row.moved_gib, 1),
    ]
