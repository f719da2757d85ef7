"""How to reach a kernel: a choice of ``conf/machine`` of the kind ``kernel``."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from damosrl.errors import KernelError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.clock import Clock
from damosrl.kernel.dry_run import DryRunFiles
from damosrl.kernel.files import Files, OsFiles
from damosrl.kernel.host.memcgs import MemcgMemory
from damosrl.kernel.host.nodes import memory_nodes
from damosrl.kernel.host.telemetry import HostTelemetry
from damosrl.kernel.latency.build import latency_probe
from damosrl.kernel.machine import KernelMachine
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session
from damosrl.kernel.trace import TraceInstance
from damosrl.kernel.traced import Pipe


@dataclass(frozen=True)
class KernelConfig:
    """Where a kernel's files are, and which optional sources to read.

    Args:
        name: Of the choice.
        kind: ``kernel``: tells it from emulated machines.
        sysfs_root: sysfs.
        procfs_root: procfs.
        tracefs_root: tracefs.
        cgroup_root: The control group hierarchy, version 2.
        state_dir: Folder of locks and saved states.
        time_limit_s: Longest time one operation may take.
        trace: Whether to take snapshots from the tracer, where it can be used.
        cgroup: Control group whose memory pressure counts; None for the machine's.
        dry_run: Whether to print every write instead of making it; nothing is opened for writing,
            no lock is taken and no tracer used. Statistics then stay 0.
        latency: Options of `damosrl.kernel.latency.build.latency_probe`; None without a probe.
    """

    name: str = "kernel"
    kind: Literal["kernel"] = "kernel"
    sysfs_root: str = "/sys"
    procfs_root: str = "/proc"
    tracefs_root: str = "/sys/kernel/tracing"
    cgroup_root: str = "/sys/fs/cgroup"
    state_dir: str = "/run/damosrl"
    time_limit_s: float = 5.0
    trace: bool = True
    cgroup: str | None = None
    dry_run: bool = False
    latency: dict[str, Any] | None = None

    @property
    def roots(self) -> Roots:
        """Mount points."""
        places = (self.sysfs_root, self.procfs_root, self.tracefs_root, self.cgroup_root)
        return Roots(*map(Path, places))


@contextmanager
def kernel_machine(
    config: KernelConfig,
    *,
    files: Files | None = None,
    pipe: Pipe | None = None,
    clock: Clock = time,
    take_over: bool = False,
    memcgs: Sequence[str] = (),
) -> Iterator[KernelMachine]:
    """Open a session on a kernel, which is left as it was found.

    Args:
        config: Where it is.
        files: How its files are read and written; by default the real way.
        pipe: Trace lines; by default a private instance of the tracer, where it can be used.
        clock: Real or virtual time.
        take_over: Whether to go on where a killed session of ours stopped, see `Session`.
        memcgs: Paths of control groups whose memory telemetry tells.

    Raises:
        KernelBusyError: Somebody else uses DAMON.
        KernelError: There is no DAMON, or no memory node.
    """
    files = OsFiles() if files is None else files
    roots = config.roots
    nodes = memory_nodes(files, roots)
    host = HostTelemetry(roots, files, [node.nid for node in nodes], config.cgroup)
    with ExitStack() as stack:
        client = stack.enter_context(_client(config, files, take_over=take_over))
        if pipe is None and config.trace and not config.dry_run:
            pipe = _tracer(roots, stack)
        latency_ns = None
        if config.latency is not None:
            latency_ns = stack.enter_context(latency_probe(config.latency)).latency_ns
        groups = MemcgMemory(roots, files, [node.nid for node in nodes], memcgs)
        yield KernelMachine(client, host, nodes, pipe, latency_ns, clock, groups)


@contextmanager
def _client(config: KernelConfig, files: Files, *, take_over: bool) -> Iterator[DamonClient]:
    """Begin a session, or pretend to."""
    if config.dry_run:
        shown = DryRunFiles(files, config.roots.damon, _show)
        yield DamonClient(config.roots, shown, config.time_limit_s, pid_time_s=0.0)
        return
    state_dir = Path(config.state_dir)
    with Session(
        config.roots, files, state_dir, config.time_limit_s, take_over=take_over
    ) as client:
        yield client


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _tracer(roots: Roots, stack: ExitStack) -> Pipe | None:
    """Return an instance of the tracer; None where this machine or user has none."""
    try:
        return stack.enter_context(TraceInstance(roots))
    except KernelError:
        return None
