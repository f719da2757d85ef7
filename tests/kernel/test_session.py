"""Sessions: locked, saved and restored on every way out, also the rough ones."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from damosrl.damon import Document
from damosrl.errors import KernelBusyError, KernelError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.files import OsFiles
from damosrl.kernel.holders import foreign_use
from damosrl.kernel.lock import state_file
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session, restore_saved
from damosrl.kernel.snapshot import read_settings
from damosrl.testing.fake_tree import FakeTree
from damosrl.testing.serve import serve
from tests.kernel.documents import physical, scheme, virtual

PROGRAM = """
import sys, time
from pathlib import Path
from damosrl.kernel.files import OsFiles
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session
from tests.kernel.documents import physical
root = Path(sys.argv[1])
with Session(Roots(sysfs=root / "sys", procfs=root / "proc"), OsFiles(), root / "state") as client:
    client.start(physical())
    print("running", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """Return a folder for locks and saved states."""
    return tmp_path / "state"


def stage_foreign(tree: FakeTree) -> dict[str, str]:
    """Leave a configuration that no document can say, and return what the tree then holds."""
    root = tree.roots.damon
    tree.write(root / "kdamonds/nr_kdamonds", "2")
    tree.write(root / "kdamonds/1/contexts/nr_contexts", "1")
    context = root / "kdamonds/1/contexts/0"
    tree.write(context / "schemes/nr_schemes", "1")
    tree.write(context / "schemes/0/ops_filters/nr_filters", "1")
    tree.write(context / "schemes/0/ops_filters/0/type", "memcg")
    tree.write(context / "monitoring_attrs/nr_regions/min", "2")
    return read_settings(tree, root)


def test_a_session_restores_what_it_found(tree: FakeTree, roots: Roots, state_dir: Path) -> None:
    """Even settings that could never be started come back, and nothing of ours runs."""
    found = stage_foreign(tree)
    with Session(roots, tree, state_dir) as client:
        client.start(physical())
        assert read_settings(tree, roots.damon) != found
    assert read_settings(tree, roots.damon) == found
    assert foreign_use(roots, tree) == ()
    assert not state_file(state_dir, roots.damon, "json").exists()


def test_an_exception_restores_too(tree: FakeTree, roots: Roots, state_dir: Path) -> None:
    """The error goes on, the tree is as before."""

    def fail() -> None:
        with Session(roots, tree, state_dir) as client:
            client.start(physical())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert DamonClient(roots, tree).document() == Document(())


def test_a_session_that_writes_nothing_changes_nothing(
    tree: FakeTree, roots: Roots, state_dir: Path
) -> None:
    """Not one file is written."""
    stage_foreign(tree)
    tree.writes.clear()
    with Session(roots, tree, state_dir):
        pass
    assert tree.writes == []


@pytest.mark.parametrize("module", ["damon_reclaim", "damon_lru_sort", "damon_stat"])
def test_a_module_of_somebody_else_is_refused(
    tree: FakeTree, roots: Roots, state_dir: Path, module: str
) -> None:
    """The message names it and nothing is saved or written."""
    tree.write(roots.sysfs / f"module/{module}/parameters/enabled", "Y")
    tree.writes.clear()
    with pytest.raises(KernelBusyError, match=module), Session(roots, tree, state_dir):
        pass
    assert tree.writes == []
    assert not state_file(state_dir, roots.damon, "json").exists()


def test_a_kdamond_of_somebody_else_is_refused_and_goes_on(
    tree: FakeTree, roots: Roots, state_dir: Path
) -> None:
    """It is not touched, and its process id is told."""
    theirs = DamonClient(roots, tree)
    theirs.start(virtual(42))
    pid = theirs.kdamond_pid(0)
    with pytest.raises(KernelBusyError, match=f"pid {pid}"), Session(roots, tree, state_dir):
        pass
    assert theirs.kdamond_pid(0) == pid


def test_two_sessions_of_one_tree_are_one_too_many(
    tree: FakeTree, roots: Roots, state_dir: Path
) -> None:
    """The second is told the first one's process id; another tree is free."""
    other = Roots(sysfs=Path("/other/sys"), procfs=Path("/other/proc"))
    with Session(roots, tree, state_dir), Session(other, FakeTree(other), state_dir):
        with pytest.raises(KernelBusyError, match=f"pid {os.getpid()}"):
            Session(roots, tree, state_dir).__enter__()
        with pytest.raises(KernelBusyError):
            restore_saved(roots, tree, state_dir)


def test_a_lock_on_a_full_disk_is_named(
    tree: FakeTree, roots: Roots, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message has the file, and nothing is written to the tree."""

    def full(*_words: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lock = state_file(state_dir, roots.damon, "lock")
    with (
        pytest.raises(KernelError, match=f"{lock}.*No space left"),
        Session(roots, tree, state_dir),
    ):
        pass
    assert tree.writes == []


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.EACCES, "run as root, or give another state folder"),
        (errno.ENOSPC, "make room there, or give another state folder"),
        (errno.EROFS, "give another state folder"),
    ],
)
def test_a_lock_that_cannot_be_opened_says_what_helps(
    number: int,
    fix: str,
    tree: FakeTree,
    roots: Roots,
    state_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Root is asked for only where rights are missing; a read-only file system stays one."""

    def refuse(*_words: object, **_more: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(KernelError) as caught, Session(roots, tree, state_dir):
        pass
    assert caught.value.fix == fix
    assert tree.writes == []


def test_the_saved_state_is_private(tree: FakeTree, roots: Roots, state_dir: Path) -> None:
    """Only the owner may read it, and it is there before the first write."""
    with Session(roots, tree, state_dir):
        path = state_file(state_dir, roots.damon, "json")
        assert path.stat().st_mode & 0o777 == 0o600
        assert json.loads(path.read_text())["settings"] == {"kdamonds/nr_kdamonds": "0"}
        assert tree.writes == []


def test_a_damaged_saved_state_is_told(tree: FakeTree, roots: Roots, state_dir: Path) -> None:
    """Nothing is done with half a file."""
    state_dir.mkdir()
    state_file(state_dir, roots.damon, "json").write_text('{"root": ')
    with pytest.raises(KernelError, match="cannot be read"):
        restore_saved(roots, tree, state_dir)


def test_what_somebody_starts_meanwhile_is_not_stopped(
    tree: FakeTree, roots: Roots, state_dir: Path
) -> None:
    """Our kdamond ended and an operator started his: we refuse to start, stop or restore."""
    theirs = DamonClient(roots, tree)
    session = Session(roots, tree, state_dir)
    client = session.__enter__()
    client.start(virtual(42))
    tree.end_kdamond(0)
    theirs.start(physical(scheme(5)))
    client.stop()
    with pytest.raises(KernelBusyError, match="somebody else"):
        client.start(virtual(42))
    with pytest.raises(KernelBusyError, match="somebody else"):
        session.__exit__(None, None, None)
    assert state_file(state_dir, roots.damon, "json").exists()
    assert theirs.running() == [0]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[FakeTree, Path]]:
    """Return a tree that another process sees as files."""
    tree = FakeTree(Roots(), host={"/proc/sys/kernel/random/boot_id": "this-boot"})
    with serve(tree, tmp_path):
        yield tree, tmp_path


def start_program(root: Path) -> "subprocess.Popen[str]":
    """Start a session in another process and wait until its kdamond runs."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(root)], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "running\n"
    return program


def end(program: "subprocess.Popen[str]", number: signal.Signals) -> int:
    """Send a signal and return the exit status."""
    program.send_signal(number)
    with program:
        return program.wait(120)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_restore(served: tuple[FakeTree, Path], number: signal.Signals) -> None:
    """The process ends with an error status, and the tree is empty again."""
    tree, root = served
    assert end(start_program(root), number) != 0
    assert DamonClient(tree.roots, tree).document() == Document(())
    assert list((root / "state").glob("*.json")) == []


def test_after_sigkill_the_kernel_goes_on_and_restore_ends_it(
    served: tuple[FakeTree, Path],
) -> None:
    """The last document stays in force; restoring needs only the saved state."""
    tree, root = served
    assert end(start_program(root), signal.SIGKILL) == -signal.SIGKILL
    client = DamonClient(tree.roots, tree)
    assert client.document() == physical()
    assert client.running() == [0]
    disk = Roots(sysfs=root / "sys", procfs=root / "proc")
    assert "restored" in restore_saved(disk, OsFiles(), root / "state")
    assert client.document() == Document(())
    assert "nothing to restore" in restore_saved(disk, OsFiles(), root / "state")


def test_a_session_after_sigkill_leaves_the_earlier_kdamond_running(
    served: tuple[FakeTree, Path],
) -> None:
    """It may use the tree; then the earlier document runs again, and restore knows the origin."""
    tree, root = served
    end(start_program(root), signal.SIGKILL)
    disk = Roots(sysfs=root / "sys", procfs=root / "proc")
    with Session(disk, OsFiles(), root / "state") as session:
        session.stop()
        session.start(physical(scheme(5)))
    client = DamonClient(tree.roots, tree)
    assert client.running() == [0]
    assert client.document() == physical()
    restore_saved(disk, OsFiles(), root / "state")
    assert client.running() == []
    assert client.document() == Document(())


def test_a_start_beside_a_kdamond_of_a_killed_process_says_how_to_restore(
    served: tuple[FakeTree, Path],
) -> None:
    """It is ours and goes on; the message has its process and the command that ends it."""
    tree, root = served
    program = start_program(root)
    end(program, signal.SIGKILL)
    disk = Roots(sysfs=root / "sys", procfs=root / "proc")
    with (
        Session(disk, OsFiles(), root / "state") as session,
        pytest.raises(KernelBusyError, match=rf"process {program.pid} of ours.*doctor --restore"),
    ):
        session.start(physical(scheme(5)))
    assert DamonClient(tree.roots, tree).document() == physical()
    assert DamonClient(tree.roots, tree).running() == [0]


def test_after_a_boot_there_is_nothing_to_restore(served: tuple[FakeTree, Path]) -> None:
    """A kdamond of the new boot is not ours, whatever its process id."""
    tree, root = served
    end(start_program(root), signal.SIGKILL)
    tree.set_host("/proc/sys/kernel/random/boot_id", "next-boot")
    disk = Roots(sysfs=root / "sys", procfs=root / "proc")
    _await(lambda: (root / "proc/sys/kernel/random/boot_id").read_text() == "next-boot\n")
    assert "booted" in restore_saved(disk, OsFiles(), root / "state")
    assert DamonClient(tree.roots, tree).running() == [0]


def _await(condition: Callable[[], bool]) -> None:
    """Wait for what another thread brings about."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)
