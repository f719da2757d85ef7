"""What to watch: options become processes and address ranges, and the kdamonds document."""

from dataclasses import dataclass
from pathlib import Path

from damosrl.damon import AddressRange, Attrs, Context, Document, Kdamond, Ops, Scheme, Target
from damosrl.errors import KernelError
from damosrl.kernel.roots import Roots

RAM = "System RAM"


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

    Raises:
        KernelError: The machine's memory map cannot be read.
    """
    parts = ranges or _system_ram(roots.procfs / "iomem")
    return Watched((Target(regions=parts),), (), "physical memory")


def is_alive(roots: Roots, pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        text = (roots.procfs / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def _system_ram(path: Path) -> tuple[AddressRange, ...]:
    """Read the top level of ``/proc/iomem``; without rights the kernel shows zeros."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise _no_map(f"{error.strerror} at {path}") from error
    spans = (line.partition(" : ")[0] for line in lines if line.endswith(f" : {RAM}"))
    found = [[int(end, 16) for end in span.split("-")] for span in spans if span[:1] != " "]
    ranges = tuple(AddressRange(start, last + 1) for start, last in found if last > 0)
    if not ranges:
        raise _no_map("only zeros, as without root's rights" if found else f"no {RAM}")
    return ranges


def _no_map(got: str) -> KernelError:
    return KernelError(
        "the map of physical memory cannot be read", got=got, fix="run as root, or give --range"
    )
