"""Who uses DAMON now: kdamonds of others, modules, and sessions of ours, also dead ones."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from damosrl.errors import KernelError
from damosrl.kernel.doctor.finding import Finding, Machine, State
from damosrl.kernel.doctor.kernel import is_refused
from damosrl.kernel.file_errors import FileBusyError, FileError
from damosrl.kernel.holders import Holder, foreign_use
from damosrl.kernel.lock import state_file
from damosrl.kernel.saved_state import SavedState, boot_id, load
from damosrl.kernel.staging import retry_busy
from damosrl.kernel.tried import numbered

BUSY_TIME_S = 1.0
"""Longest time to ask again while the kernel answers EBUSY."""
_THREAD = re.compile(r"kdamond\.\d+")


def users(machine: Machine) -> Finding:
    """Name everything that uses DAMON and is not ours."""
    try:
        holders = _holders(machine)
    except FileBusyError as error:
        return Finding(
            State.BUSY,
            f"somebody holds DAMON's lock: {error.path} answered EBUSY for {BUSY_TIME_S} s",
            "a command to a kdamond is in progress",
            "wait, then run `damosrl doctor` again",
        )
    except FileError as error:
        if not is_refused(error.number):
            raise
        return _by_threads(machine)
    known = {holder.pid for holder in holders}
    threads = {pid: name for pid, name in _threads(machine).items() if pid not in known}
    ours = _state_of_this_boot(machine)
    others = [holder for holder in holders if ours is None or not ours.owns(holder.pid)]
    unknown = {} if -1 in known else threads
    found = [_told(machine, holder) for holder in others] + [
        f"{name} (pid {pid}), started by a module" for pid, name in unknown.items()
    ]
    if not found:
        return Finding(State.OK, "nobody else")
    fixes = [holder.fix for holder in others] + (["stop that module"] if unknown else [])
    return Finding(
        State.BUSY,
        "in use by " + "; ".join(found),
        "damosrl changes nothing while others use DAMON",
        "; ".join(dict.fromkeys(fixes)),
    )


def session(machine: Machine) -> Finding:
    """Tell whether a process of ours controls the tree, or was killed while it did."""
    root = machine.roots.damon
    try:
        saved = load(state_file(machine.state_dir, root, "json"))
    except KernelError as error:
        refused = isinstance(error.__cause__, PermissionError)
        fix = "run as root" if refused else f"{error.fix}"
        return Finding(State.WARNING, error.what, f"{error.got}", fix)
    pid = _lock_holder(machine)
    if pid is not None:
        return Finding(
            State.BUSY,
            f"process {pid} of ours controls {root}",
            "one process at a time may",
            f"end it: `kill -TERM {pid}`; it restores what it found",
        )
    if saved is None:
        return Finding(State.OK, "no session of ours")
    if saved.boot_id != boot_id(machine.roots, machine.files):
        return Finding(
            State.OK,
            "a state saved before the last boot",
            fix="forget it: `damosrl doctor --restore`",
        )
    return Finding(
        State.WARNING,
        f"process {saved.origin.pid} of ours was killed before it restored {root}",
        "the kernel goes on with what was committed last",
        "`damosrl doctor --restore`",
    )


def _holders(machine: Machine) -> tuple[Holder, ...]:
    found: list[Holder] = []
    retry_busy(
        lambda: found.extend(foreign_use(machine.roots, machine.files)), time_limit_s=BUSY_TIME_S
    )
    return tuple(found)


def _by_threads(machine: Machine) -> Finding:
    """Tell what a user without rights can see: the kernel's threads."""
    threads = [f"{name} (pid {pid})" for pid, name in _threads(machine).items()]
    if threads:
        return Finding(
            State.BUSY,
            f"in use by {', '.join(threads)}",
            "what they do is told to the super-user only",
            "run `damosrl doctor` as root",
        )
    return Finding(
        State.WARNING,
        "no kdamond among the threads seen",
        "DAMON's files are readable by the super-user only",
        "run `damosrl doctor` as root",
    )


def _threads(machine: Machine) -> dict[int, str]:
    """Return the names of all kdamonds by process id; kernel threads have no command line."""
    found = {}
    for name in machine.names(machine.roots.procfs):
        folder = machine.roots.procfs / name
        comm = machine.text(folder / "comm") if name.isdecimal() else None
        if comm and _THREAD.fullmatch(comm) and not machine.text(folder / "cmdline"):
            found[int(name)] = comm
    return found


def _told(machine: Machine, holder: Holder) -> str:
    if not holder.name.startswith("kdamond "):
        return f"{holder.name} (pid {holder.pid})" if holder.pid > 0 else holder.name
    folder = machine.roots.damon / f"kdamonds/{holder.name.split()[1]}/contexts/0"
    words = [f"pid {holder.pid}", machine.text(folder / "operations") or "no operations"]
    words.append(_schemes_told(list(_actions(machine, folder))))
    return f"{holder.name} ({', '.join(words)})"


def _actions(machine: Machine, context: Path) -> Iterator[str]:
    for scheme in numbered(machine.files, context / "schemes"):
        yield machine.text(scheme / "action") or "?"


def _schemes_told(actions: list[str]) -> str:
    if not actions:
        return "no scheme"
    return f"{len(actions)} scheme{'s' * (len(actions) > 1)}: {' '.join(actions)}"


def _state_of_this_boot(machine: Machine) -> SavedState | None:
    try:
        saved = load(state_file(machine.state_dir, machine.roots.damon, "json"))
    except KernelError:
        return None  # the check `session` tells
    here = saved is not None and saved.boot_id == boot_id(machine.roots, machine.files)
    return saved if here else None


def _lock_holder(machine: Machine) -> int | None:
    """Return who holds the tree's lock by the kernel's list of locks; nothing is locked for it."""
    try:
        status = state_file(machine.state_dir, machine.roots.damon, "lock").stat()
    except OSError:
        return None
    major, minor = os.major(status.st_dev), os.minor(status.st_dev)
    ours = re.compile(
        rf"^\d+: FLOCK +ADVISORY +WRITE +(\d+) {major:02x}:{minor:02x}:{status.st_ino} ",
        re.MULTILINE,
    )
    found = ours.search(machine.text(machine.roots.procfs / "locks") or "")
    return int(found[1]) if found else None
