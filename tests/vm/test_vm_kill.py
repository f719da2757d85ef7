"""SIGKILL of a controlling process at random moments, on a real kernel."""

import json
from typing import Any

import pytest

from damosrl.vm.guest import Guest

pytestmark = pytest.mark.vm

KILLS, SEED = 20, 2026


@pytest.fixture(scope="module")
def kills(two_tier: Guest) -> list[dict[str, Any]]:
    """Return what the kernel held after each kill."""
    words = ["python", "-m", "tests.vm.programs.killer", str(KILLS), str(SEED)]
    done = two_tier.run([*words, "/tmp/kill"], 400.0)  # noqa: S108
    assert done.status == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_kernel_holds_a_complete_committed_configuration(kills: list[dict[str, Any]]) -> None:
    """Quota and interval in force are of one document: the last one done, or the one begun."""
    assert len(kills) == KILLS
    running = [told for told in kills if told["state"] == "on"]
    assert len(running) > KILLS // 2
    assert [told for told in running if len(told["held"]) != 1] == []


def test_a_document_that_was_started_goes_on(kills: list[dict[str, Any]]) -> None:
    """Nothing stops but where the kill came before the first start was done."""
    assert [told for told in kills if told["state"] == "off" and told["done"] >= 0] == []


def test_restoring_brings_back_what_was_there(kills: list[dict[str, Any]]) -> None:
    """Every setting that somebody else had left is as it was, after each kill."""
    assert [told for told in kills if not told["restored"]] == []
