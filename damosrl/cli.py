"""The command line: ``damosrl <command> [key=value ...]``.

Only the standard library is imported here, so that ``damosrl --help`` answers at once; a command
imports what it needs when it runs.
"""

import argparse
import errno
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from damosrl.commands import COMMANDS, Command
from damosrl.errors import ConfigError, DamosrlError, RunFolderError, UnknownNameError

SUCCESS, FAILURE, USER_ERROR = 0, 1, 2


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are the project's: one line, status 2."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(
            "the command line cannot be read", got=message, fix=f"see `{self.prog} --help`"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after the program's name; None takes those of the process.

    Returns:
        0 on success; 2 on a user's error, told in one line on standard error; 1 otherwise.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(words)
    except DamosrlError as error:
        return _refuse(f"error: {error}")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return _refuse(f"error: {RunFolderError('the disk is full', fix='make room')}")
        if isinstance(error, BrokenPipeError):
            sys.stderr.close()
            return FAILURE
        raise
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        if _comes_of_an_interrupt(error):
            return _interrupted()
        raise


def _interrupted() -> int:
    print("interrupted", file=sys.stderr)
    return FAILURE


def _comes_of_an_interrupt(error: BaseException) -> bool:
    """Tell whether somebody's clean-up failed on the way out of Ctrl-C, as Numba's does."""
    earlier = error.__context__
    while earlier is not None and not isinstance(earlier, KeyboardInterrupt):
        earlier = earlier.__context__
    return earlier is not None


def _refuse(line: str) -> int:
    print(line, file=sys.stderr)
    return USER_ERROR


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return SUCCESS
    if words[0] == "help":
        return _dispatch([*words[1:], "--help"])
    if words[0] == "--version":
        print(f"damosrl {import_module('damosrl').__version__}")
        return SUCCESS
    command, rest = _find(words)
    try:
        own, words = _split(rest) if command.takes_words else (rest, [])
        parsed = _parser(command).parse_intermixed_args(own)
    except SystemExit:
        return SUCCESS  # --help has been printed
    parsed.words = words
    module, _, function = command.run.partition(":")
    return int(getattr(import_module(module), function)(parsed))


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Part our words from those after the first ``--``."""
    place = words.index("--") if "--" in words else len(words)
    return words[:place], words[place + 1 :]


def _find(words: list[str]) -> tuple[Command, list[str]]:
    """Return the command with the longest name that the words begin with, and the words after."""
    named = [one for one in COMMANDS if words[: len(one.name.split())] == one.name.split()]
    if named:
        command = max(named, key=lambda one: len(one.name))
        return command, words[len(command.name.split()) :]
    firsts = {command.name.split()[0] for command in COMMANDS}
    if words[0] not in firsts:
        raise UnknownNameError("command", words[0], [command.name for command in COMMANDS])
    under = [
        command.name.split()[1] for command in COMMANDS if command.name.startswith(f"{words[0]} ")
    ]
    if len(words) == 1 or words[1].startswith("-"):
        raise ConfigError(
            f"`damosrl {words[0]}` needs a second word",
            allowed=", ".join(under),
            fix=f"write `damosrl {words[0]} {under[0]}`",
        )
    raise UnknownNameError(f"command after `{words[0]}`", words[1], under)


def _parser(command: Command) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"damosrl {command.name}",
        description=command.summary,
        epilog=f"{command.details}\n\nexample:\n  {command.example}".strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.arguments(parser)
    return parser


def _overview() -> str:
    width = max(len(command.name) for command in COMMANDS)
    lines = [
        "usage: damosrl <command> [key=value ...] [--quiet]",
        "",
        "Train, compare and deploy tuners for Linux DAMON/DAMOS memory tiering.",
        "",
        "commands:",
        *(f"  {command.name:<{width}}  {command.summary}" for command in COMMANDS),
        "",
        "`damosrl <command> --help` shows settings and an example. Exit status: 0 success,",
        "2 a mistake in what was given (one line says which), 1 anything else.",
        "",
        "example:",
        f"  {COMMANDS[2].example}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
