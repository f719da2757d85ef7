"""Compiles this room's kernels, into a cache that carries a digest of this room's sources only.

The emulator's cache and this one do not know each other: a change here recompiles nothing there.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

njit: Any = numba.njit
config: Any = numba.config


def _cache_dir() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    base = os.environ.get("DAMOSRL_CACHE_DIR")
    if base is None:
        base = str(Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "damosrl")
    return str(Path(base) / f"acma-{digest.hexdigest()[:16]}")


CACHE_DIR = _cache_dir()


def kernel(function: Function) -> Function:
    """Compile a function of numbers and arrays; releases the GIL, cached on disk."""
    before, config.CACHE_DIR = config.CACHE_DIR, CACHE_DIR
    try:
        compiled: Function = njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        config.CACHE_DIR = before
    return compiled
