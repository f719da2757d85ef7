"""The command line of the export, called as a user does."""

import re
from pathlib import Path

import pytest

from damosrl.cli import main


def exported(capsys: pytest.CaptureFixture[str], source: object, form: str, out: Path,
             *more: str) -> str:  # fmt: skip
    """Export quietly and return what was printed; its last line is the path."""
    words = ["export", str(source), "--format", form, "--out", str(out), "--quiet", *more]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[-1] == str(out)
    return text


def refused(capsys: pytest.CaptureFixture[str], source: object, form: str, out: Path,
            *more: str) -> str:  # fmt: skip
    """Export what a user got wrong; return the one line that says so."""
    assert main(["export", str(source), "--format", form, "--out", str(out), *more]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    lines: list[str] = streams.err.splitlines()
    assert len(lines) == 1
    return lines[0]


def largest_difference(text: str) -> float:
    """Return the first difference that was printed."""
    found = re.search(r"largest difference (\S+) of 10,000 observations", text)
    assert found is not None
    return float(found[1])
