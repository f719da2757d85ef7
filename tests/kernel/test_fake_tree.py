"""The fake tree: it answers as kernels do, alone and as files of another process."""

import errno
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from damosrl.damon import AccessPattern, Context, Document, Kdamond, Ops, Scheme, Target
from damosrl.damon.features import RELEASES
from damosrl.errors import KernelBusyError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.file_errors import FileBusyError, FileError
from damosrl.kernel.files import OsFiles
from damosrl.kernel.holders import foreign_use
from damosrl.kernel.roots import Roots
from damosrl.testing import tree_check
from damosrl.testing.backend import GivenNumbers
from damosrl.testing.fake_tree import FakeTree
from damosrl.testing.serve import serve
from damosrl.testing.tree_check import check_tree
from tests.kernel.documents import physical, scheme


@pytest.mark.parametrize("version", RELEASES)
def test_every_version_answers_as_its_kernel(roots: Roots, version: str) -> None:
    """Defaults, presence, accepted and refused writes, and the life of a kdamond."""
    tree = FakeTree(roots, version)
    assert check_tree(roots, tree, version, pid=1) == []
    assert tree.names(roots.damon / "kdamonds") == ["nr_kdamonds"]


@pytest.mark.parametrize(("version", "next_one"), list(pairwise(RELEASES)))
def test_the_check_tells_kernels_apart(roots: Roots, version: str, next_one: str) -> None:
    """A tree of one version fails the check of the next, where that one has new files."""
    differences = check_tree(roots, FakeTree(roots, version), next_one, pid=1)
    silent = next_one == "6.13"
    assert bool(differences) != silent


def test_the_check_refuses_a_tree_in_use(roots: Roots, tree: FakeTree, client: DamonClient) -> None:
    """Nothing is written beside a running kdamond or over a configuration."""
    client.start(physical())
    tree.writes.clear()
    with pytest.raises(KernelBusyError, match="kdamond 0"):
        check_tree(roots, tree, "7.3", pid=1)
    client.stop()
    with pytest.raises(KernelBusyError, match="1 configured"):
        check_tree(roots, tree, "7.3", pid=1)
    assert [text for _, text in tree.writes] == ["off"]


def test_the_check_refuses_the_running_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    """Only a guest says that it is one."""
    assert tree_check.main(["--sysfs-root", "/sys"]) == 2
    assert "--i-am-a-guest" in capsys.readouterr().err


def test_a_count_destroys_what_it_made(roots: Roots, tree: FakeTree) -> None:
    """The same number again gives fresh folders."""
    root = roots.damon
    tree.write(root / "kdamonds/nr_kdamonds", "1")
    tree.write(root / "kdamonds/0/refresh_ms", "5")
    tree.write(root / "kdamonds/nr_kdamonds", "1")
    assert tree.read(root / "kdamonds/0/refresh_ms") == "0\n"


def test_a_held_lock_stops_commands_but_not_plain_files(
    roots: Roots, tree: FakeTree, client: DamonClient
) -> None:
    """EBUSY comes as often as asked for."""
    client.start(physical())
    tree.hold(1)
    tree.write(roots.damon / "kdamonds/0/refresh_ms", "5")
    with pytest.raises(FileBusyError):
        tree.write(roots.damon / "kdamonds/0/state", "commit")
    tree.write(roots.damon / "kdamonds/0/state", "commit")


def test_state_and_pid_are_read_when_the_lock_is_free(
    roots: Roots, tree: FakeTree, client: DamonClient
) -> None:
    """As in a kernel each read only tries the lock; client and list of holders try again."""
    client.start(physical())
    pid = client.kdamond_pid(0)
    tree.hold(1)
    with pytest.raises(FileBusyError):
        tree.read(roots.damon / "kdamonds/0/state")
    tree.hold(3)
    assert client.is_running(0)
    tree.hold(3)
    assert client.kdamond_pid(0) == pid
    tree.hold(3)
    assert [holder.pid for holder in foreign_use(roots, tree)] == [pid]


def test_read_only_files_cannot_be_written(roots: Roots, tree: FakeTree) -> None:
    """As their mode says."""
    tree.write(roots.damon / "kdamonds/nr_kdamonds", "1")
    with pytest.raises(FileError) as caught:
        tree.write(roots.damon / "kdamonds/0/pid", "1")
    assert caught.value.number == errno.EACCES


def test_an_obsolete_target_must_exist(
    roots: Roots, tree: FakeTree, client: DamonClient, backend: GivenNumbers
) -> None:
    """Dropping what is there is taken; dropping it again is refused, and the rest goes on."""

    def watching(*targets: Target) -> Document:
        return Document((Kdamond((Context(Ops.VADDR, targets, schemes=(Scheme(),)),)),))

    client.start(watching(Target(1), Target(2)))
    client.commit(watching(Target(1), Target(2, obsolete=True)))
    asked = len(backend.asked)
    with pytest.raises(FileError) as caught:
        tree.write(roots.damon / "kdamonds/0/state", "commit")
    assert caught.value.number == errno.EINVAL
    assert len(backend.asked) == asked


def test_nothing_to_try_is_cancelled(roots: Roots, tree: FakeTree, client: DamonClient) -> None:
    """A paused context and one without schemes will have no pass."""
    client.start(physical(pause=True))
    with pytest.raises(FileError) as caught:
        tree.write(roots.damon / "kdamonds/0/state", "update_schemes_tried_regions")
    assert caught.value.number == errno.ECANCELED


def test_a_served_tree_takes_a_client_of_plain_files(tmp_path: Path) -> None:
    """Start, commit with new folders, and stop work as in the process itself."""
    backend = GivenNumbers()
    tree = FakeTree(Roots(), backend=backend)
    with serve(tree, tmp_path):
        client = DamonClient(Roots(sysfs=tmp_path / "sys"), OsFiles())
        client.start(physical(kdamonds=2))
        for at in range(1, 4):
            wanted = physical(*[scheme(number) for number in range(at)], kdamonds=2)
            client.commit(wanted)
            assert backend.in_force[0].kdamonds[0] == wanted.kdamonds[0]
        backend.effective_of[1] = (11, 12, 13)
        client.update_stats(1)
        _await(lambda: client.effective_bytes(1) == (11, 12, 13))
        client.stop()
    assert DamonClient(Roots(), tree).running() == []


def test_a_served_tree_puts_back_what_it_refuses(tmp_path: Path) -> None:
    """A plain file cannot refuse; the old text comes back."""
    with serve(FakeTree(Roots()), tmp_path):
        path = tmp_path / "sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds"
        path.write_text("-1")
        _await(lambda: path.read_text() == "0\n")


def test_patterns_are_kept_as_written(client: DamonClient, backend: GivenNumbers) -> None:
    """What the backend gets has every number of the document."""
    client.start(physical(Scheme(access_pattern=AccessPattern())))
    assert backend.in_force[0].kdamonds[0].contexts[0].schemes[0] == Scheme()


def _await(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)
