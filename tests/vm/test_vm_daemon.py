"""The daemon on a real kernel: it drives, restores, and survives kills."""

import json
from typing import Any

import pytest

from damosrl.vm.guest import Guest
from tests.daemon.served import write_bundle
from tests.daemon.test_daemon_kills import check

pytestmark = pytest.mark.vm

DAMOSRL = ("python", "-m", "damosrl.cli", "daemon")
STATE = ("--state-dir", "/tmp/daemon")  # noqa: S108  the guest's own
KILLS = 12


@pytest.fixture(name="bundle", scope="module")
def _bundle(tmp_path_factory: pytest.TempPathFactory, two_tier: Guest) -> str:
    """Return a bundle's path in the guest."""
    folder = tmp_path_factory.mktemp("bundle")
    return two_tier.put(write_bundle(folder / "pi.damosrl", interval_s=1.0))


def test_a_daemon_drives_and_restores(two_tier: Guest, bundle: str) -> None:
    """Twelve decisions are committed and logged, and afterwards there is no kdamond."""
    done = two_tier.run([*DAMOSRL, bundle, *STATE, "--steps", "12", "--quiet"], 200.0)
    assert (done.status, done.stderr) == (0, "")
    told = two_tier.run(["cat", f"{STATE[1]}/journal/decisions.jsonl"])
    decisions: list[dict[str, Any]] = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(decisions) == 12
    assert sum(decision["committed"] for decision in decisions) >= 9
    assert decisions[-1]["features"]["fast_free"] is not None
    left = two_tier.run(["cat", "/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds"])
    assert left.stdout == "0\n"


def test_a_shadow_moves_nothing(two_tier: Guest, bundle: str) -> None:
    """Both nodes' migration counters stay where they were."""
    count = ["grep", "-h", "-E", "pgmigrate_success|pgpromote|pgdemote", "/proc/vmstat"]
    before = two_tier.run(count).stdout
    words = [*DAMOSRL, bundle, *STATE, "--shadow", "--steps", "5", "--quiet"]
    assert two_tier.run(words, 200.0).status == 0
    assert two_tier.run(count).stdout == before


def test_kills_leave_a_sound_kernel_that_the_next_daemon_takes_over(
    two_tier: Guest, bundle: str
) -> None:
    """After each kill the kernel holds something complete; the last daemon restores it all."""
    words = ["python", "-m", "tests.daemon.kills", "--bundle", bundle]
    words += ["--kills", str(KILLS), "--seed", "2026", "--state-dir", "/tmp/kills"]  # noqa: S108
    done = two_tier.run([*words, "--latest-s", "5"], 900.0)
    assert done.status == 0, done.stderr
    check([json.loads(line) for line in done.stdout.splitlines()], KILLS)
