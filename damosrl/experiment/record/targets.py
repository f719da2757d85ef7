"""What to watch: options become processes and address ranges, and the kdamonds document."""

import re
from dataclasses import dataclass
from pathlib import Path

from damosrl.damon import AddressRange, Attrs, Context, Document, Kdamond, Ops, Scheme, Target
from damosrl.errors import KernelError
from damosrl.kernel.roots import Roots

RAM = "System RAM"
_MAPPED = re.compile(r"^( *)([0-9a-f]{1,16})-([0-9a-f]{1,16}) : (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Watched:
    """Targets of one context.

    Args:
        targets: In the order of the tracepoints' ``target_id``.
        pids: Their processes; empty for physical memory.
        title: A few words for people.
    """

    targets: tuple[Target, ...]
    pids: tuple[int, ...]
    title: str

    def document(self, attrs: Attrs, *, with_scheme: bool) -> Document:
        """Return the document that monitors them.

        Args:
            attrs: Monitoring attributes.
            with_scheme: Add a scheme that acts on nothing and matches all, for its tried regions.
        """
        schemes = (Scheme(),) if with_scheme else ()
        ops = Ops.VADDR if self.pids else Ops.PADDR
        return Document((Kdamond((Context(ops, self.targets, attrs, schemes),)),))


def processes(roots: Roots, pids: tuple[int, ...]) -> Watched:
    """Watch processes.

    Raises:
        KernelError: One does not exist.
    """
    for pid in pids:
        if not is_alive(roots, pid):
            raise KernelError(
                "there is no such process", got=f"pid {pid}", fix="see `ps -e` for those there are"
            )
    words = ", ".join(map(str, pids[:3])) + (f" and {len(pids) - 3} more" if len(pids) > 3 else "")
    return Watched(tuple(Target(pid=pid) for pid in pids), pids, f"pid {words}")


def cgroup(roots: Roots, path: str) -> Watched:
    """Watch the processes that a control group has now; later ones are not added.

    Raises:
        KernelError: There is no such group, or it has no process.
    """
    file = roots.cgroupfs / path.strip("/") / "cgroup.procs"
    try:
        pids = tuple(int(word) for word in file.read_text(encoding="ascii").split())
    except OSError as error:
        raise KernelError(
            f"there is no control group {path}",
            got=f"{error.strerror} at {file}",
            allowed="a path below the root of the hierarchy, version 2",
            fix="see `systemd-cgls`, or give --cgroup-root",
        ) from error
    living = tuple(pid for pid in pids if is_alive(roots, pid))
    if not living:
        raise KernelError(
            f"the control group {path} has no process", fix="start its processes first"
        )
    return processes(roots, living)


def physical(roots: Roots, ranges: tuple[AddressRange, ...]) -> Watched:
    """Watch physical memory: the ranges, or all System RAM where there are none.

    A range may have holes and may reach beyond the memory; one without any memory would show
    nothing for ever. Ranges are not checked where the machine's map cannot be read.

    Raises:
        KernelError: A range holds no memory, or there are none and the map cannot be read.
    """
    map_file = roots.procfs / "iomem"
    if ranges:
        _require_memory(ranges, map_file)
    parts = ranges or _system_ram(map_file)
    return Watched((Target(regions=parts),), (), "physical memory")


def is_alive(roots: Roots, pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        text = (roots.procfs / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def _system_ram(path: Path) -> tuple[AddressRange, ...]:
    """Return the top level of the map; what a driver has added later lies below its device."""
    ranges = tuple(part for name, part in _mapped(path) if name == RAM)
    if not ranges:
        raise _no_map(f"no {RAM}")
    return ranges


def _require_memory(ranges: tuple[AddressRange, ...], path: Path) -> None:
    """Refuse ranges without memory, also memory that a driver has added."""
    try:
        memory = [part for name, part in _mapped(path) if name.lstrip().startswith(RAM)]
    except KernelError:
        return
    for wanted in ranges:
        if not any(part.start < wanted.end and wanted.start < part.end for part in memory):
            raise KernelError(
                f"there is no {RAM} in a range",
                got=_told(wanted),
                allowed=", ".join(map(_told, memory)),
                fix="give --range addresses of memory, or leave it out to watch all of it",
            )


def _mapped(path: Path) -> list[tuple[str, AddressRange]]:
    """Read ``/proc/iomem``: names, which the kernel indents by level, and their addresses.

    Raises:
        KernelError: It cannot be read; without rights the kernel shows zeros.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise _no_map(f"{error.strerror} at {path}") from error
    found = [
        (indent + name, AddressRange(int(start, 16), int(last, 16) + 1))
        for indent, start, last, name in _MAPPED.findall(text)
    ]
    if not any(part.end > 1 for _, part in found):
        raise _no_map("only zeros, as without root's rights")
    return found


def _told(part: AddressRange) -> str:
    return f"{part.start:#x}-{part.end:#x}"


def _no_map(got: str) -> KernelError:
    return KernelError(
        "the map of physical memory cannot be read", got=got, fix="run as root, or give --range"
    )
