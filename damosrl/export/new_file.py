"""Files that appear whole or not at all, and never in the place of another."""

import os
from pathlib import Path

from damosrl.errors import ExportError


def require_new(path: Path) -> None:
    """Refuse a path that exists.

    Raises:
        ExportError: It does.
    """
    if path.exists() or path.is_symlink():
        raise ExportError(
            f"{path} exists; nothing is overwritten",
            allowed="a path that does not exist",
            fix="give another --out",
        )


def write_new(path: Path, content: bytes) -> Path:
    """Write a new file; missing parents are made.

    Args:
        path: Must not exist.
        content: All of it.

    Returns:
        The path.

    Raises:
        ExportError: The path exists or cannot be written.
    """
    require_new(path)
    partial = path.with_name(f".{path.name}.partial{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.rename(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ExportError(
            f"cannot write {path}", got=error.strerror, fix="give --out elsewhere"
        ) from error
    return path
