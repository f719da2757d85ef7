"""Processes of a guest that outlive the program that started them."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from damosrl.process import Process


def spawn(words: Sequence[str], folder: Path) -> Process:
    """Start a program in a folder, apart from our terminal; it prints to ``NAME.log`` there."""
    log = folder / f"{Path(words[0]).name}.log"
    with log.open("ab") as file:
        child = subprocess.Popen(  # noqa: S603  (our own words)
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Process.of(child.pid)
    child.returncode = 0  # it outlives us on purpose
    return process
