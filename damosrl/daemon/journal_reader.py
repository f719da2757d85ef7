"""Reads a journal back, for status, plots and people."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from damosrl.daemon.decision import Decision
from damosrl.daemon.journal_files import CURRENT, closed_files


def read_decisions(folder: Path) -> Iterator[Decision]:
    """Yield a journal's decisions, oldest first.

    Lines that are torn, or of a version with other fields, are left out; so is the last one while
    it is being written. Files that a running daemon removes meanwhile are left out too.

    Args:
        folder: Folder of the journal; one that does not exist has no decisions.

    Raises:
        OSError: A file cannot be read.
    """
    decoder = msgspec.json.Decoder(Decision)
    for path in (*closed_files(folder), folder / CURRENT):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            continue
        with file:
            for line in file:
                if line.endswith(b"\n") and (decision := _decision(decoder, line)):
                    yield decision


def _decision(decoder: "msgspec.json.Decoder[Decision]", line: bytes) -> Decision | None:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
