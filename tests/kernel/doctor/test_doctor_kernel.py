"""Kernel, DAMON and rights."""

from pathlib import Path

import pytest

from damosrl.kernel.doctor.finding import Machine, State
from damosrl.kernel.doctor.kernel import CAP_SYS_ADMIN, damon, kernel, rights, version_of
from damosrl.kernel.doctor.mounts import mount_at, mounts, places_of
from damosrl.kernel.roots import Roots
from damosrl.testing.fake_host import CAPABILITIES_OF_ROOT, FakeHost
from damosrl.testing.fake_tree import FakeTree
from tests.kernel.doctor.conftest import Refusing


@pytest.mark.parametrize(
    ("release", "state"),
    [
        ("7.3.4+deb13-cloud-amd64", State.OK),
        ("6.12.117", State.OK),
        ("6.1.0-18-amd64", State.WARNING),
        ("8.0.0-rc1", State.WARNING),
        ("5.10.0", State.MISSING),
        ("", State.WARNING),
        ("garbage", State.WARNING),
        ("9" * 400, State.WARNING),
    ],
)
def test_versions_are_compared_with_what_is_known(
    machine: Machine, host: FakeHost, release: str, state: State
) -> None:
    """Kernels before DAMON's sysfs miss it; unknown ones are used with a warning."""
    host.put(host.roots.procfs / "sys/kernel/osrelease", release)
    assert kernel(machine).state is state


def test_a_kernel_without_a_name_is_a_warning(machine: Machine, files: Refusing) -> None:
    """No osrelease, no version, no crash."""
    files.refuse(machine.roots.procfs)
    assert kernel(machine).state is State.WARNING
    assert version_of("six.two") is None


def test_a_kernel_without_damon_says_what_to_build(machine: Machine, files: Refusing) -> None:
    """The options of the kernel are named."""
    assert damon(machine).state is State.OK
    files.refuse(machine.roots.damon)
    found = damon(machine)
    assert found.state is State.MISSING
    assert "CONFIG_DAMON_SYSFS" in found.why


@pytest.mark.parametrize(
    ("user_id", "capabilities", "state"),
    [
        (0, CAPABILITIES_OF_ROOT, State.OK),
        (0, CAPABILITIES_OF_ROOT & ~(1 << CAP_SYS_ADMIN), State.WARNING),
        (1000, 0, State.MISSING),
        (1000, CAPABILITIES_OF_ROOT, State.OK),
    ],
)
def test_rights_are_those_in_force(
    machine: Machine, tree: FakeTree, user_id: int, capabilities: int, state: State
) -> None:
    """The effective user and capabilities decide, as the kernel does."""
    FakeHost(machine.roots, tree.set_host, user_id=user_id, capabilities=capabilities)
    assert rights(machine).state is state


def test_a_read_only_sysfs_cannot_change_damon(machine: Machine, host: FakeHost) -> None:
    """Containers mount sysfs read-only, which no right overcomes."""
    host.put(machine.roots.procfs / "self/mounts", f"sysfs {machine.roots.sysfs} sysfs ro 0 0")
    found = rights(machine)
    assert found.state is State.MISSING
    assert "read-only" in found.found


def test_a_service_may_write_only_what_it_changes(machine: Machine, host: FakeHost) -> None:
    """A sysfs that is read-only but for DAMON's part, as a closed service sees it, is enough."""
    sysfs = machine.roots.sysfs
    host.put(
        machine.roots.procfs / "self/mounts",
        f"sysfs {sysfs} sysfs ro 0 0\nsysfs {sysfs}/kernel/mm/damon sysfs rw 0 0",
    )
    assert rights(machine).state is State.OK


def test_rights_that_are_not_told_are_a_warning(machine: Machine, files: Refusing) -> None:
    """Without procfs nothing is claimed."""
    files.refuse(machine.roots.procfs)
    assert rights(machine).state is State.WARNING


def test_mounts_are_read_with_their_escapes(machine: Machine, host: FakeHost) -> None:
    """A blank in a path is octal; cut lines are passed over; the deepest mount counts."""
    text = "a / ext4 rw 0 0\nb /my\\040disk tmpfs rw,ro 0 0\ncut /x\nt /trace tracefs rw 0 0\n"
    host.put(machine.roots.procfs / "self/mounts", text)
    assert len(mounts(machine)) == 3
    deepest = mount_at(machine, Path("/my disk/file"))
    assert deepest is not None
    assert (deepest.place, deepest.is_read_only) == (Path("/my disk"), True)
    assert places_of(machine, "tracefs") == [Path("/trace")]


def test_a_machine_without_mounts_has_none(roots: Roots, tree: FakeTree) -> None:
    """A procfs without the list gives no mount."""
    assert mount_at(Machine(roots, tree), roots.sysfs) is None
