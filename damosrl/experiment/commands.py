"""What the command line calls: each command prints progress, then the path of what it wrote."""

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from damosrl.errors import ConfigError
from damosrl.experiment.launch import Launch, prepare_launch
from damosrl.experiment.settings import SUMMARY, CompareSettings, TrainSettings, TuneSettings

TABLE_WIDTH = 118
"""Where nobody watches, the table is as wide as it needs to be."""


def compare(arguments: Namespace) -> int:
    """Run `damosrl compare`."""
    from damosrl.experiment.compare import compare as run  # noqa: PLC0415  as late as possible

    launch = prepare_launch("compare", CompareSettings, arguments.settings, SUMMARY)
    return _run(run, launch, arguments.quiet)


def train(arguments: Namespace) -> int:
    """Run `damosrl train`."""
    from damosrl.experiment.train import train as run  # noqa: PLC0415  as late as possible

    launch = prepare_launch("train", TrainSettings, arguments.settings, SUMMARY)
    return _run(run, launch, arguments.quiet)


def tune(arguments: Namespace) -> int:
    """Run `damosrl tune`."""
    from damosrl.experiment.tune import tune as run  # noqa: PLC0415  as late as possible

    launch = prepare_launch("tune", TuneSettings, arguments.settings, SUMMARY)
    return _run(run, launch, arguments.quiet)


def attack(arguments: Namespace) -> int:
    """Run `damosrl attack`; a first word without an equals sign is the tuner."""
    from damosrl.experiment.attack.attack import attack as run  # noqa: PLC0415  as late as possible
    from damosrl.experiment.attack.settings import AttackSettings  # noqa: PLC0415

    words = list(arguments.settings)
    if words and "=" not in words[0]:
        words[0] = f"tuner={words[0]}"
    launch = prepare_launch("attack", AttackSettings, words, SUMMARY)
    return _run(run, launch, arguments.quiet)


def report(arguments: Namespace) -> int:
    """Run `damosrl report`."""
    if arguments.recording is not None:
        return _report_recording(arguments)
    if arguments.journal:
        return _report_journals(arguments)
    if arguments.gallery is not None:
        return _gallery(arguments)
    if arguments.run is None:
        raise ConfigError(
            "nothing to report", allowed="RUN, --recording FILE or --journal DIR", fix="name one"
        )
    if arguments.out is not None or arguments.record is not None:
        raise ConfigError(
            "--out and --record are not for runs", fix="leave them out: a run's report is in it"
        )
    from damosrl.experiment.report import write_report  # noqa: PLC0415  loads matplotlib

    folder = Path(arguments.run)
    written = write_report(folder)
    _show_scores(folder, arguments.quiet)
    print(written)
    return 0


def _gallery(arguments: Namespace) -> int:
    from damosrl.experiment.gallery.page import write_gallery  # noqa: PLC0415  as late as possible

    if arguments.run is not None:
        raise ConfigError("a run and the gallery are pages of their own", fix="give one")
    print(write_gallery(Path(arguments.gallery), Path(arguments.out or "gallery.html")))
    return 0


def _report_journals(arguments: Namespace) -> int:
    from damosrl.experiment.journals.writer import (  # noqa: PLC0415  loads matplotlib
        write_journal_report,
    )

    if arguments.run is not None or arguments.out is None:
        raise ConfigError("a report on journals needs a folder of its own", fix="give --out DIR")
    folders = [Path(folder) for folder in arguments.journal]
    features = [name for words in arguments.features for name in words.split(",")]
    print(write_journal_report(folders, Path(arguments.out), features))
    return 0


def _report_recording(arguments: Namespace) -> int:
    from damosrl.damon.recording import read_recording  # noqa: PLC0415  as late as possible
    from damosrl.experiment.recordings.writer import (  # noqa: PLC0415  loads matplotlib
        write_recording_report,
    )

    if arguments.run is not None:
        raise ConfigError("a run and a recording have reports of their own", fix="give one")
    path = Path(arguments.recording)
    out = Path(arguments.out or f"{path}.report")
    recording = read_recording(path, record=arguments.record)
    print(write_recording_report(recording, path.name, out))
    return 0


