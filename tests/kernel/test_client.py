"""The client: start, change, read and stop kdamonds of a tree that behaves as the kernel."""

import errno
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from damosrl.damon import (
    Attrs,
    Document,
    Filter,
    FilterType,
    Intervals,
    IntervalsGoal,
    Scheme,
    Stats,
)
from damosrl.errors import KernelBusyError, KernelError, KernelFeatureError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.commands import Command
from damosrl.kernel.file_errors import file_error
from damosrl.kernel.roots import Roots
from damosrl.kernel.tried import TriedRegion
from damosrl.testing.backend import GivenNumbers
from damosrl.testing.fake_tree import FakeTree
from tests.kernel.documents import physical, scheme, virtual

GOAL = IntervalsGoal(access_bp=400, aggrs=3, min_sample_us=5000, max_sample_us=10_000_000)


def tuned(sample_us: int = 5000) -> Document:
    """Return a document with interval tuning."""
    return physical(attrs=Attrs(Intervals(sample_us, 100_000, goal=GOAL)))


def commands(tree: FakeTree) -> list[str]:
    """Return the commands that were given, in order."""
    return [text for path, text in tree.writes if path.endswith("/state")]


def written(tree: FakeTree) -> list[str]:
    """Return the paths below the kdamonds folder that were written, in order."""
    return [path.partition("/kdamonds/")[2] for path, _ in tree.writes]


def test_start_runs_every_kdamond_of_the_document(client: DamonClient, tree: FakeTree) -> None:
    """Each runs with its own thread, and the backend was given what the document says."""
    client.start(physical(kdamonds=2))
    assert client.running() == [0, 1]
    assert client.kdamond_pid(0) != client.kdamond_pid(1)
    assert client.document() == physical(kdamonds=2)
    assert commands(tree) == ["on", "on"]


def test_stop_ends_all_and_keeps_the_files(client: DamonClient) -> None:
    """After it nothing runs, there is no thread, and the document is still there."""
    client.start(physical())
    client.stop()
    assert client.running() == []
    assert client.kdamond_pid(0) is None
    assert client.document() == physical()


def test_a_commit_writes_only_what_differs(client: DamonClient, tree: FakeTree) -> None:
    """One changed number is one write and one commit per kdamond."""
    client.start(physical(kdamonds=2))
    tree.writes.clear()
    second = physical(scheme(7), kdamonds=2).kdamonds[1]
    client.commit(Document((physical().kdamonds[0], second)))
    assert written(tree) == ["1/contexts/0/schemes/0/quotas/bytes", "0/state", "1/state"]


def test_a_commit_may_add_and_drop_schemes(client: DamonClient, backend: GivenNumbers) -> None:
    """Folders are made before what is in them, and the running kdamond gets the new document."""
    client.start(physical())
    for wanted in (physical(scheme(1), scheme(2), scheme(3)), physical(Scheme())):
        client.commit(wanted)
        assert client.document() == wanted
        assert backend.in_force[0] == wanted


def test_a_refused_commit_leaves_everything_as_before(roots: Roots, backend: GivenNumbers) -> None:
    """The kernel refuses the second kdamond: the first gets its old settings back."""
    tree = FakeTree(roots, backend=backend)
    client = DamonClient(roots, _Refusing(tree, "kdamonds/1/state", 2), time_limit_s=0.1)
    before = physical(kdamonds=2)
    client.start(before)
    with pytest.raises(KernelError, match=r"quotas/bytes=9"):
        client.commit(physical(scheme(9), kdamonds=2))
    assert client.document() == before
    assert backend.in_force[0].kdamonds[0] == before.kdamonds[0]
    assert client.running() == [0, 1]


def test_a_refused_start_stops_what_had_started(roots: Roots) -> None:
    """The second kdamond watches a process that is gone: the first is stopped again."""
    tree = FakeTree(roots, processes=[42])
    client = DamonClient(roots, tree)
    document = Document(virtual(42).kdamonds + virtual(43).kdamonds)
    with pytest.raises(KernelError, match="EINVAL"):
        client.start(document)
    assert client.running() == []
    assert client.document() == Document(())


