"""A report for people: a table on a terminal, else one line for each check."""

from collections.abc import Iterator
from textwrap import wrap

from damosrl.kernel.doctor.finding import State
from damosrl.kernel.doctor.report import Check, Report

COLOURS = {State.OK: 32, State.WARNING: 33, State.MISSING: 31, State.BUSY: 35}
"""Of terminals (ECMA-48)."""
SHORTEST = 30
"""Columns that the texts get at least."""


def plain(report: Report) -> str:
    """Return one line for each check, for logs and other programs."""
    return "".join(f"{line}\n" for line in [*map(_line, report.checks), report.summary])


def table(report: Report, columns: int, colours: bool) -> str:
    """Return a table whose texts are wrapped.

    Args:
        report: What to show.
        columns: Width of the terminal.
        colours: Whether states are coloured.
    """
    width = max(len(check.name) for check in report.checks)
    room = max(columns - width - 11, SHORTEST)
    lines: list[str] = []
    for check in report.checks:
        state = f"{check.finding.state:<7}"
        if colours:
            state = f"\x1b[{COLOURS[check.finding.state]}m{state}\x1b[0m"
        first, *more = _wrapped(check, room)
        lines.append(f"{state}  {check.name:<{width}}  {first}")
        lines.extend(" " * (width + 11) + text for text in more)
    lines.extend(["", *wrap(report.summary, max(columns, SHORTEST))])
    return "\n".join(lines) + "\n"


def _wrapped(check: Check, room: int) -> Iterator[str]:
    finding = check.finding
    texts = {"": finding.found, "why: ": finding.why, "fix: ": finding.fix}
    for label, text in texts.items():
        if text:
            yield from wrap(text, room, initial_indent=label, subsequent_indent=" " * len(label))


def _line(check: Check) -> str:
    finding = check.finding
    parts = [finding.found, finding.why, f"fix: {finding.fix}" if finding.fix else ""]
    return f"{finding.state:<7} {check.name}: {'; '.join(filter(None, parts))}"