def conformance(arguments: Namespace) -> int:
    """Run `damosrl conformance`."""
    if arguments.random is not None:
        return _random_machines(arguments)
    if arguments.fuzz is not None:
        return _fuzz(arguments)
    if not arguments.cases:
        raise ConfigError(
            "nothing to run", allowed="CASE.json ..., --random N or --fuzz N", fix="name a case"
        )
    from damosrl.emulator.conformance import check_paths, print_case  # noqa: PLC0415

    paths = [Path(case) for case in arguments.cases]
    if arguments.check:
        return int(check_paths(paths))
    for path in paths:
        print_case(path)
    return 0


def _random_machines(arguments: Namespace) -> int:
    from damosrl.experiment.differential import run_random_machines  # noqa: PLC0415  loads numba

    announce_compilation(arguments.quiet)
    tally, written = run_random_machines(
        arguments.random, arguments.seed, arguments.jobs, Path(), quiet=arguments.quiet
    )
    for line in tally.lines():
        print(line)
    if written is None:
        return 0
    print(written)
    return 1


def _fuzz(arguments: Namespace) -> int:
    from damosrl.experiment.fuzz.campaign import fuzz  # noqa: PLC0415  loads numba

    announce_compilation(arguments.quiet)
    tally = fuzz(arguments.fuzz, arguments.seed, arguments.jobs, quiet=arguments.quiet)
    for number, what in tally.failures:
        print(f"document {number} of seed {arguments.seed}: {what}")
    print(tally)
    return 1 if tally.failures else 0


def describe(arguments: Namespace) -> int:
    """Run `damosrl env describe`."""
    from damosrl.experiment.describe import describe_environment  # noqa: PLC0415

    print(describe_environment(arguments.settings))
    return 0


def module(arguments: Namespace) -> int:
    """Run `damosrl module`."""
    from damosrl.experiment.modules import list_modules, module_document  # noqa: PLC0415

    if arguments.list or arguments.name is None:
        print(list_modules(arguments.name))
        return 0
    text = module_document(
        arguments.name,
        arguments.parameters,
        ram=arguments.ram,
        nodes=arguments.node,
        kernel=arguments.kernel,
        form=arguments.format,
    )
    print(text, end="")
    return 0


def bench(arguments: Namespace) -> int:
    """Run `damosrl bench`."""
    from damosrl.experiment.bench import as_json, run, write_scaling  # noqa: PLC0415  as late

    announce_compilation(arguments.quiet)
    if arguments.scaling is None:
        print(as_json(run(quiet=arguments.quiet)))
    else:
        print(write_scaling(Path(arguments.scaling), quiet=arguments.quiet))
    return 0


def _run(run: Callable[..., Path], launch: Launch[Any], quiet: bool) -> int:
    """Run a command that writes a folder; say how to go on if the user stops it."""
    announce_compilation(quiet)
    try:
        path = run(launch, quiet=quiet)
    except KeyboardInterrupt:
        words = "interrupted; nothing has been written"
        if launch.started:
            words = (
                "interrupted; what is finished is kept: continue with "
                f"`damosrl {launch.command} resume={launch.path}`"
            )
        print(words, file=sys.stderr)
        return 1
    _show_scores(path, quiet)
    print(path)
    return 0


def announce_compilation(quiet: bool) -> None:
    """Say on a terminal that kernels have to be compiled first, if they have to."""
    from damosrl.emulator.jit import is_compiled  # noqa: PLC0415  loads numba

    # progress, so for a terminal only: elsewhere a user's error is one line, compiled or not
    if not quiet and sys.stderr.isatty() and not is_compiled():
        print("compiling the emulator's kernels: about a minute, once", file=sys.stderr)


def _show_scores(folder: Path, quiet: bool) -> None:
    if quiet or not (folder / "episodes.csv").is_file():
        return
    from rich.console import Console  # noqa: PLC0415  only when something is shown

    from damosrl.experiment.report import score_table  # noqa: PLC0415  loads matplotlib

    width = None if sys.stderr.isatty() else TABLE_WIDTH
    Console(stderr=True, width=width).print(score_table(folder))
