"""`damosrl doctor` in real guests: what it says of a kernel, and of who uses its DAMON."""

import json
from typing import Any

import pytest

from damosrl.vm.guest import Guest

pytestmark = pytest.mark.vm

DOCTOR = ["python", "-m", "damosrl.cli", "doctor"]
ENABLED = "/sys/module/damon_reclaim/parameters/enabled"
STATE, OTHER = "/tmp/state", "/tmp/other"  # noqa: S108  the guest's own /tmp
KILLED = """
import os, signal
from pathlib import Path
from damosrl.kernel.files import OsFiles
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session
from tests.kernel.documents import physical
with Session(Roots(), OsFiles(), Path("/tmp/state")) as client:
    client.start(physical())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _examine(guest: Guest, *words: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return exit status, the report, and the state of every check."""
    done = guest.run([*DOCTOR, "--json", *words])
    data = json.loads(done.stdout)
    return done.status, data, {check["name"]: check["state"] for check in data["checks"]}


def test_an_idle_guest_is_usable(two_tier: Guest) -> None:
    """Two tiers, rights and all sources of telemetry; the emulated CPU is warned of."""
    status, data, states = _examine(two_tier)
    assert (status, data["usable"]) == (0, True)
    for name in ("damon", "rights", "users", "session", "nodes", "tiers", "numa_balancing"):
        assert states[name] == "ok", name
    for name in ("pressure", "control_groups", "tracepoints"):
        assert states[name] == "ok", name
    assert states["processor"] == "warning"


def test_a_module_of_the_kernel_makes_damon_busy(two_tier: Guest) -> None:
    """While DAMON_RECLAIM is enabled it is named, and nothing of ours would start."""
    two_tier.run(["/bin/bash", "-c", f"echo Y > {ENABLED}"])
    try:
        status, data, states = _examine(two_tier)
    finally:
        two_tier.run(["/bin/bash", "-c", f"echo N > {ENABLED}"])
    assert (status, states["users"]) == (1, "busy")
    users = next(check for check in data["checks"] if check["name"] == "users")
    assert "damon_reclaim" in users["found"]


def test_a_killed_session_is_told_and_restored(two_tier: Guest) -> None:
    """Its kdamond is ours while the state is known; restoring brings back an empty tree."""
    two_tier.run(["python", "-c", KILLED])
    status, data, states = _examine(two_tier, "--state-dir", STATE)
    assert (status, states["users"], states["session"]) == (0, "ok", "warning")
    assert data["features"]["paddr"] is True
    assert _examine(two_tier, "--state-dir", OTHER)[2]["users"] == "busy"
    done = two_tier.run([*DOCTOR, "--restore", "--state-dir", STATE])
    assert done.status == 0
    count = two_tier.run(["cat", "/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds"])
    assert count.stdout == "0\n"
