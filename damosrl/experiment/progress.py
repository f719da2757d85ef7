"""Progress on standard error, for people at a terminal; silence elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Advance = Callable[[int, str], None]
"""Takes the amount done so far, and a few words on it."""


@contextmanager
def progress_bar(title: str, total: int, *, quiet: bool) -> Iterator[Advance]:
    """Show a bar while the body runs.

    Args:
        title: What is going on.
        total: Amount of work.
        quiet: Show nothing.

    Yields:
        A function to call with the amount done so far and a few words.

    Example:
        >>> with progress_bar("counting", 2, quiet=True) as advance:
        ...     advance(1, "one")
    """
    if quiet or not sys.stderr.isatty():
        yield _nothing
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(title, total=total, words="")

        def advance(done: int, words: str) -> None:
            bars.update(task, completed=done, words=words)

        yield advance


def _nothing(done: int, words: str) -> None:
    del done, words
