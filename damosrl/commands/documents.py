"""Commands about kdamonds documents, and what the emulator makes of them."""

import argparse

from damosrl.commands.command import Command, quiet


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
    quiet(parser)


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


COMMANDS = (
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
        "module",
        "print the kdamonds document that a kernel module with few knobs stands for",
        "damosrl module damon_reclaim min_age=30000000 --ram 0-4G",
        "damosrl.experiment.commands:module",
        _module,
        "without NAME, or with --list: modules, parameters, defaults and their meaning.",
    ),
)
