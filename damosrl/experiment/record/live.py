"""What is recorded, live in the terminal: one row per look, addresses from left to right."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from damosrl.damon.recorded import RecordedSnapshot
from damosrl.experiment.record.loop import Collected
from damosrl.experiment.recordings.folding import Folding, cell_rates, fold
from damosrl.experiment.recordings.sizes import rounded_size

COLOURS = ("#202430", "#5a3a2a", "#8f4a2c", "#c7502e", "#e69f4c", "#f2d7a0", "#ffffff")
ROWS = 12
REDRAW_S = 0.5

Show = Callable[[Collected, float], None]


@contextmanager
def live_view(title: str, *, quiet: bool) -> Iterator[Show]:
    """Show a heatmap of the first target while the body runs; nothing where nobody watches.

    Args:
        title: What is being watched.
        quiet: Show nothing.

    Yields:
        A function to call after each look.
    """
    if quiet or not sys.stderr.isatty():
        yield _nothing
        return
    console = Console(stderr=True)
    rows: deque[RecordedSnapshot] = deque(maxlen=ROWS)
    shown_s = float("-inf")
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def show(collected: Collected, passed_s: float) -> None:
            nonlocal shown_s
            if passed_s - shown_s < REDRAW_S or not collected.by_target:
                return
            shown_s = passed_s
            rows.append(collected.by_target[min(collected.by_target)][-1])
            live.update(
                picture(title, list(rows), collected, passed_s, console.width), refresh=True
            )

        yield show


def picture(
    title: str, rows: list[RecordedSnapshot], collected: Collected, passed_s: float, width: int
) -> Group:
    """Return the heatmap of some snapshots as terminal text, the newest at the bottom."""
    samples = max(collected.aggr_us // max(collected.sample_us, 1), 1)
    folding = fold(rows)
    last = rows[-1]
    working = int((last.end - last.start)[last.nr_accesses > 0].sum())
    words = Text.assemble(
        (title, "bold"),
        f"  {passed_s:.0f} s  {collected.num_snapshots} snapshots  {len(last)} regions  "
        f"working set {rounded_size(working)}  (Ctrl-C ends and keeps)",
    )
    columns = max(width - 1, 10)
    lines = [_line(snapshot, folding, columns, samples) for snapshot in rows]
    return Group(words, *lines, _scale(samples))


def _line(snapshot: RecordedSnapshot, folding: Folding, columns: int, samples: int) -> Text:
    rates = cell_rates(snapshot, folding, columns) / samples
    line = Text()
    for rate in rates:
        line.append(" ", style=f"on {_colour(float(rate))}" if np.isfinite(rate) else "")
    return line


def _colour(rate: float) -> str:
    """Return the colour of an access rate, 0..1; cold memory keeps the first."""
    return COLOURS[int(np.ceil(min(max(rate, 0.0), 1.0) * (len(COLOURS) - 1)))]


def _scale(samples: int) -> Text:
    scale = Text("accesses per interval: 0 ")
    for colour in COLOURS:
        scale.append("  ", style=f"on {colour}")
    return scale.append(f" {samples}; distant areas are drawn side by side")


def _nothing(collected: Collected, passed_s: float) -> None:
    del collected, passed_s
