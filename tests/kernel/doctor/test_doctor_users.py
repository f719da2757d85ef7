"""Who uses DAMON: others, modules, and sessions of ours."""

import errno
import os
from pathlib import Path

import pytest

from damosrl.kernel.client import DamonClient
from damosrl.kernel.doctor.finding import Machine, State
from damosrl.kernel.doctor.users import session, users
from damosrl.kernel.lock import state_file, tree_lock
from damosrl.kernel.session import Session
from damosrl.testing.fake_host import FakeHost
from damosrl.testing.fake_tree import FakeTree
from tests.kernel.doctor.conftest import Refusing
from tests.kernel.documents import physical


def test_an_idle_tree_is_free(machine: Machine) -> None:
    """Nobody, and no session."""
    assert (users(machine).state, users(machine).found) == (State.OK, "nobody else")
    assert session(machine).state is State.OK


def test_a_foreign_kdamond_is_described(
    machine: Machine, tree: FakeTree, client: DamonClient
) -> None:
    """Index, process id, operations and actions; the fix names its state file."""
    client.start(physical())
    found = users(machine)
    assert found.state is State.BUSY
    assert f"kdamond 0 (pid {client.kdamond_pid(0)}, paddr, 1 scheme: migrate_hot)" in found.found
    assert str(tree.roots.damon / "kdamonds/0/state") in found.fix


@pytest.mark.parametrize("name", ["damon_reclaim", "damon_lru_sort", "damon_stat"])
def test_an_enabled_module_is_named(machine: Machine, tree: FakeTree, name: str) -> None:
    """Modules that run alone make DAMON busy."""
    enabled = machine.roots.sysfs / f"module/{name}/parameters/enabled"
    tree.write(enabled, "Y")
    found = users(machine)
    assert found.state is State.BUSY
    assert name in found.found
    assert found.fix == f"write N to {enabled}"


def test_a_thread_outside_the_tree_is_seen(machine: Machine, host: FakeHost) -> None:
    """A sample module's kdamond has no folder in sysfs, but it is a thread."""
    host.set_cpu_time(4000, 5, name="kdamond.3")
    found = users(machine)
    assert found.state is State.BUSY
    assert "kdamond.3 (pid 4000)" in found.found


def test_a_program_that_calls_itself_kdamond_is_none(machine: Machine, host: FakeHost) -> None:
    """Kernel threads have no command line, programs do."""
    host.set_cpu_time(4000, 5, name="kdamond.3")
    host.put(machine.roots.procfs / "4000/cmdline", "sleep\x001\x00")
    assert users(machine).state is State.OK


def test_a_user_without_rights_sees_threads_only(
    machine: Machine, host: FakeHost, files: Refusing
) -> None:
    """Without rights the tree is unknown unless a thread shows that it is in use."""
    host.put(machine.roots.sysfs / "module/damon_stat/parameters/enabled", "N")
    files.refuse(machine.roots.sysfs / "module", errno.EACCES)
    found = users(machine)
    assert found.state is State.WARNING
    assert "root" in found.fix
    host.set_cpu_time(4000, 5)
    found = users(machine)
    assert found.state is State.BUSY
    assert "kdamond.0 (pid 4000)" in found.found


def test_a_running_session_of_ours_is_no_foreign_user(machine: Machine, tree: FakeTree) -> None:
    """Its kdamonds are ours; another process sees that the tree is controlled."""
    with Session(machine.roots, tree, machine.state_dir) as client:
        client.start(physical())
        assert users(machine).state is State.OK
        assert "killed" in session(machine).found  # no list of locks: the holder is unknown


def test_the_holder_of_the_lock_is_named(machine: Machine, host: FakeHost) -> None:
    """The kernel's list of locks tells who holds ours; locks of other files do not count."""
    with tree_lock(machine.state_dir, machine.roots.damon):
        status = state_file(machine.state_dir, machine.roots.damon, "lock").stat()
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
        locks = machine.roots.procfs / "locks"
        host.put(locks, f"1: FLOCK  ADVISORY  WRITE 41 {device}:{status.st_ino + 1} 0 EOF")
        assert session(machine).state is State.OK
        host.put(locks, f"1: FLOCK  ADVISORY  WRITE 42 {device}:{status.st_ino} 0 EOF")
        found = session(machine)
    assert found.state is State.BUSY
    assert "process 42 of ours" in found.found


def test_this_kernels_list_of_locks_is_understood(machine: Machine, host: FakeHost) -> None:
    """A lock that is held here is found in the real list."""
    locks = machine.roots.procfs / "locks"
    with tree_lock(machine.state_dir, machine.roots.damon):
        host.put(locks, Path("/proc/locks").read_text(encoding="ascii"))
        found = session(machine)
    assert f"process {os.getpid()} of ours" in found.found


def test_a_killed_session_says_how_to_restore(machine: Machine, tree: FakeTree) -> None:
    """Its state is there, its lock is not held."""
    path = state_file(machine.state_dir, machine.roots.damon, "json")
    with Session(machine.roots, tree, machine.state_dir):
        left = path.read_bytes()
    path.write_bytes(left)
    found = session(machine)
    assert found.state is State.WARNING
    assert "doctor --restore" in found.fix
    assert f"process {os.getpid()} of ours was killed" in found.found


def test_a_state_of_an_earlier_boot_means_nothing(
    machine: Machine, tree: FakeTree, host: FakeHost
) -> None:
    """After a boot DAMON is as after a boot."""
    path = state_file(machine.state_dir, machine.roots.damon, "json")
    with Session(machine.roots, tree, machine.state_dir):
        left = path.read_bytes()
    path.write_bytes(left)
    host.put(machine.roots.procfs / "sys/kernel/random/boot_id", "another")
    assert session(machine).state is State.OK


def test_a_damaged_state_is_a_warning(machine: Machine) -> None:
    """What cannot be read is told with its fix, and users are still counted."""
    path = state_file(machine.state_dir, machine.roots.damon, "json")
    path.parent.mkdir()
    path.write_text("{", encoding="ascii")
    assert session(machine).state is State.WARNING
    assert "remove the file" in session(machine).fix
    assert users(machine).state is State.OK


def test_a_state_of_another_user_needs_rights(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told to remove a file that root keeps."""

    def refuse(path: Path, *, encoding: str) -> str:
        raise PermissionError(errno.EACCES, encoding, str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    found = session(machine)
    assert (found.state, found.fix) == (State.WARNING, "run as root")


def test_a_lock_that_is_held_all_the_time_is_busy(
    machine: Machine, client: DamonClient, files: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that takes long keeps DAMON's lock; that is no free tree."""
    monkeypatch.setattr("damosrl.kernel.doctor.users.BUSY_TIME_S", 0.01)
    client.start(physical())
    files.refuse(machine.roots.damon / "kdamonds/0/state", errno.EBUSY)
    found = users(machine)
    assert found.state is State.BUSY
    assert "EBUSY" in found.found
