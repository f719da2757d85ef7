"""Commands that train, compare and report."""

import argparse

from damosrl.commands.command import GROUPS_HELP, Command, quiet, settings
from damosrl.commands.lab import lab


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scaling",
        metavar="DIR",
        help="measure instead how cost grows with regions, memory and machines; write a table "
        "and a figure there",
    )
    quiet(parser)


def _attacked(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="TUNER key=value",
        help="who is attacked, then what differs from conf/",
    )
    quiet(parser)


def _run_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="folder of a compare, train or tune run"
    )
    parser.add_argument("--recording", metavar="FILE", help="report on a DAMON recording instead")
    parser.add_argument("--record", type=int, metavar="N", help="which target, where it has more")
    parser.add_argument(
        "--journal",
        action="append",
        default=[],
        metavar="DIR",
        help="report on a daemon's journal instead; repeated, on several beside each other",
    )
    parser.add_argument(
        "--features",
        action="append",
        default=[],
        metavar="NAME,...",
        help="features to draw of a journal; default: those that changed the most",
    )
    parser.add_argument(
        "--gallery",
        metavar="DIR",
        help="one page with one picture per task, from published results such as results/published",
    )
    parser.add_argument("--out", metavar="PATH", help="where to, but for runs")
    quiet(parser)


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
    lab(parser)
    parser.add_argument("--name", default="fidelity", help="the guest that measures")


COMMANDS = (
    Command(
        "train",
        "train a policy on emulated machines and evaluate it",
        "damosrl train agent=ppo workload=train_mix seed=3 out=results/ppo",
        "damosrl.experiment.commands:train",
        settings,
        GROUPS_HELP,
    ),
    Command(
        "tune",
        "search the best static configuration",
        "damosrl tune agent=tpe trials=40 out=results/tpe",
        "damosrl.experiment.commands:tune",
        settings,
        GROUPS_HELP,
    ),
    Command(
        "compare",
        "run tuners on the same workloads and seeds; score them with intervals",
        "damosrl compare tuners=[consist,pi] workloads=[rec_xz,zipf] seeds=10 out=results/first",
        "damosrl.experiment.commands:compare",
        settings,
        GROUPS_HELP
        + "\na tuner is a name of conf/agent, a YAML, or the path of a trained artifact.",
    ),
    Command(
        "attack",
        "search the access pattern, within a budget, on which a tuner does worst",
        "damosrl attack consist budget=default trials=100 out=results/attack",
        "damosrl.experiment.commands:attack",
        _attacked,
        GROUPS_HELP
        + "\nthe budget is a workload whose ranges are what an attacker may choose (conf/budget);"
        "\npattern.yaml of the run is a workload for `damosrl compare`. See docs/attack.md.",
    ),
    Command(
        "report",
        "write figures and report.html of a run, print its score table; or of a recording",
        "damosrl report results/first",
        "damosrl.experiment.commands:report",
        _run_folder,
        "of a recording: damosrl report --recording sleep.damon --out sleep\n"
        "of all tasks: damosrl report --gallery results/published --out gallery.html\n"
        "of a daemon: damosrl report --journal /run/damosrl --out daemon",
    ),
    Command(
        "env describe",
        "print features and knobs of the task, with units, ranges and meaning",
        "damosrl env describe",
        "damosrl.experiment.commands:describe",
        settings,
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
)
