"""`damosrl doctor`, from the command line to what is printed."""

import json
import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from damosrl.errors import ConfigError, KernelError
from damosrl.kernel.doctor.finding import Machine
from damosrl.kernel.doctor.report import Report, examine
from damosrl.kernel.doctor.text import plain, table
from damosrl.kernel.files import OsFiles
from damosrl.kernel.lock import STATE_DIR
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import restore_saved
from damosrl.kernel.trace import remove_stale

USABLE, NOT_USABLE = 0, 1


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("--json", action="store_true", help="print JSON")
    add(
        "--restore",
        action="store_true",
        help="bring back what a killed damosrl found in DAMON's tree, if one was killed",
    )
    add("--sysfs-root", default="/sys", metavar="DIR", help="default: /sys")
    add("--procfs-root", default="/proc", metavar="DIR", help="default: /proc")
    add("--tracefs-root", metavar="DIR", help="default: kernel/tracing below that of sysfs")
    add("--cgroup-root", metavar="DIR", help="default: fs/cgroup below that of sysfs")
    add("--state-dir", default=str(STATE_DIR), metavar="DIR", help=f"default: {STATE_DIR}")


def run(given: Namespace) -> int:
    """Run `damosrl doctor`; exit status 1 where DAMON cannot be controlled.

    Raises:
        ConfigError: Options exclude each other.
        KernelError: There is no such root.
        KernelBusyError: What is to be restored is in use.
    """
    machine = Machine(_roots(given), OsFiles(), Path(given.state_dir))
    if given.restore:
        if given.json:
            raise ConfigError("--restore prints one line", got="--json", fix="leave --json out")
        done = restore_saved(machine.roots, machine.files, machine.state_dir)
        stale = remove_stale(machine.roots)
        also = f"; removed from the tracer: {', '.join(stale)}" if stale else ""
        sys.stdout.write(f"{done}{also}\n")
        return USABLE
    report = examine(machine)
    sys.stdout.write(_shown(report, as_json=given.json))
    return USABLE if report.usable else NOT_USABLE


def _shown(report: Report, as_json: bool) -> str:
    if as_json:
        return json.dumps(report.data(), indent=2) + "\n"
    if not sys.stdout.isatty():
        return plain(report)
    return table(report, shutil.get_terminal_size().columns, colours="NO_COLOR" not in os.environ)


def _roots(given: Namespace) -> Roots:
    sysfs, procfs = Path(given.sysfs_root), Path(given.procfs_root)
    for option, root in (("--sysfs-root", sysfs), ("--procfs-root", procfs)):
        if not root.is_dir():
            raise KernelError(f"{root} is no folder", fix=f"give {option} where it is mounted")
    return Roots(
        sysfs=sysfs,
        procfs=procfs,
        tracefs=Path(given.tracefs_root or sysfs / "kernel/tracing"),
        cgroupfs=Path(given.cgroup_root or sysfs / "fs/cgroup"),
    )
