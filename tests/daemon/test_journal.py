"""The log of decisions: bounded, whole lines only, and never in the way."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.daemon.decision import Decision
from damosrl.daemon.journal import MIN_BYTES, Journal
from damosrl.daemon.journal_files import CURRENT, closed_files
from damosrl.daemon.journal_reader import read_decisions
from damosrl.errors import ConfigError
from tests.daemon.decisions import DECISIONS, decision
from tests.daemon.full_disk import files_end_at

LINE_BYTES = len(msgspec.json.encode(decision())) + 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that is to be made."""
    return tmp_path / "log" / "damosrl"


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    """Return a small journal."""
    opened = Journal(folder, MIN_BYTES, keep=3)
    yield opened
    opened.close()


def _steps(folder: Path) -> list[int]:
    return [one.step for one in read_decisions(folder)]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


@given(written=st.lists(DECISIONS, max_size=5))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(written: list[Decision]) -> None:
    """Every decision comes back equal, in order."""
    with TemporaryDirectory() as name:
        journal = Journal(Path(name), 2**20, keep=2)
        assert all(journal.write(one) for one in written)
        journal.close()
        assert list(read_decisions(Path(name))) == written


@given(
    lengths=st.lists(st.integers(0, 2 * MIN_BYTES), max_size=60),
    keep=st.integers(1, 4),
    starts=st.sets(st.integers(0, 60)),
)
@settings(max_examples=60, deadline=None)
def test_the_whole_is_bounded_after_every_line(
    lengths: list[int], keep: int, starts: set[int]
) -> None:
    """Whatever is written, and however often it starts anew, the bytes stay within the bound."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(folder, MIN_BYTES, keep)
        for step, length in enumerate(lengths, start=1):
            if step in starts:
                journal.close()
                journal = Journal(folder, MIN_BYTES, keep)
            fits = LINE_BYTES + length + len(str(step)) < MIN_BYTES
            assert journal.write(decision(step, reason="x" * length)) or not fits
            assert _bytes(folder) <= keep * MIN_BYTES
            assert len(list(folder.iterdir())) <= keep
        journal.close()
        steps = _steps(folder)
        assert steps == sorted(set(steps))


def test_the_newest_lines_are_kept(journal: Journal, folder: Path) -> None:
    """Rotation removes the oldest lines, and none between two that are kept."""
    for step in range(1, 101):
        assert journal.write(decision(step))
    steps = _steps(folder)
    assert steps == list(range(steps[0], 101))
    assert len(steps) > 2 * (MIN_BYTES // (LINE_BYTES + 2))
    assert len(closed_files(folder)) == 2


def test_smaller_bounds_hold_for_what_lies_there(folder: Path) -> None:
    """A journal with smaller bounds removes what earlier ones left beyond them."""
    large = Journal(folder, 16 * MIN_BYTES, keep=6)
    for step in range(1, 600):
        large.write(decision(step))
    large.close()
    small = Journal(folder, MIN_BYTES, keep=2)
    small.write(decision(600))
    small.close()
    assert _bytes(folder) <= 2 * MIN_BYTES
    assert _steps(folder)[-1] == 600


def test_files_are_the_owners(journal: Journal, folder: Path) -> None:
    """Files are 0600 and a folder that is made is 0700, whatever the umask is."""
    mask = os.umask(0)
    try:
        for step in range(30):
            journal.write(decision(step))
    finally:
        os.umask(mask)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("room", [0, 1, LINE_BYTES - 1])
def test_a_full_disk_drops_whole_lines(journal: Journal, folder: Path, room: int) -> None:
    """Lines without room are dropped and counted; when room returns, logging goes on."""
    assert journal.write(decision(1))
    with files_end_at(LINE_BYTES + room):
        assert not journal.write(decision(2))
        assert not journal.write(decision(3))
        assert journal.trouble
    assert journal.dropped == 2
    assert journal.write(decision(4))
    assert journal.trouble == ""
    assert _steps(folder) == [1, 4]
    assert (folder / CURRENT).read_bytes().count(b"\n") == 2


def test_no_folder_drops_lines(journal: Journal, folder: Path) -> None:
    """A folder that cannot be made, or goes away, costs lines only; it is made when it can be."""
    folder.parent.write_text("in the way")
    assert not journal.write(decision(1))
    folder.parent.unlink()
    assert journal.write(decision(2))
    shutil.rmtree(folder)
    assert journal.write(decision(3))
    assert _steps(folder) == [3]
    assert journal.dropped == 1


def test_a_link_is_not_followed(journal: Journal, folder: Path, tmp_path: Path) -> None:
    """A link in the place of the file is refused: nobody is written to through it."""
    folder.mkdir(parents=True)
    (folder / CURRENT).symlink_to(tmp_path / "victim")
    assert not journal.write(decision(1))
    assert not (tmp_path / "victim").exists()


@given(cut=st.integers(1, LINE_BYTES - 1))
@settings(max_examples=40, deadline=None)
def test_a_torn_tail_harms_no_other_line(cut: int) -> None:
    """A line that a crash cut anywhere is closed at the next start, and left out by the reader."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        first = Journal(folder, MIN_BYTES, keep=2)
        first.write(decision(1))
        first.write(decision(2))
        first.close()
        os.truncate(folder / CURRENT, LINE_BYTES + cut)
        second = Journal(folder, MIN_BYTES, keep=2)
        second.write(decision(3))
        second.close()
        whole = cut == LINE_BYTES - 1  # only the newline was missing
        assert _steps(folder) == ([1, 2, 3] if whole else [1, 3])


@given(garbage=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_the_reader_survives_garbage(garbage: bytes) -> None:
    """Bytes of any kind between two lines cost no other line."""
    with TemporaryDirectory() as name:
        line = msgspec.json.encode(decision(1)) + b"\n"
        (Path(name) / CURRENT).write_bytes(line + garbage + b"\n" + line)
        assert _steps(Path(name)) == [1, 1]


def test_no_folder_holds_no_decisions(folder: Path) -> None:
    """Where no journal was written there is nothing to read."""
    assert _steps(folder) == []


@pytest.mark.parametrize(("max_bytes", "keep"), [(MIN_BYTES - 1, 2), (MIN_BYTES, 0)])
def test_bounds_that_hold_nothing_are_refused(folder: Path, max_bytes: int, keep: int) -> None:
    """A bound that leaves no room for a line is a user's error."""
    with pytest.raises(ConfigError, match="allowed: >="):
        Journal(folder, max_bytes, keep)
