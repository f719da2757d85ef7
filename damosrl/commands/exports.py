"""The command that takes a policy out of the laboratory."""

import argparse

from damosrl.commands.command import Command, quiet


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="RUN|ARTIFACT|TUNER", help="what to export: a run of train or tune, ..."
    )
    parser.add_argument("--format", required=True, metavar="bundle|onnx|damo|tree")
    parser.add_argument("--out", required=True, metavar="PATH", help="must not exist")
    parser.add_argument(
        "--task",
        metavar="NAME|YAML",
        help="task that a tuner's name or YAML is exported for; default: memory tiering",
    )
    plays = parser.add_argument_group("where the policy is run (damo, tree)")
    plays.add_argument(
        "--workloads", metavar="A,B,...", help="default: those of its training, one by one"
    )
    plays.add_argument("--seeds", type=int, default=3, metavar="N", help="default: 3")
    plays.add_argument("--seed-base", type=int, default=40_000, metavar="S", help="first seed")
    plays.add_argument("--steps", type=int, default=300, metavar="N", help="per episode; 300")
    plays.add_argument("--jobs", type=int, default=2, metavar="N", help="processes; default: 2")
    damo = parser.add_argument_group("damo")
    damo.add_argument(
        "--warm-up", type=int, default=60, metavar="N", help="decisions that do not count: 60"
    )
    damo.add_argument("--loop", metavar="consist|temporal", help="the kernel's loop; see below")
    damo.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="START-END",
        help="addresses of memory node 0, then 1, ...; default: those of this machine",
    )
    damo.add_argument("--sysfs-root", default="/sys", metavar="DIR", help="of that machine")
    tree = parser.add_argument_group("tree")
    tree.add_argument("--depth", type=int, default=6, metavar="N", help="at most; default: 6")
    tree.add_argument("--leaves", type=int, default=32, metavar="N", help="at most; default: 32")
    quiet(parser)


def _show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="folder or .damosrl file")
    parser.add_argument("--public-key", metavar="FILE", help="refuse it if not signed by this key")
    parser.add_argument("--json", action="store_true", help="print JSON, nothing shortened")


def _sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="folder or .damosrl file")
    parser.add_argument("--key", required=True, metavar="FILE", help="private key, PEM")


def _keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--private", required=True, metavar="FILE", help="written 0600")
    parser.add_argument("--public", required=True, metavar="FILE", help="for everybody")


COMMANDS = (
    Command(
        "export",
        "write a policy as a bundle, an ONNX graph, a kdamonds document or a decision tree",
        "damosrl export best_static --format damo --node 0-4G --node 4G-8G --out tiering.json",
        "damosrl.experiment.export.command:run",
        _export,
        "bundle  for `damosrl daemon`: one file if PATH ends with .damosrl, else a folder\n"
        "onnx    normaliser, limits and units inside the graph; for networks\n"
        "damo    the policy's steady state, for damo 3.4.3 and `damosrl explain`; a tuner that\n"
        "        sets quotas itself leaves the kernel's temporal loop under them, others theirs\n"
        "tree    a folder with rules in physical units and the bundle that follows them\n"
        "bundle and onnx are compared with the trained policy on 10,000 observations before they\n"
        "are written; above 1e-4 (normalised) nothing is written and the exit status is 1\n"
        "(damo tells the spread of the knobs instead, tree agreement and score loss).\n"
        "onnx needs pip install 'damosrl[onnx]',\n"
        "tree pip install 'damosrl[tree]'.",
    ),
    Command(
        "bundle show",
        "check a policy bundle and say what it is, what limits it carries and where it is from",
        "damosrl bundle show policy.damosrl",
        "damosrl.artifact.command:show",
        _show,
    ),
    Command(
        "bundle sign",
        "vouch for the content of a bundle, ed25519",
        "damosrl bundle sign policy.damosrl --key private.pem",
        "damosrl.artifact.command:sign_bundle",
        _sign,
        "needs pip install 'damosrl[signed]'; the daemon asks for it by --public-key.",
    ),
    Command(
        "bundle keys",
        "write a pair of keys for signatures",
        "damosrl bundle keys --private private.pem --public public.pem",
        "damosrl.artifact.command:keys",
        _keys,
        "keep the private key off the machines that run bundles.",
    ),
)
