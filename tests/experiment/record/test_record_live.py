"""The live heatmap in the terminal."""

import io

import numpy as np
from rich.console import Console

from damosrl.damon.recorded import RecordedSnapshot
from damosrl.experiment.record.live import COLOURS, live_view, picture
from damosrl.experiment.record.loop import Collected


def _snapshot(accesses: list[int]) -> RecordedSnapshot:
    start = np.arange(len(accesses), dtype=np.uint64) * np.uint64(2**20)
    return RecordedSnapshot(
        0,
        10**8,
        5_000,
        start,
        start + np.uint64(2**20),
        np.array(accesses, np.uint32),
        np.zeros(len(accesses), np.uint32),
    )


def test_hot_and_cold_memory_have_the_ends_of_the_scale() -> None:
    """Hot and cold memory have the ends of the scale."""
    collected = Collected(5_000, 100_000)
    shot = _snapshot([0, 20])
    collected.add(0, shot)
    console = Console(
        file=io.StringIO(), width=41, force_terminal=True, color_system="truecolor", record=True
    )
    console.print(picture("pid 1", [shot], collected, 3.0, 41))
    cold, hot = (f"background-color: {COLOURS[end]}" for end in (0, -1))
    html = console.export_html(inline_styles=True).partition("<pre")[2]
    assert cold in html
    assert hot in html
    assert html.index(cold) < html.index(hot)
    assert "2 regions" in html
    assert "working set 1 MiB" in html


def test_nothing_is_shown_where_nobody_watches() -> None:
    """Nothing is shown where nobody watches."""
    collected = Collected(5_000, 100_000)
    collected.add(0, _snapshot([1]))
    for quiet in (True, False):  # standard error is no terminal in a test
        with live_view("pid 1", quiet=quiet) as show:
            assert show(collected, 1.0) is None
