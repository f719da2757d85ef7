"""Files that a reader finds whole or not at all: written beside, then renamed."""

import os
from pathlib import Path

OWNER_ONLY = 0o600
EVERYBODY_READS = 0o644


def replace_file(path: Path, data: bytes, mode: int = OWNER_ONLY) -> None:
    """Write a file in one piece; whoever reads it meanwhile gets the old one.

    It is not forced to the disk: after a power cut a file may be the old one, or empty.

    Args:
        path: The file; its folder exists.
        data: All of its bytes.
        mode: Permission bits, whatever the umask is.

    Raises:
        OSError: It cannot be written; an older file is as before, and nothing lies beside it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "status.json"
        ...     replace_file(path, b"{}")
        ...     oct(path.stat().st_mode & 0o777)
        '0o600'
    """
    part = path.with_name(f"{path.name}.part")  # one name: kills leave no litter that grows
    part.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        handle = os.open(part, flags, mode)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
