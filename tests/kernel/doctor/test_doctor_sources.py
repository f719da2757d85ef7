"""Pressure, control groups, tracepoints and the processor."""

import errno

import pytest

from damosrl.errors import KernelError
from damosrl.kernel.doctor import sources
from damosrl.kernel.doctor.finding import Machine, State
from damosrl.testing.fake_host import FakeHost
from tests.kernel.doctor.conftest import Refusing


def test_pressure_is_told(machine: Machine, host: FakeHost) -> None:
    """Share and total."""
    host.set_pressure(some_total_us=123, some_avg=(0.125, 0.0, 0.0))
    found = sources.pressure(machine)
    assert (found.state, found.found) == (State.OK, "some 12.5% of the last 10 s, 123 us in all")


@pytest.mark.parametrize(
    ("number", "fix"), [(errno.ENOENT, "CONFIG_PSI"), (errno.EOPNOTSUPP, "psi=1")]
)
def test_pressure_that_is_absent_or_off_says_how_to_get_it(
    machine: Machine, files: Refusing, number: int, fix: str
) -> None:
    """Built without and turned off are mended in different ways."""
    files.refuse(machine.roots.procfs / "pressure", number)
    found = sources.pressure(machine)
    assert found.state is State.MISSING
    assert fix in found.fix


def test_damaged_pressure_is_an_error(machine: Machine, host: FakeHost) -> None:
    """The report turns it into a finding; no number is invented."""
    host.put(machine.roots.procfs / "pressure/memory", "some avg10=x\n")
    with pytest.raises(KernelError, match="memory pressure cannot be read"):
        sources.pressure(machine)


def test_version_two_with_memory_is_what_is_needed(machine: Machine, host: FakeHost) -> None:
    """Without the memory controller it is of no use."""
    assert sources.control_groups(machine).state is State.OK
    host.put(machine.roots.cgroupfs / "cgroup.controllers", "cpu pids")
    found = sources.control_groups(machine)
    assert found.state is State.MISSING
    assert "without memory" in found.found


@pytest.mark.parametrize(
    ("controllers", "fix"), [("memory", "give --cgroup-root /other"), ("cpu", "boot with")]
)
def test_version_two_elsewhere_is_pointed_at_if_it_helps(
    machine: Machine, host: FakeHost, files: Refusing, controllers: str, fix: str
) -> None:
    """A hybrid set-up has version 2 elsewhere, most often without the memory controller."""
    files.refuse(machine.roots.cgroupfs)
    host.put(machine.roots.procfs / "self/mounts", "cgroup2 /other cgroup2 rw 0 0")
    host.put(machine.roots.cgroupfs.parent.parent / "other/cgroup.controllers", controllers)
    found = sources.control_groups(machine)
    assert found.state is State.MISSING
    assert found.fix.startswith(fix)


def test_all_events_are_counted(machine: Machine) -> None:
    """Nothing lacks on the newest kernel."""
    assert sources.tracepoints(machine).state is State.OK


def test_events_of_newer_kernels_are_named(machine: Machine, files: Refusing) -> None:
    """An older kernel lacks damos_esz, and the report says since when there is one."""
    events = machine.roots.tracefs / "events/damon"
    files.names = lambda path: ["damon_aggregated"] if path == events else []  # type: ignore[method-assign]
    found = sources.tracepoints(machine)
    assert found.state is State.WARNING
    assert "damos_esz (since 6.17)" in found.found


@pytest.mark.parametrize(
    ("mounts", "kinds", "fix"),
    [
        ("", "nodev\ttracefs\n", "mount -t tracefs nodev /fake/trace"),
        ("tracefs /other tracefs rw 0 0", "nodev\ttracefs\n", "give --tracefs-root /other"),
        ("", "nodev\tsysfs\n", "CONFIG_TRACING"),
    ],
)
def test_tracefs_that_is_not_there_says_how_to_get_it(
    machine: Machine, host: FakeHost, files: Refusing, mounts: str, kinds: str, fix: str
) -> None:
    """Mounted elsewhere, not mounted, and not built are mended in different ways."""
    files.refuse(machine.roots.tracefs)
    host.put(machine.roots.procfs / "self/mounts", mounts)
    host.put(machine.roots.procfs / "filesystems", kinds)
    found = sources.tracepoints(machine)
    assert found.state is State.MISSING
    assert fix in found.fix


def test_a_kernel_without_damons_events_is_told_from_an_unmounted_tracefs(
    machine: Machine, files: Refusing
) -> None:
    """Mounting again would not help."""
    files.refuse(machine.roots.tracefs / "events/damon")
    assert "CONFIG_DAMON" in sources.tracepoints(machine).fix


def test_tracefs_needs_rights(machine: Machine, files: Refusing) -> None:
    """A refused tracefs is not said to be unmounted."""
    files.refuse(machine.roots.tracefs, errno.EACCES)
    assert sources.tracepoints(machine).fix == "run as root"


@pytest.mark.parametrize(
    ("cpu", "cmdline", "state", "words"),
    [
        ("model name\t: Some CPU\nflags\t: fpu\n", "", State.OK, "no virtual machine: Some CPU"),
        ("model name\t: Some CPU\nflags\t: fpu hypervisor\n", "", State.WARNING, "(QEMU)"),
        ("model name\t: QEMU TCG CPU\n", "pti=on", State.WARNING, "equally fast"),
        ("model name\t: QEMU TCG CPU\n", "quiet", State.WARNING, "boot with pti=on"),
        ("", "", State.OK, "unknown processor"),
    ],
)
def test_the_processor_says_what_it_cannot_show(
    machine: Machine, host: FakeHost, cpu: str, cmdline: str, state: State, words: str
) -> None:
    """Virtual machines are warned of; an emulated processor more so without pti=on."""
    host.put(machine.roots.procfs / "cpuinfo", cpu)
    host.put(machine.roots.procfs / "cmdline", cmdline)
    host.put(machine.roots.sysfs / "class/dmi/id/sys_vendor", "QEMU")
    found = sources.processor(machine)
    assert found.state is state
    assert words in f"{found.found} {found.why} {found.fix}"
