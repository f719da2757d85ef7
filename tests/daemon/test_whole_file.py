"""Files that a reader finds whole or not at all."""

import os
from pathlib import Path

import pytest

from damosrl.daemon.whole_file import replace_file
from tests.daemon.full_disk import files_end_at


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_has_the_mode_asked_for(tmp_path: Path, mode: int) -> None:
    """The umask and the mode of an older file change nothing."""
    path = tmp_path / "file"
    path.touch(0o666)
    mask = os.umask(0o077)
    try:
        replace_file(path, b"new", mode)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == mode
    assert path.read_bytes() == b"new"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A write that fails leaves the file as it was, and nothing beside it."""
    path = tmp_path / "file"
    replace_file(path, b"old")
    with files_end_at(3), pytest.raises(OSError, match="too large"):
        replace_file(path, b"longer than before")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_left_over_part_is_no_obstacle(tmp_path: Path) -> None:
    """What a killed process left beside the file is replaced, not followed."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"safe")
    (tmp_path / "file.part").symlink_to(victim)
    replace_file(tmp_path / "file", b"new")
    assert victim.read_bytes() == b"safe"
    assert (tmp_path / "file").read_bytes() == b"new"
    assert not (tmp_path / "file.part").is_symlink()
