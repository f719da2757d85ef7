"""Commands that put a policy bundle into service on a kernel."""

import argparse
from importlib import import_module

from damosrl.commands.command import Command


def _install(parser: argparse.ArgumentParser) -> None:
    import_module("damosrl.daemon.install.command").add_arguments(parser)


def _status(parser: argparse.ArgumentParser) -> None:
    import_module("damosrl.daemon.status_command").add_arguments(parser)


def _daemon(parser: argparse.ArgumentParser) -> None:
    import_module("damosrl.daemon.options").add_arguments(parser)


COMMANDS = (
    Command(
        "daemon install",
        "show the systemd unit and the configuration of the daemon; write them with --apply",
        "damosrl daemon install --root /mnt/image --metrics 9184",
        "damosrl.daemon.install.command:run",
        _install,
        "starts nothing. Files that were changed by hand are kept without --force.\n"
        "See docs/deploy.md; back in one command: systemctl disable --now damosrl",
    ),
    Command(
        "daemon status",
        "tell whether the daemon lives, what it decided last, why, and what was vetoed",
        "damosrl daemon status",
        "damosrl.daemon.status_command:run",
        _status,
        "exit status: 0 if a daemon lives and decides in time; 1 if not, or if there is none.",
    ),
    Command(
        "daemon",
        "drive a kernel by a policy bundle, behind the limits it was trained with",
        "damosrl daemon policy.damosrl --shadow",
        "damosrl.daemon.command:run",
        _daemon,
        "SIGTERM: restore what was found and end. SIGUSR1: to the kernel's loop now. SIGHUP: load\n"
        "the bundle again. While the file `stop` is in --state-dir, the policy is not asked.\n"
        "refused, and nothing changed, where somebody else uses DAMON. See docs/deploy.md.",
    ),
)
