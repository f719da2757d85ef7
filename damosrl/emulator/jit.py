"""How the emulator's kernels are compiled: one decorator, one cache that cannot go stale.

Numba's cache notices a change of the file that holds a function, not of the files it calls.
The cache folder therefore carries a digest of all kernel sources: everything here but
``conformance``, which holds no kernels.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.extending import overload

Function = TypeVar("Function", bound=Callable[..., Any])


def _source_digest() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    home = Path(__file__).parent
    for path in sorted(home.rglob("*.py")):
        if path.relative_to(home).parts[0] != "conformance":
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_dir() -> Path:
    """Return the folder of compiled kernels (DAMOSRL_CACHE_DIR, XDG_CACHE_HOME or ~/.cache)."""
    base = os.environ.get("DAMOSRL_CACHE_DIR")
    if base is None:
        base = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
        base = str(Path(base) / "damosrl")
    return Path(base) / f"kernels-{_source_digest()}"


def is_compiled() -> bool:
    """Tell whether some of these kernels have been compiled on this machine before."""
    return any(cache_dir().rglob("*.nbc"))


njit: Any = numba.njit
config: Any = numba.config
config.CACHE_DIR = str(cache_dir())

INNER: Any = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


def kernel(function: Function) -> Function:
    """Compile a function of numbers and arrays; releases the GIL, cached on disk."""
    compiled: Function = njit(cache=True, nogil=True, error_model="numpy")(function)
    return compiled


def lean_kernel(function: Function) -> Function:
    """Compile a kernel that allocates nothing, without counting references to its arrays.

    The engine's state is some thirty arrays; counting them at every call would more than double
    its time. Numba refuses to compile an allocation here.
    """
    compile_ = njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
    compiled: Function = compile_(function)
    return compiled


def inner_kernel(function: Function) -> Function:
    """Compile a `lean_kernel` that only kernels call.

    Unpacking the engine's thirty arrays from Python objects takes longer to compile than most
    steps of the engine themselves, so this leaves it out.
    """
    options: Any = {"cache": True, **INNER}
    compiled: Function = njit(**options)(function)
    return compiled


def implements(protocol: Callable[..., Any]) -> Callable[[Function], Function]:
    """Register a chooser that gives the implementation of a world function for some types.

    The chooser gets the numba types of the arguments and returns a Python function, or None
    when the world is not its own. The function is compiled as an `inner_kernel`.
    """

    def register(chooser: Function) -> Function:
        overload(protocol, jit_options=INNER)(chooser)
        return chooser

    return register
