"""The client on older kernels: those before 6.15 end a kdamond instead of refusing its commit."""

from pathlib import Path

import pytest

from damosrl.damon import Stats
from damosrl.errors import KernelError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session
from damosrl.kernel.snapshot import read_settings
from damosrl.testing.backend import GivenNumbers
from damosrl.testing.fake_tree import FakeTree
from tests.kernel.documents import physical, scheme, virtual

LIVING, GONE = 42, 43


@pytest.fixture
def old(roots: Roots, backend: GivenNumbers) -> FakeTree:
    """Return a tree of kernel 6.12 with one living process."""
    return FakeTree(roots, "6.12", backend, processes=(LIVING,))


def test_a_kdamond_that_ended_at_a_commit_is_started_as_before(
    roots: Roots, old: FakeTree, backend: GivenNumbers
) -> None:
    """The error names what had changed; the former document is in force again."""
    client = DamonClient(roots, old)
    client.start(virtual(LIVING))
    before = read_settings(old, roots.damon)
    with pytest.raises(KernelError, match=rf"kdamond 0 ended at commit.*pid_target={GONE}"):
        client.commit(virtual(GONE))
    assert client.running() == [0]
    assert read_settings(old, roots.damon) == before
    assert backend.in_force[0] == virtual(LIVING)


def test_a_session_knows_the_kdamond_that_it_started_again(
    roots: Roots, old: FakeTree, tmp_path: Path
) -> None:
    """It has another process id, and is stopped at the end all the same."""
    with Session(roots, old, tmp_path) as client:
        client.start(virtual(LIVING))
        first = client.kdamond_pid(0)
        with pytest.raises(KernelError, match="ended at commit"):
            client.commit(virtual(GONE))
        assert client.kdamond_pid(0) != first
        assert client.running() == [0]
    assert read_settings(old, roots.damon) == {"kdamonds/nr_kdamonds": "0"}


def test_commands_to_an_ended_kdamond_say_that_it_has_stopped(roots: Roots, old: FakeTree) -> None:
    """This kernel answers EINVAL, which elsewhere means a wrong value."""
    client = DamonClient(roots, old)
    client.start(virtual(LIVING))
    old.end_kdamond(0)
    with pytest.raises(KernelError, match="kdamond 0 has stopped"):
        client.update_stats(0)


@pytest.mark.parametrize("version", ["6.12", "6.14", "7.0"])
def test_statistics_that_a_kernel_does_not_count_are_zero(
    roots: Roots, backend: GivenNumbers, version: str
) -> None:
    """Bytes past the operations' filters come with 6.14, passes with 7.0; the rest is there."""
    backend.stats_of[0] = (Stats(nr_tried=2, sz_ops_filter_passed=4096, nr_snapshots=3),)
    client = DamonClient(roots, FakeTree(roots, version, backend))
    client.start(physical(scheme()))
    client.update_stats(0)
    passed, passes = 4096 * (version != "6.12"), 3 * (version == "7.0")
    assert client.stats(0) == (Stats(nr_tried=2, sz_ops_filter_passed=passed, nr_snapshots=passes),)
