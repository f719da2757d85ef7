"""Two kernels in guests: they answer as the fake tree does, and the client drives both."""

import json
from typing import Any

import pytest

from damosrl.vm.guest import Guest

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module", params=["two_tier", "old_kernel"])
def guest(request: pytest.FixtureRequest) -> Guest:
    """Return a guest with the newest kernel, then one with 6.12."""
    found: Guest = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def driven(guest: Guest) -> dict[str, Any]:
    """Return what the client's program tells of its kernel."""
    done = guest.run(["python", "-m", "tests.vm.programs.client", "/tmp/state-client"], 120.0)  # noqa: S108
    assert done.status == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _is_old(guest: Guest) -> bool:
    return str(guest.describe()["kernel"]).startswith("6.12")


def test_the_kernel_answers_as_the_fake_tree_does(guest: Guest) -> None:
    """Every read and write of the check has the answer that the fake tree gives."""
    words = ["python", "-m", "damosrl.testing.tree_check", "--sysfs-root", "/sys"]
    done = guest.run([*words, "--i-am-a-guest"], 120.0)
    version = "6.12" if _is_old(guest) else "7.3"
    assert done.stdout.startswith(f"kernel {version}: ")
    assert done.stdout.endswith(" steps, 0 answered otherwise\n"), done.stdout


def test_a_started_document_is_read_back(driven: dict[str, Any]) -> None:
    """What the files hold is the document that was started; it worked, and was taken down."""
    assert driven["kdamonds_found"]
    assert driven["nr_tried"] > 0
    assert driven["nr_kdamonds"] == "0"


def test_a_committed_quota_is_in_force(driven: dict[str, Any]) -> None:
    """The effective quota is the committed size."""
    assert driven["effective_bytes"] == 2 << 20


def test_a_filter_lies_in_its_layers_folder(guest: Guest, driven: dict[str, Any]) -> None:
    """Before 6.15 there is one folder of filters for both layers."""
    assert driven["filter"] == (["filters"] if _is_old(guest) else ["ops_filters"])


def test_what_a_kernel_lacks_is_named_with_its_version(
    guest: Guest, driven: dict[str, Any]
) -> None:
    """6.12 refuses newer features before anything is committed; the newest takes them."""
    if not _is_old(guest):
        assert driven["temporal"] == ""
        return
    assert "KernelFeatureError" in driven["temporal"]
    assert "goal_tuner=temporal" in driven["temporal"]
    assert "kernel 7.1 or newer" in driven["temporal"]
    assert "addr_unit=4096" in driven["addr_unit"]
    assert "kernel 6.18 or newer" in driven["addr_unit"]


def test_a_refused_commit_leaves_what_was(guest: Guest, driven: dict[str, Any]) -> None:
    """The kdamond runs on with the settings before, also where a refusal ends it (6.12)."""
    assert ("ended at commit" if _is_old(guest) else "EINVAL after") in driven["gone"]
    assert "pid_target=" in driven["gone"]
    assert driven["running"] == [0]
    assert driven["staged_bytes"] == 2 << 20
