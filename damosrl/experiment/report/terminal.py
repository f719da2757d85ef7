"""The score table for a terminal and for Markdown."""

from pathlib import Path

from rich.table import Table as RichTable
from rich.text import Text

from damosrl.experiment.report.cast import cast_of
from damosrl.experiment.report.inputs import load_run
from damosrl.experiment.report.scores import NAN, Interval, ScoreRow, number, score_rows

RIGHT_FROM = 1


def score_table(run_dir: Path) -> RichTable:
    """Return the score table of a run for a terminal; negative scores are red.

    Raises:
        RunFolderError: The folder is missing or holds no results.
    """
    heads, lines, rows = _table(run_dir)
    table = RichTable(
        title="score: 0 = doing nothing, 1 = oracle", title_justify="left", title_style="dim"
    )
    for place, head in enumerate(heads):
        table.add_column(
            head, justify="right" if place >= RIGHT_FROM else "left", no_wrap=place == 0
        )
    for row, cells in zip(rows, lines, strict=True):
        style = "" if row.ranked else "dim"
        table.add_row(*(_styled(cell, place) for place, cell in enumerate(cells)), style=style)
    return table


def score_markdown(run_dir: Path) -> str:
    """Return the score table of a run as a Markdown table, ending in a line feed.

    Raises:
        RunFolderError: The folder is missing or holds no results.
    """
    heads, lines, _ = _table(run_dir)
    rule = ["---" if place < RIGHT_FROM else "---:" for place in range(len(heads))]
    return "".join(f"| {' | '.join(map(_cell, cells))} |\n" for cells in (heads, rule, *lines))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _styled(cell: str, place: int) -> Text:
    lost = place >= RIGHT_FROM and cell.startswith("\N{MINUS SIGN}")
    return Text(cell, style="red" if lost else "")


def _table(run_dir: Path) -> tuple[list[str], list[list[str]], list[ScoreRow]]:
    run = load_run(run_dir)
    rows = score_rows(run, cast_of(run))
    splits = list(dict.fromkeys(split for row in rows for split in row.by_split))
    heads = [
        "tuner",
        "score (IQM)",
        "95 % interval",
        "n",
        *splits,
        "slowdown",
        "moved GiB",
        "clamps",
        "fallbacks",
    ]
    return heads, [_line(row, splits) for row in rows], rows


def _line(row: ScoreRow, splits: list[str]) -> list[str]:
    mark = " (ground truth)" if row.sees_truth else ""
    return [
        f"{row.label}{mark}",
        row.score.text,
        row.score.range_text,
        str(row.score.runs) if row.score.runs else "-",
        *(row.by_split.get(split, Interval(NAN)).text for split in splits),
        number(row.slowdown, 3),
        number(row.moved_gib, 1),
        number(row.clamps, 0),
        number(row.fallbacks, 0),
    ]
