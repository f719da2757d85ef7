"""The program that is run to be recorded."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from damosrl.errors import ConfigError

PATIENCE_S = 5.0
"""Time that a program gets between SIGTERM and SIGKILL."""


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program while the body runs; one that still runs then is ended.

    Raises:
        ConfigError: It cannot be started.
    """
    try:
        program = subprocess.Popen(command)  # noqa: S603  to run it is what the user asks for
    except OSError as error:
        raise ConfigError(
            "the program cannot be started",
            got=f"{command[0]}: {error.strerror}",
            fix="check its name and its rights",
        ) from error
    try:
        yield program
    finally:
        program.terminate()
        try:
            program.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
