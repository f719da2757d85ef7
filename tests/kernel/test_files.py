"""Plain files: read, written in one piece, and their errors in words."""

import errno
from pathlib import Path

import pytest

from damosrl.errors import KernelBusyError
from damosrl.kernel.file_errors import FileError, file_error
from damosrl.kernel.files import MAX_READ_BYTES, OsFiles


def test_a_file_is_read_as_it_is_and_replaced_by_a_write(tmp_path: Path) -> None:
    """Nothing is stripped, and no rest of a longer text stays."""
    path = tmp_path / "file"
    path.write_text("a long text\n")
    files = OsFiles()
    assert files.read(path) == "a long text\n"
    files.write(path, "short")
    assert path.read_text() == "short"
    assert files.names(tmp_path) == ["file"]


def test_a_write_never_makes_a_file(tmp_path: Path) -> None:
    """A kernel's tree has the files it has."""
    with pytest.raises(FileError, match="ENOENT"):
        OsFiles().write(tmp_path / "absent", "1")
    assert not OsFiles().exists(tmp_path / "absent")
    with pytest.raises(FileError, match="ENOENT"):
        OsFiles().names(tmp_path / "absent")


def test_an_endless_file_is_given_up(tmp_path: Path) -> None:
    """A file longer than any of the kernel's is an error, not a full memory."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(MAX_READ_BYTES + 1)
    with pytest.raises(FileError, match="EFBIG"):
        OsFiles().read(path)


@pytest.mark.parametrize(
    ("name", "number", "value", "rule"),
    [
        ("nr_contexts", errno.EINVAL, "2", "0 or 1"),
        ("nr_kdamonds", errno.EBUSY, "1", "while a kdamond runs"),
        ("state", errno.ENOMEM, "on", "control groups"),
        ("state", errno.EINVAL, "on", "3 <= min <= max"),
        ("state", errno.EINVAL, "jump", "a command of this kernel"),
        ("sample_us", errno.ERANGE, "1" * 30, "integer type"),
    ],
)
def test_a_refusal_names_file_value_errno_and_rule(
    name: str, number: int, value: str, rule: str
) -> None:
    """One line with all that is known; EBUSY is told apart by its type."""
    error = file_error(Path("/tree") / name, number, value)
    text = str(error)
    assert f"/tree/{name} refuses '{value}'" in text
    assert errno.errorcode[number] in text
    assert rule in text
    assert isinstance(error, KernelBusyError) == (number == errno.EBUSY)