def test_start_beside_a_running_kdamond_is_refused(client: DamonClient) -> None:
    """Two starts are one too many, and the first goes on."""
    client.start(physical())
    with pytest.raises(KernelBusyError, match="running kdamonds 0"):
        client.start(physical(kdamonds=2))
    assert client.running() == [0]


def test_an_exclusive_module_makes_the_start_busy(client: DamonClient, tree: FakeTree) -> None:
    """DAMON_STAT holds DAMON; the message is about being busy and nothing stays configured."""
    tree.write(tree.roots.sysfs / "module/damon_stat/parameters/enabled", "Y")
    with pytest.raises(KernelBusyError, match="EBUSY"):
        client.start(physical())
    assert client.document() == Document(())


def test_a_held_lock_is_waited_for(client: DamonClient, tree: FakeTree) -> None:
    """EBUSY for a few attempts delays a start; EBUSY for ever ends it."""
    tree.hold(3)
    client.start(physical())
    assert client.running() == [0]
    tree.hold(10_000)
    with pytest.raises(KernelBusyError):
        client.update_stats(0)


def test_goals_alone_are_committed_without_the_rest(
    client: DamonClient, tree: FakeTree, backend: GivenNumbers
) -> None:
    """A new current value is one write and the cheap command."""
    client.start(physical())
    tree.writes.clear()
    quota = scheme().quota
    fed = replace(quota, goals=(replace(quota.goals[0], current_value=77),), sz_bytes=1)
    client.commit_goals(physical(scheme(quota=fed)))
    assert commands(tree) == ["commit_schemes_quota_goals"]
    assert written(tree)[0].endswith("goals/0/current_value")
    assert len(tree.writes) == 2
    assert backend.asked[-1] == ("commit_goals", 0)


@pytest.mark.parametrize("version", ["6.12", "6.16", "7.3"])
def test_goals_are_committed_on_kernels_without_newer_files(roots: Roots, version: str) -> None:
    """Files of a goal that an old kernel lacks are left out."""
    tree = FakeTree(roots, version)
    client = DamonClient(roots, tree)
    document = physical(scheme())
    client.start(document)
    client.commit_goals(document)
    assert commands(tree)[-1] == "commit_schemes_quota_goals"


def test_tuned_intervals_survive_a_commit(client: DamonClient, backend: GivenNumbers) -> None:
    """What the kernel has tuned stays, unless the document asks for other intervals."""
    client.start(tuned())
    backend.intervals_of[0] = (20_000, 400_000)
    changed = replace(tuned().kdamonds[0].contexts[0], schemes=(scheme(3),))
    client.commit(Document((replace(tuned().kdamonds[0], contexts=(changed,)),)))
    kept = backend.in_force[0].kdamonds[0].contexts[0].attrs.intervals
    assert (kept.sample_us, kept.aggr_us) == (20_000, 400_000)
    assert client.tuned_intervals(0) == (20_000, 400_000)
    client.commit(tuned(sample_us=8000))
    assert backend.in_force[0].kdamonds[0].contexts[0].attrs.intervals.sample_us == 8000


def test_statistics_are_those_of_the_last_update(
    client: DamonClient, backend: GivenNumbers
) -> None:
    """Zero before, the kernel's numbers after, by scheme."""
    client.start(physical(scheme(), scheme()))
    backend.stats_of[0] = (Stats(nr_tried=3, sz_tried=4096), Stats(qt_exceeds=2))
    backend.effective_of[0] = (123, 456)
    assert client.stats(0) == (Stats(), Stats())
    client.update_stats(0)
    assert client.stats(0) == (Stats(nr_tried=3, sz_tried=4096), Stats(qt_exceeds=2))
    assert client.effective_bytes(0) == (123, 456)


def test_tried_regions_come_by_scheme_and_are_cleared(
    client: DamonClient, tree: FakeTree, backend: GivenNumbers
) -> None:
    """Twelve regions come in the kernel's order, and the folders are gone afterwards."""
    client.start(physical())
    regions = [TriedRegion(at * 4096, (at + 1) * 4096, at, 5, 7, (at,)) for at in range(12)]
    backend.tried_of[0] = [regions]
    assert client.tried_regions(0) == (tuple(regions),)
    folder = client.root / "kdamonds/0/contexts/0/schemes/0/tried_regions"
    assert tree.names(folder) == ["total_bytes"]


