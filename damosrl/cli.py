"""The command line: ``damosrl <command> [key=value ...]``.

Only the standard library is imported here, so that ``damosrl --help`` answers at once; a command
imports what it needs when it runs.
"""

import argparse
import errno
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import NoReturn

from damosrl.errors import ConfigError, DamosrlError, RunFolderError, UnknownNameError

SUCCESS, FAILURE, USER_ERROR = 0, 1, 2


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


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are the project's: one line, status 2."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(
            "the command line cannot be read", got=message, fix=f"see `{self.prog} --help`"
        )


def _settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("settings", nargs="*", metavar="key=value", help="what differs from conf/")
    _quiet(parser)


def _quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="print no progress")


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scaling",
        metavar="DIR",
        help="measure instead how cost grows with regions, memory and machines; write a table "
        "and a figure there",
    )
    _quiet(parser)


def _run_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="folder of a compare, train or tune run"
    )
    parser.add_argument("--recording", metavar="FILE", help="report on a DAMON recording instead")
    parser.add_argument("--record", type=int, metavar="N", help="which target, where it has more")
    parser.add_argument("--out", metavar="DIR", help="where to, for --recording: FILE.report")
    _quiet(parser)


def _cases(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cases", nargs="*", metavar="CASE.json", help="conformance cases or tables")
    parser.add_argument(
        "--check", action="store_true", help="compare with what the kernel computed, and count"
    )
    parser.add_argument(
        "--random",
        type=int,
        metavar="N",
        help="run N random machines through the engine and its plain-Python reference",
    )
    parser.add_argument(
        "--fuzz",
        type=int,
        metavar="N",
        help="read, explain and run N random documents, a third of them broken on purpose",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="series of what is drawn")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="processes for N")
    _quiet(parser)


def _module(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="damon_reclaim, mtier, ...")
    parser.add_argument(
        "parameters", nargs="*", metavar="param=value", help="as in /sys/module/NAME/parameters"
    )
    parser.add_argument("--list", action="store_true", help="list parameters instead")
    parser.add_argument(
        "--ram",
        action="append",
        default=[],
        metavar="START-END",
        help="a System RAM range of the machine; may be repeated",
    )
    parser.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="START-END",
        help="address span of memory node 0, then of node 1, ...",
    )
    parser.add_argument("--format", default="json", metavar="json|yaml", help="default: json")
    parser.add_argument("--kernel", default="7.3", metavar="7.3|6.12", help="default: 7.3")


def _document(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "document", metavar="DOCUMENT", help="kdamonds document, JSON or YAML; - is standard input"
    )
    parser.add_argument(
        "--kernel", default="7.3", metavar="X.Y", help="warn of what this kernel lacks (6.12..7.3)"
    )
    parser.add_argument("--json", action="store_true", help="print statements and traps as JSON")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 if there are warnings (notes do not count)",
    )


def _lab(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lab", metavar="DIR", help="the lab's folder; default: in your cache")


def _kernel(parser: argparse.ArgumentParser) -> None:
    _lab(parser)
    parser.add_argument(
        "--kernel", default="newest", choices=("newest", "6.12"), help="default: newest"
    )


def _guest_name(parser: argparse.ArgumentParser) -> None:
    _lab(parser)
    _name(parser)


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="default", help="guests of several names run at once")


def _guest(parser: argparse.ArgumentParser) -> None:
    _kernel(parser)
    _name(parser)
    parser.add_argument(
        "--machine",
        default="two-tier",
        metavar="two-tier|three-tier",
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


def _record(parser: argparse.ArgumentParser) -> None:
    import_module("damosrl.experiment.record.options").add_arguments(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    import_module("damosrl.kernel.doctor.command").add_arguments(parser)


def _fidelity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        default="results/published/fidelity",
        metavar="DIR",
        help="numbers, series and figures; default: results/published/fidelity",
    )
    parser.add_argument(
        "--guest-data", metavar="DIR", help="what was measured in the guest; default: OUT/guest"
    )
    parser.add_argument("--measure", action="store_true", help="measure that data anew first")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="emulated machines")
    _lab(parser)
    parser.add_argument("--name", default="fidelity", help="the guest that measures")


_GROUPS_HELP = """\
settings are key=value words; a group (machine, workload, agent, task, reward, safety) takes a
name of conf/ or the path of a YAML; group.key=value changes one number; list+=[item] lengthens a
list; experiment=NAME starts from conf/experiment/NAME.yaml. Runs go to out=DIR, which must not
exist; resume=DIR continues an interrupted run."""

