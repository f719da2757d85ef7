"""What `damosrl record` was asked for, checked as far as words alone allow."""

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path

from damosrl.damon import AddressRange, Attrs, Intervals
from damosrl.damon.units import parse_size, parse_time_us
from damosrl.errors import ConfigError, UnitError
from damosrl.kernel.lock import STATE_DIR
from damosrl.kernel.roots import Roots

METHODS = ("auto", "trace", "tried_regions")


@dataclass(frozen=True, slots=True)
class Options:
    """A checked command line.

    Args:
        out: File to write.
        attrs: Monitoring attributes.
        seconds: When to stop, seconds; None is never.
        pids: Processes.
        cgroup: Control group, below the root of the hierarchy.
        command: Program to run and its arguments.
        physical: Whether to watch physical memory.
        ranges: Which parts of it; empty takes all System RAM.
        method: One of `METHODS`.
        roots: Where the kernel's file systems are.
        state_dir: Where what was there before is kept.
        quiet: Show nothing while it runs.
    """

    out: Path
    attrs: Attrs
    seconds: float | None
    pids: tuple[int, ...]
    cgroup: str | None
    command: tuple[str, ...]
    physical: bool
    ranges: tuple[AddressRange, ...]
    method: str
    roots: Roots
    state_dir: Path
    quiet: bool


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("--pid", type=int, action="append", default=[], metavar="N", help="watch a process")
    add("--cgroup", metavar="PATH", help="watch the processes that a control group has now")
    add("--physical", action="store_true", help="watch physical memory")
    add(
        "--range",
        action="append",
        default=[],
        metavar="START-END",
        help="this part of physical memory only (4G-8G, 0x100000000-0x200000000); may be repeated",
    )
    add("--from", dest="source", metavar="FILE", help="convert a recording of any known format")
    add("--out", required=True, metavar="FILE", help="the recording to write (json_compressed)")
    add("--seconds", type=float, metavar="S", help="stop after so long")
    add("--sample", metavar="TIME", help="sampling interval (5ms)")
    add("--aggr", metavar="TIME", help="aggregation interval (100ms)")
    add("--update", metavar="TIME", help="time between looks at what a process maps (1s)")
    add("--min-regions", type=int, default=10, metavar="N", help="default: 10")
    add("--max-regions", type=int, default=1000, metavar="N", help="default: 1000")
    add(
        "--method",
        choices=METHODS,
        default="auto",
        help="tracepoints, or regions tried by a scheme; auto takes tracepoints where it can",
    )
    for name, kind in (("sysfs", "/sys"), ("procfs", "/proc")):
        add(f"--{name}-root", default=kind, metavar="DIR", help=f"default: {kind}")
    add("--tracefs-root", metavar="DIR", help="default: kernel/tracing below that of sysfs")
    add("--cgroup-root", metavar="DIR", help="default: fs/cgroup below that of sysfs")
    add("--state-dir", default=str(STATE_DIR), metavar="DIR", help=f"default: {STATE_DIR}")
    add("--quiet", action="store_true", help="print no progress")


def options_of(given: Namespace) -> Options:
    """Check a parsed command line.

    Raises:
        ConfigError: No target or more than one kind is given, or a value is out of bounds.
        UnitError: A time or an address cannot be read.
        DocumentError: The kernel would refuse the intervals or the number of regions.
    """
    kinds = [bool(given.pid), bool(given.words), given.cgroup is not None, given.physical]
    if sum(kinds) != 1:
        raise ConfigError(
            "record needs one kind of target",
            got=f"{sum(kinds)} of them",
            allowed="--pid N, --cgroup PATH, --physical, or -- COMMAND ARGS",
            fix="give one",
        )
    if given.range and not given.physical:
        raise ConfigError("--range is for physical memory", fix="add --physical")
    if given.seconds is not None and not 0 < given.seconds < float("inf"):
        raise ConfigError("--seconds is no time", got=given.seconds, allowed="> 0")
    ranges = sorted((_range(text) for text in given.range), key=lambda item: item.start)
    times = intervals_of(given) or Intervals()
    return Options(
        out=Path(given.out),
        attrs=Attrs(
            Intervals(times.sample_us, times.aggr_us, parse_time_us(given.update or "1s")),
            given.min_regions,
            given.max_regions,
        ),
        seconds=given.seconds,
        pids=tuple(dict.fromkeys(given.pid)),
        cgroup=given.cgroup,
        command=tuple(given.words),
        physical=given.physical,
        ranges=tuple(ranges),
        method=given.method,
        roots=_roots(given),
        state_dir=Path(given.state_dir),
        quiet=given.quiet,
    )


def intervals_of(given: Namespace) -> Intervals | None:
    """Return the intervals that were given; None where none was."""
    if given.sample is None and given.aggr is None:
        return None
    kernels = Intervals()
    sample_us = kernels.sample_us if given.sample is None else parse_time_us(given.sample)
    aggr_us = kernels.aggr_us if given.aggr is None else parse_time_us(given.aggr)
    return Intervals(sample_us, aggr_us)


def _roots(given: Namespace) -> Roots:
    sysfs = Path(given.sysfs_root)
    return Roots(
        sysfs=sysfs,
        procfs=Path(given.procfs_root),
        tracefs=Path(given.tracefs_root or sysfs / "kernel/tracing"),
        cgroupfs=Path(given.cgroup_root or sysfs / "fs/cgroup"),
    )


def _range(text: str) -> AddressRange:
    start, dash, end = text.partition("-")
    if not dash:
        raise ConfigError(
            "no address range", got=repr(text), allowed="START-END", fix="write for example 4G-8G"
        )
    found = AddressRange(_address(start), _address(end))
    if not found.size:
        raise ConfigError("the address range is empty", got=repr(text), allowed="START < END")
    return found


def _address(text: str) -> int:
    if text.lower().startswith("0x"):
        try:
            return int(text, 16)
        except ValueError:
            raise UnitError("no address", got=repr(text), allowed="0x and digits") from None
    return parse_size(text)
