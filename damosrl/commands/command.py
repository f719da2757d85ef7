"""What a command of the command line is, and arguments that several have; std-lib only."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

GROUPS_HELP = """\
settings are key=value words; a group (machine, workload, agent, task, reward, safety) takes a
name of conf/ or the path of a YAML; group.key=value changes one number; list+=[item] lengthens a
list; experiment=NAME starts from conf/experiment/NAME.yaml. Runs go to out=DIR, which must not
exist; resume=DIR continues an interrupted run."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line.

    Args:
        name: What the user types; may consist of two words.
        summary: One line for the list of commands.
        example: A complete command that works.
        run: ``module:function`` that takes the parsed arguments and returns the exit status.
        arguments: Adds the command's own arguments to its parser.
        details: More help, shown under the options.
    """

    name: str
    summary: str
    example: str
    run: str
    arguments: Callable[[argparse.ArgumentParser], None]
    details: str = ""
    takes_words: bool = False
    """Whether words after ``--`` are somebody else's command line."""


def settings(parser: argparse.ArgumentParser) -> None:
    """Take ``key=value`` words over conf/."""
    parser.add_argument("settings", nargs="*", metavar="key=value", help="what differs from conf/")
    quiet(parser)


def quiet(parser: argparse.ArgumentParser) -> None:
    """Take ``--quiet``."""
    parser.add_argument("--quiet", action="store_true", help="print no progress")
