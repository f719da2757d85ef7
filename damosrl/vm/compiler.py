"""C programs for guests: compiled on the host, whose libraries the guest sees."""

import subprocess
from importlib.resources import as_file
from importlib.resources.abc import Traversable
from pathlib import Path

from damosrl.errors import VmError


def compile_c(source: Traversable, folder: Path) -> Path:
    """Compile a program of one file and return where it is.

    Args:
        source: The C file.
        folder: Where the program goes, under the file's name without its ending.

    Raises:
        VmError: There is no C compiler, or it refused.
    """
    target = folder / source.name.removesuffix(".c")
    with as_file(source) as path:
        words = ["gcc", "-O1", "-Wall", "-Werror", "-o", str(target), str(path), "-lm"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
        except FileNotFoundError:
            raise VmError("there is no C compiler", got="no gcc", fix="install gcc") from None
    if done.returncode:
        raise VmError(f"{source.name} does not compile", got=done.stderr[-200:])
    return target
