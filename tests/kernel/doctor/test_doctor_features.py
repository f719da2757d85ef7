"""Features by the files that show them."""

import pytest

from damosrl.damon.features import RELEASES, is_before
from damosrl.kernel.client import DamonClient
from damosrl.kernel.doctor.features import FEATURES, features, features_found
from damosrl.kernel.doctor.finding import Machine, State
from damosrl.kernel.roots import Roots
from damosrl.testing.fake_host import FakeHost
from damosrl.testing.fake_tree import FakeTree
from tests.kernel.doctor.conftest import Refusing
from tests.kernel.documents import physical


def _configured(roots: Roots, version: str) -> FakeTree:
    """Return a tree in which every kind of folder has a child."""
    tree = FakeTree(roots, version=version)
    root = roots.damon
    for count in (
        "kdamonds/nr_kdamonds",
        "kdamonds/0/contexts/nr_contexts",
        "kdamonds/0/contexts/0/targets/nr_targets",
        "kdamonds/0/contexts/0/schemes/nr_schemes",
        "kdamonds/0/contexts/0/schemes/0/quotas/goals/nr_goals",
        "kdamonds/0/contexts/0/monitoring_attrs/probes/nr_probes",
    ):
        if tree.exists(root / count):
            tree.write(root / count, "1")
    return tree


@pytest.mark.parametrize("version", RELEASES)
def test_each_kernel_shows_what_it_has(roots: Roots, version: str) -> None:
    """Where everything is configured, presence agrees with the table of versions."""
    found = features_found(Machine(roots, _configured(roots, version)))
    for item in FEATURES:
        old = version if item.since not in RELEASES else item.since
        assert found[item.name] is not is_before(version, old), item.name


def test_an_unconfigured_kernel_tells_nothing_and_claims_nothing(machine: Machine) -> None:
    """Everything is unknown; the version says what to expect, and nothing is configured."""
    assert set(features_found(machine).values()) == {None}
    found = features(machine)
    assert found.state is State.OK
    assert "0 of 22 seen" in found.found
    assert "mainline 7.3 has all" in found.why


def test_what_others_have_configured_is_used(machine: Machine, client: DamonClient) -> None:
    """A running kdamond shows the features of its folders, and of those only."""
    client.start(physical())
    found = features_found(machine)
    assert found["goal_tuner"] is True
    assert found["probe_weights"] is None
    assert found["paddr"] is True


def test_absent_features_are_named(roots: Roots) -> None:
    """A 6.12 tree lacks what came later."""
    tree = _configured(roots, "6.12")
    FakeHost(roots, tree.set_host, release="6.12.117")
    found = features(Machine(roots, tree))
    assert "absent: ops_filter_statistics, intervals_goal" in found.found
    assert found.why == ""


def test_operations_are_those_that_the_kernel_lists(roots: Roots) -> None:
    """A kernel built without an operation set does not list it."""
    tree = _configured(roots, "7.3")
    tree.set_host(f"{roots.damon}/kdamonds/0/contexts/0/avail_operations", "paddr")
    found = features_found(Machine(roots, tree))
    assert [found[name] for name in ("vaddr", "fvaddr", "paddr")] == [False, False, True]


def test_without_damon_no_feature_is_there(machine: Machine, files: Refusing) -> None:
    """Absent is then certain."""
    files.refuse(machine.roots.damon)
    found = features_found(machine)
    assert {found[item.name] for item in FEATURES} == {False}


def test_an_unknown_version_expects_nothing(machine: Machine, host: FakeHost) -> None:
    """No claim is made from a version that cannot be read."""
    host.put(machine.roots.procfs / "sys/kernel/osrelease", "?")
    assert "6.12 to 7.3" in features(machine).why
