"""Dry runs: everything is told, nothing is written, and planning goes on."""

from pathlib import Path

import pytest

from damosrl.damon import Document, Filter, FilterType
from damosrl.errors import KernelError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.dry_run import DryRunFiles
from damosrl.kernel.files import OsFiles
from damosrl.kernel.roots import Roots
from damosrl.testing.fake_tree import FakeTree
from tests.kernel.documents import physical, scheme


@pytest.fixture
def lines() -> list[str]:
    """Return where a dry run tells its writes."""
    return []


@pytest.fixture
def dry(roots: Roots, tree: FakeTree, lines: list[str]) -> DryRunFiles:
    """Return files that only pretend."""
    return DryRunFiles(tree, roots.damon, lines.append)


def test_a_whole_life_is_planned_and_nothing_written(
    roots: Roots, tree: FakeTree, dry: DryRunFiles, lines: list[str]
) -> None:
    """Start, commit and stop see their own pretended writes; the tree stays empty."""
    client = DamonClient(roots, dry)
    client.start(physical())
    assert client.document() == physical()
    client.commit(physical(scheme(9), scheme()))
    assert client.document() == physical(scheme(9), scheme())
    client.update_stats(0)
    assert client.effective_bytes(0) == (0, 0)
    client.stop()
    assert client.running() == []
    assert tree.writes == []
    assert lines[0] == f"{roots.damon}/kdamonds/nr_kdamonds <- 1"
    assert lines[-1] == f"{roots.damon}/kdamonds/0/state <- off"


def test_a_dry_run_plans_the_same_writes_as_a_real_one(
    roots: Roots, tree: FakeTree, dry: DryRunFiles
) -> None:
    """Over what is configured already: the same files with the same texts, in the same order."""
    real = DamonClient(roots, tree)
    real.start(physical(scheme(1), scheme(2), kdamonds=2))
    real.stop()
    tree.writes.clear()
    wanted = physical(scheme(1, filters=(Filter(FilterType.ANON),)), kdamonds=3)
    DamonClient(roots, dry).start(wanted)
    real.start(wanted)
    assert [(str(path), text) for path, text in dry.writes] == tree.writes


def test_what_a_count_would_destroy_is_gone(roots: Roots, tree: FakeTree, dry: DryRunFiles) -> None:
    """Folders of the real tree are not seen any more."""
    DamonClient(roots, tree).start(physical(kdamonds=2))
    folder = roots.damon / "kdamonds"
    dry.write(folder / "nr_kdamonds", "1")
    assert dry.names(folder) == ["0", "nr_kdamonds"]
    assert not dry.exists(folder / "1/state")
    assert dry.read(folder / "0/contexts/nr_contexts") == "0\n"
    with pytest.raises(KernelError, match="ENOENT"):
        dry.read(folder / "1/state")


def test_a_dry_run_refuses_what_is_not_there(roots: Roots, dry: DryRunFiles) -> None:
    """A file that would have to exist is missed as in earnest."""
    with pytest.raises(KernelError, match="ENOENT"):
        dry.write(roots.damon / "kdamonds/0/state", "on")


def test_nothing_is_opened_for_writing(read_only: Path) -> None:
    """Files that cannot be written are enough for a dry run."""
    root = Roots(sysfs=read_only)
    dry = DryRunFiles(OsFiles(), root.damon)
    client = DamonClient(root, dry)
    client.start(physical())
    assert len(dry.writes) > 10
    assert (root.damon / "kdamonds/nr_kdamonds").read_text() == "0\n"
    assert DamonClient(root, OsFiles()).document() == Document(())


@pytest.fixture
def read_only(tmp_path: Path) -> Path:
    """Return a sysfs whose one file must not change."""
    folder = tmp_path / "sys/kernel/mm/damon/admin/kdamonds"
    folder.mkdir(parents=True)
    (folder / "nr_kdamonds").write_text("0\n")
    return tmp_path / "sys"