COMMANDS = (
    Command(
        "train",
        "train a policy on emulated machines and evaluate it",
        "damosrl train agent=ppo workload=train_mix seed=3 out=results/ppo",
        "damosrl.experiment.commands:train",
        _settings,
        _GROUPS_HELP,
    ),
    Command(
        "tune",
        "search the best static configuration",
        "damosrl tune agent=tpe trials=40 out=results/tpe",
        "damosrl.experiment.commands:tune",
        _settings,
        _GROUPS_HELP,
    ),
    Command(
        "compare",
        "run tuners on the same workloads and seeds; score them with intervals",
        "damosrl compare tuners=[consist,pi] workloads=[rec_xz,zipf] seeds=10 out=results/first",
        "damosrl.experiment.commands:compare",
        _settings,
        _GROUPS_HELP
        + "\na tuner is a name of conf/agent, a YAML, or the path of a trained artifact.",
    ),
    Command(
        "report",
        "write figures and report.html of a run, print its score table; or of a recording",
        "damosrl report results/first",
        "damosrl.experiment.commands:report",
        _run_folder,
        "of a recording: damosrl report --recording sleep.damon --out sleep",
    ),
    Command(
        "conformance",
        "run cases of the kernel's own core through the emulator",
        "damosrl conformance --check tests/golden/cases/*.json",
        "damosrl.experiment.commands:conformance",
        _cases,
        "`damosrl conformance --random 2000 --jobs 2` compares the engine with the reference;\n"
        "`damosrl conformance --fuzz 2000 --jobs 2` looks for documents that break something.",
    ),
    Command(
        "explain",
        "say in plain words what a kdamonds document will do, and warn of its traps",
        "damosrl explain examples/documents/reclaim.yaml",
        "damosrl.damon.explain.command:run",
        _document,
        "warnings are what was probably not meant, notes what few know; names in brackets are\n"
        "stable. exit status: 0; 1 with --strict if there are warnings; 2 if the document is\n"
        "refused.",
    ),
    Command(
        "record",
        "monitor a process, a program, a control group or physical memory; write a recording",
        "damosrl record --seconds 10 --out sleep.damon -- sleep 20",
        "damosrl.experiment.record.command:run",
        _record,
        "ends after --seconds, on Ctrl-C or SIGTERM, or with its target; what was seen is kept.\n"
        "a program that still runs then is ended. damo 3.4.3 reads the file.\n"
        "convert: damosrl record --from perf.txt --out new.damon",
        takes_words=True,
    ),
    Command(
        "doctor",
        "tell what this machine can do, what is missing, and who uses DAMON now; reads only",
        "damosrl doctor",
        "damosrl.kernel.doctor.command:run",
        _doctor,
        "exit status: 0 if DAMON can be controlled here; 1 if what is needed is missing or busy.\n"
        "after a damosrl was killed: damosrl doctor --restore",
    ),
    Command(
        "env describe",
        "print features and knobs of the task, with units, ranges and meaning",
        "damosrl env describe",
        "damosrl.experiment.commands:describe",
        _settings,
    ),
    Command(
        "module",
        "print the kdamonds document that a kernel module with few knobs stands for",
        "damosrl module damon_reclaim min_age=30000000 --ram 0-4G",
        "damosrl.experiment.commands:module",
        _module,
        "without NAME, or with --list: modules, parameters, defaults and their meaning.",
    ),
    Command(
        "bench",
        "measure the speed targets as ratios in one run; prints JSON",
        "damosrl bench",
        "damosrl.experiment.commands:bench",
        _bench,
        "one JSON object on standard output; value, target, meets, spread and how in every row.\n"
        "The figure of scaling: damosrl bench --scaling results/scaling",
    ),
    Command(
        "fidelity",
        "compare the emulator with a real kernel's DAMON, which was measured in a guest",
        "damosrl fidelity --out results/fidelity --guest-data results/published/fidelity/guest",
        "damosrl.experiment.fidelity.command:run",
        _fidelity,
        "with --measure a guest of the VM lab is booted and measured first (about ten minutes;\n"
        "needs gcc and `damosrl vm build`). See docs/fidelity.md.",
    ),
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
        _lab,
    ),
    Command(
        "vm stop",
        "power a guest off",
        "damosrl vm stop --name three",
        "damosrl.vm.commands:stop",
        _guest_name,
    ),
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
        print("interrupted", file=sys.stderr)
        return FAILURE


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
    """Return the command that the first words name, and the words after it."""
    for command in COMMANDS:
        name = command.name.split()
        if words[: len(name)] == name:
            return command, words[len(name) :]
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
