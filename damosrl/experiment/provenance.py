"""What a run needs to be repeated: versions, and the command line."""

import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from damosrl import __version__

PACKAGES = (
    "numpy",
    "numba",
    "gymnasium",
    "stable-baselines3",
    "sb3-contrib",
    "torch",
    "optuna",
    "hydra-core",
    "joblib",
)


def versions() -> dict[str, Any]:
    """Return versions of all that can change a result, and how far results repeat."""
    return {
        "damosrl": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in PACKAGES},
        "repeatable": "bit for bit with these versions on this kind of processor",
    }


def command_line(command: str, arguments: Sequence[str]) -> str:
    """Return the shell command that repeats a run.

    Example:
        >>> command_line("compare", ["tuners=[pi,consist]", "seeds=5"])
        "damosrl compare 'tuners=[pi,consist]' seeds=5"
    """
    return shlex.join(["damosrl", command, *arguments])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
