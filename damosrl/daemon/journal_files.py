"""Names of a journal's files: one that grows, and numbered ones that do not."""

import re
from pathlib import Path

CURRENT = "decisions.jsonl"
_CLOSED = re.compile(r"decisions\.(\d{6,18})\.jsonl")


def closed_files(folder: Path) -> list[Path]:
    """Return the files that are full, oldest first; none where there is no folder."""
    numbered = [
        (int(match[1]), path)
        for path in (folder.iterdir() if folder.is_dir() else ())
        if (match := _CLOSED.fullmatch(path.name))
    ]
    return [path for _, path in sorted(numbered)]


def next_closed(folder: Path) -> Path:
    """Return the name that the current file takes when it is full."""
    files = closed_files(folder)
    newest = int(files[-1].name.split(".")[1]) if files else 0
    return folder / f"decisions.{newest + 1:06d}.jsonl"
