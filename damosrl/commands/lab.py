"""Commands of the VM lab."""

import argparse

from damosrl.commands.command import Command


def lab(parser: argparse.ArgumentParser) -> None:
    """Take ``--lab``."""
    parser.add_argument("--lab", metavar="DIR", help="the lab's folder; default: in your cache")


def _kernel(parser: argparse.ArgumentParser) -> None:
    lab(parser)
    parser.add_argument(
        "--kernel", default="newest", choices=("newest", "6.12"), help="default: newest"
    )


def _guest_name(parser: argparse.ArgumentParser) -> None:
    lab(parser)
    _name(parser)


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="default", help="guests of several names run at once")


def _guest(parser: argparse.ArgumentParser) -> None:
    _kernel(parser)
    _name(parser)
    parser.add_argument(
        "--machine",
        default="two-tier",
        metavar="two-tier|three-tier|cxl|resizable",
        help="its memory, if it is booted now; default: two-tier",
    )


def _guest_run(parser: argparse.ArgumentParser) -> None:
    _guest(parser)
    parser.add_argument("--script", metavar="FILE.py", help="run this instead of a command")
    parser.add_argument(
        "--collect",
        action="append",
        default=[],
        metavar="PATH",
        help="afterwards copy this file or folder out of the guest; may be repeated",
    )
    parser.add_argument("--to", default=".", metavar="DIR", help="where collected files go")


COMMANDS = (
    Command(
        "vm build",
        "fetch a kernel with DAMON by the distribution's tools, for guests of the lab",
        "damosrl vm build",
        "damosrl.vm.commands:build",
        _kernel,
        "nothing is done twice; needs root where QEMU is not installed.",
    ),
    Command(
        "vm boot",
        "boot a guest with memory tiers, which stays until `damosrl vm stop`",
        "damosrl vm boot --machine three-tier --name three",
        "damosrl.vm.commands:boot",
        _guest,
    ),
    Command(
        "vm run",
        "run a command in a guest, with the host's files and its exit status",
        "damosrl vm run -- python -c 'import damosrl'",
        "damosrl.vm.commands:run",
        _guest_run,
        "a guest is booted for the command if none of this name runs. The host's files are\n"
        "read-only there; /tmp is the guest's own: write there, and --collect it.",
        takes_words=True,
    ),
    Command(
        "vm shell",
        "run lines of the terminal in a guest",
        "damosrl vm shell",
        "damosrl.vm.commands:shell",
        _guest,
    ),
    Command(
        "vm status",
        "list kernels that were built and guests",
        "damosrl vm status",
        "damosrl.vm.commands:status",
        lab,
    ),
    Command(
        "vm stop",
        "power a guest off",
        "damosrl vm stop --name three",
        "damosrl.vm.commands:stop",
        _guest_name,
    ),
)