def test_a_kdamond_that_ended_is_told(client: DamonClient, tree: FakeTree) -> None:
    """Its process is gone: updates say that it has stopped, a commit that nothing runs."""
    client.start(virtual(42))
    tree.end_kdamond(0)
    with pytest.raises(KernelError, match="kdamond 0 has stopped"):
        client.update_stats(0)
    with pytest.raises(KernelError, match="no kdamond runs"):
        client.commit(virtual(42))


def test_the_number_of_kdamonds_cannot_change_while_they_run(client: DamonClient) -> None:
    """The message says what to do."""
    client.start(physical())
    with pytest.raises(KernelError, match="stop, and start"):
        client.commit(physical(kdamonds=2))


def test_what_a_kernel_lacks_is_named_with_the_first_that_has_it(roots: Roots) -> None:
    """Kernel 6.12 has no allowing filters; nothing is changed by asking."""
    tree = FakeTree(roots, "6.12")
    client = DamonClient(roots, tree)
    wanted = physical(scheme(filters=(Filter(FilterType.YOUNG, allow=True),)))
    with pytest.raises(KernelFeatureError, match=r"kernel 6\.14 or newer"):
        client.start(wanted)
    assert client.document() == Document(())


def test_a_kernel_without_damon_is_told(roots: Roots) -> None:
    """No folder, no client."""
    nowhere = replace(roots, sysfs=Path("/elsewhere"))
    with pytest.raises(KernelError, match="there is no DAMON"):
        DamonClient(nowhere, FakeTree(roots))


def test_a_write_that_blocks_is_given_up(roots: Roots, unblock: threading.Event) -> None:
    """The kernel does not answer: after the time limit the client says so."""
    client = DamonClient(roots, _Blocking(FakeTree(roots), unblock), time_limit_s=0.05)
    with pytest.raises(KernelError, match="cannot be interrupted"):
        client.start(physical())


def test_commands_behind_a_blocked_one_are_refused_until_it_ends(
    roots: Roots, unblock: threading.Event, backend: GivenNumbers
) -> None:
    """They say why, none of them is given later, and the client recovers with the kernel."""
    tree = FakeTree(roots, backend=backend)
    client = DamonClient(roots, _Blocking(tree, unblock, Command.UPDATE_STATS), time_limit_s=0.05)
    client.start(physical())
    with pytest.raises(KernelError, match="cannot be interrupted"):
        client.update_stats(0)
    with pytest.raises(KernelError, match="an earlier command"):
        client.commit(physical(scheme(9)))
    assert client.document() == physical()
    unblock.set()
    client.update_stats(0)
    assert commands(tree) == ["on", *[Command.UPDATE_STATS] * 2, Command.UPDATE_EFFECTIVE]
    client.commit(physical(scheme(9)))
    assert backend.in_force[0] == physical(scheme(9))


@pytest.fixture
def unblock() -> Iterator[threading.Event]:
    """Return what lets a blocked write go on, set at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


class _Passing:
    """Files that hand everything on."""

    def __init__(self, tree: FakeTree) -> None:
        self.tree = tree

    def read(self, path: Path) -> str:
        return self.tree.read(path)

    def write(self, path: Path, text: str) -> None:
        self.tree.write(path, text)

    def exists(self, path: Path) -> bool:
        return self.tree.exists(path)

    def names(self, path: Path) -> list[str]:
        return self.tree.names(path)


class _Refusing(_Passing):
    """A kernel that refuses one write to one file."""

    def __init__(self, tree: FakeTree, name: str, at: int) -> None:
        super().__init__(tree)
        self.name = name
        self.left = at

    def write(self, path: Path, text: str) -> None:
        if str(path).endswith(self.name):
            self.left -= 1
            if self.left == 0:
                raise file_error(path, errno.EINVAL, text)
        super().write(path, text)


class _Blocking(_Passing):
    """A kernel that does not come back from one command."""

    def __init__(self, tree: FakeTree, event: threading.Event, command: str = "on") -> None:
        super().__init__(tree)
        self.event = event
        self.command = command

    def write(self, path: Path, text: str) -> None:
        if text == self.command:
            self.event.wait()
        super().write(path, text)
