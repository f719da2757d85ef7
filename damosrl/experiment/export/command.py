"""What `damosrl export` calls."""

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.experiment.commands import announce_compilation
from damosrl.experiment.export.bundle import export_bundle
from damosrl.experiment.export.damo import DamoRequest, export_damo
from damosrl.experiment.export.meeting import Plays
from damosrl.experiment.export.onnx import export_onnx
from damosrl.experiment.export.source import Source, read_source
from damosrl.experiment.export.tree import export_tree
from damosrl.experiment.mixes import taken_apart
from damosrl.experiment.provenance import command_line
from damosrl.experiment.settings import require_at_least
from damosrl.export.new_file import require_new
from damosrl.export.parity import ParityError
from damosrl.export.tree_fit import TreeSize

FAILURE = 1


def run(arguments: Namespace) -> int:
    """Run `damosrl export`: what was written and how near it is, then its path."""
    if arguments.format not in FORMATS:
        raise UnknownNameError("format", arguments.format, FORMATS)
    for name in ("seeds", "steps", "jobs"):
        require_at_least(name, getattr(arguments, name), 1)
    require_at_least("seed-base", arguments.seed_base, 0)
    out = Path(arguments.out)
    require_new(out)  # before time is spent
    announce_compilation(arguments.quiet)
    source = read_source(arguments.source, arguments.task)
    try:
        lines = FORMATS[arguments.format](source, out, arguments)
    except ParityError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILURE
    for line in lines:
        print(line)
    print(out)
    return 0


def _bundle(source: Source, out: Path, arguments: Namespace) -> list[str]:
    return export_bundle(source, out, _command(arguments))


def _onnx(source: Source, out: Path, arguments: Namespace) -> list[str]:
    return export_onnx(source, out, _command(arguments))


def _damo(source: Source, out: Path, arguments: Namespace) -> list[str]:
    request = DamoRequest(
        plays=_plays(source, arguments),
        warm_up=arguments.warm_up,
        nodes=tuple(arguments.node),
        sysfs=Path(arguments.sysfs_root),
        loop=arguments.loop,
    )
    return export_damo(source, out, request)


def _tree(source: Source, out: Path, arguments: Namespace) -> list[str]:
    size = TreeSize(arguments.depth, arguments.leaves)
    return export_tree(source, out, _plays(source, arguments), size, _command(arguments))


FORMATS: Mapping[str, Callable[[Source, Path, Namespace], list[str]]] = {
    "bundle": _bundle,
    "onnx": _onnx,
    "damo": _damo,
    "tree": _tree,
}


def _plays(source: Source, arguments: Namespace) -> Plays:
    workloads = taken_apart(source.workload, source.world.environment)
    if arguments.workloads is not None:
        workloads = _distinct(arguments.workloads.split(","))
    return Plays(
        world=source.world,
        workloads=workloads,
        seeds=arguments.seeds,
        seed_base=arguments.seed_base,
        steps=arguments.steps,
        jobs=arguments.jobs,
        quiet=arguments.quiet,
    )


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if not name or names.count(name) > 1:
            raise ConfigError(
                "--workloads names nothing, or something twice",
                got=",".join(names),
                allowed="different names of conf/workload, paths of YAMLs or recordings",
                fix="write for example --workloads zipf,rec_xz",
            )
    return tuple(names)


def _command(arguments: Namespace) -> str:
    return command_line(
        "export", [arguments.source, "--format", arguments.format, "--out", arguments.out]
    )
