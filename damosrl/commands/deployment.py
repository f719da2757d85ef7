"""Commands that put a policy bundle into service on a kernel."""

import argparse
from importlib import import_module

from damosrl.commands.command import Command


def _status(parser: argparse.ArgumentParser) -> None:
    import_module("damosrl.daemon.status_command").add_arguments(parser)


COMMANDS = (
    Command(
        "daemon status",
        "tell whether the daemon lives, what it decided last, why, and what was vetoed",
        "damosrl daemon status",
        "damosrl.daemon.status_command:run",
        _status,
        "exit status: 0 if a daemon lives and decides in time; 1 if not, or if there is none.",
    ),
)
