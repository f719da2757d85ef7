"""Where telemetry comes from: pressure, control groups, tracepoints; and what the CPU can show."""

import errno
import re
from pathlib import Path

from damosrl.kernel.doctor.finding import Finding, Machine, State
from damosrl.kernel.doctor.kernel import is_refused
from damosrl.kernel.doctor.mounts import places_of
from damosrl.kernel.file_errors import FileError
from damosrl.kernel.host.pressure import parse_pressure, pressure_file
from damosrl.kernel.trace import SINCE


def pressure(machine: Machine) -> Finding:
    """Look for memory PSI."""
    path = pressure_file(machine.roots)
    why = "tuners see no stalls, and the goal some_mem_psi_us has nothing to follow"
    try:
        found = parse_pressure(machine.files.read(path))
    except FileError as error:
        if error.number == errno.EOPNOTSUPP:
            return Finding(State.MISSING, "PSI is built in and off", why, "boot with psi=1")
        return Finding(State.MISSING, f"no {path}", why, "boot a kernel with CONFIG_PSI, and psi=1")
    some = found.some
    return Finding(
        State.OK, f"some {some.average[0]:.1%} of the last 10 s, {some.total_us} us in all"
    )


def control_groups(machine: Machine) -> Finding:
    """Look for version 2 of control groups with the memory controller."""
    root = machine.roots.cgroupfs
    controllers = machine.text(root / "cgroup.controllers")
    if controllers is not None and "memory" in controllers.split():
        return Finding(State.OK, f"version 2 at {root}, with memory")
    found = f"{'no version 2' if controllers is None else 'version 2 without memory'} at {root}"
    others = [place for place in places_of(machine, "cgroup2") if place != root]
    useful = [place for place in others if _has_memory(machine, place)]
    if others and not useful:
        found += f"; version 2 without memory at {others[0]}"
    return Finding(
        State.MISSING,
        found,
        "no pressure, limits or DAMOS filters by control group",
        f"give --cgroup-root {useful[0]}"
        if useful
        else "boot with systemd.unified_cgroup_hierarchy=1 and without cgroup_disable=memory",
    )


def tracepoints(machine: Machine) -> Finding:
    """Look for tracefs and DAMON's events in it."""
    root = machine.roots.tracefs
    why = "`damosrl record` falls back to tried_regions, which gives fewer snapshots"
    try:
        names = set(machine.files.names(root / "events/damon"))
    except FileError as error:
        if is_refused(error.number):
            return Finding(State.MISSING, f"{root} may not be read", why, "run as root")
        return Finding(State.MISSING, *_untraced(machine, why))
    lacking = [f"{name} (since {since})" for name, since in SINCE.items() if name not in names]
    if lacking:
        return Finding(State.WARNING, f"without {', '.join(lacking)}", why, "boot a newer kernel")
    return Finding(State.OK, f"{len(names & set(SINCE))} events at {root}")


def processor(machine: Machine) -> Finding:
    """Tell whether this is a virtual machine, and whether its CPU sets accessed bits."""
    cpus = machine.text(machine.roots.procfs / "cpuinfo") or ""
    model = re.search(r"^model name\s*: (.+)$", cpus, re.MULTILINE)
    name = model[1].strip() if model else "unknown processor"
    is_emulated = "TCG" in name
    if (
        is_emulated
        and "pti=on" not in (machine.text(machine.roots.procfs / "cmdline") or "").split()
    ):
        why = "an emulated processor does not set accessed bits again: DAMON sees next to nothing"
        return Finding(State.WARNING, f"emulated: {name}", why, "boot with pti=on")
    if is_emulated:
        why = "all nodes are equally fast: what moves can be judged, not whether it pays"
        return Finding(State.WARNING, f"emulated: {name}", why)
    vendor = _hypervisor(machine, cpus)
    if vendor is None:
        return Finding(State.OK, f"no virtual machine: {name}")
    why = "its host may move this memory or take it away; latencies are what the host gives"
    return Finding(State.WARNING, f"virtual machine ({vendor}): {name}", why)


def _has_memory(machine: Machine, place: Path) -> bool:
    return "memory" in (machine.text(place / "cgroup.controllers") or "").split()


def _untraced(machine: Machine, why: str) -> tuple[str, str, str]:
    """Say what is found, why it matters and what mends it, where there are no events."""
    root = machine.roots.tracefs
    if machine.files.exists(root / "events"):
        return (
            f"no DAMON events at {root}",
            why,
            "boot a kernel with CONFIG_DAMON and CONFIG_TRACING",
        )
    others = [place for place in places_of(machine, "tracefs") if place != root]
    if others:
        return f"tracefs is not at {root}", why, f"give --tracefs-root {others[0]}"
    kinds = machine.text(machine.roots.procfs / "filesystems")
    if kinds is not None and "tracefs" not in kinds.split():
        return "this kernel has no tracefs", why, "boot a kernel with CONFIG_TRACING"
    return f"tracefs is not mounted at {root}", why, f"`mount -t tracefs nodev {root}` as root"


def _hypervisor(machine: Machine, cpus: str) -> str | None:
    sysfs = machine.roots.sysfs
    told = machine.text(sysfs / "hypervisor/type") or machine.text(
        sysfs / "class/dmi/id/sys_vendor"
    )
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", cpus, re.MULTILINE)
    return (told or "hypervisor not named") if flags else None
