"""The daemon's driver on an emulated kernel, in one process and in emulated time.

What drives is the daemon's own code, from the reading of files to the commit; only the process
around it, with its signals, is not there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from damosrl.daemon.decision import Decision, Mode
from damosrl.daemon.driver import Driver, Wishes
from damosrl.daemon.setting_up import Bundle
from damosrl.daemon.settings import DaemonSettings
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Workload
from damosrl.kernel.config import KernelConfig, kernel_machine
from damosrl.kernel.machine import KernelMachine
from damosrl.testing.emulated_kernel import EmulatedKernel

COMPILE_TIME_S = 600.0
"""The first command to an emulated kernel compiles the emulator."""


class EmulatedPipe:
    """Trace lines of an emulated kernel, one snapshot for each reading.

    Args:
        kernel: The kernel.
    """

    def __init__(self, kernel: EmulatedKernel) -> None:
        self._kernel = kernel

    def read(self) -> bytes:
        """Return what has come."""
        return self._kernel.trace_lines()


class EmulatedDaemon:
    """A driver that has begun, and the kernel under it.

    Args:
        kernel: The kernel.
        machine: The way to it.
        driver: The driver on it.
        interval_s: Decision interval of its bundle.
    """

    def __init__(
        self, kernel: EmulatedKernel, machine: KernelMachine, driver: Driver, interval_s: float
    ) -> None:
        self.kernel = kernel
        self.driver = driver
        self._machine = machine
        self._interval_s = interval_s

    def step(self, wishes: Wishes | None = None) -> Decision:
        """Let a decision interval pass, and decide."""
        self._machine.wait(self._interval_s)
        self.kernel.files.writes.clear()  # notes for tests, which grow for ever
        return self.driver.step(wishes or Wishes())

    @property
    def slowdown(self) -> float:
        """Time per access over that of all-fast memory in the last interval: ground truth."""
        return float(self.kernel.machine.machines.truth().slowdown[0])


@contextmanager
def emulated_daemon(
    bundle: Path,
    config: MachineConfig,
    workload: Workload,
    *,
    seed: int,
    state_dir: Path,
    settings: DaemonSettings | None = None,
    mode: Mode = Mode.ACTIVE,
    canary_percent: float | None = None,
) -> Iterator[EmulatedDaemon]:
    """Begin a daemon's driver on an emulated kernel, which is restored at the end.

    Args:
        bundle: Path of the policy bundle.
        config: The machine.
        workload: What runs on it.
        seed: Of everything random.
        state_dir: Folder of locks and saved states.
        settings: Of the daemon.
        mode: Who is at the wheel while nothing is wrong.
        canary_percent: Share of the policy's request that counts; None for all.

    Raises:
        DamosrlError: The bundle does not fit the machine.

    Example:
        >>> def first(bundle: Path, config: MachineConfig, workload: Workload) -> Decision:
        ...     where = {"seed": 1, "state_dir": Path("state")}
        ...     with emulated_daemon(bundle, config, workload, **where) as daemon:
        ...         return daemon.step()
    """
    told = settings or DaemonSettings()
    where = KernelConfig(
        sysfs_root="/emulated/sys",
        procfs_root="/emulated/proc",
        tracefs_root="/emulated/tracing",
        cgroup_root="/emulated/cgroup",
        state_dir=str(state_dir),
        time_limit_s=COMPILE_TIME_S,
    )
    kernel = EmulatedKernel(config, workload, seed, where.roots)
    pilot = Bundle(bundle, None, told, canary_percent, len(config.memory_tiers)).pilot()
    with kernel_machine(
        where, files=kernel.files, pipe=EmulatedPipe(kernel), clock=kernel.clock, take_over=True
    ) as machine:
        driver = Driver(machine, pilot, told, mode)
        driver.begin()
        yield EmulatedDaemon(kernel, machine, driver, pilot.artifact.spec.decision_interval_s)
