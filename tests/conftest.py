"""Guards for every test: the machine's own DAMON tree is out of bounds."""

import os
import sys
from typing import Any

import pytest

FORBIDDEN = ("/sys/kernel/mm/damon", "/sys/module/damon")
WRITING_EVENTS = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}


def _touches_damon(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        path, mode = arguments[0], arguments[1]
        writes = isinstance(mode, str) and any(letter in mode for letter in "wax+")
        flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
        writes = writes or bool(flags & (os.O_WRONLY | os.O_RDWR))
    elif event in WRITING_EVENTS:
        path, writes = arguments[0], True
    else:
        return False
    return writes and isinstance(path, str) and os.path.realpath(path).startswith(FORBIDDEN)


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if _touches_damon(event, arguments):
        raise PermissionError(f"a test tried to write the real DAMON tree: {arguments[0]}")


def pytest_configure(config: pytest.Config) -> None:
    """Install the guard before anything is imported."""
    del config
    sys.addaudithook(_guard)
