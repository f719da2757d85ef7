"""Effective quotas of a real kernel, against the engine's for the same goal values."""

from pathlib import Path
from typing import Any

import numpy as np

from damosrl.experiment.fidelity.compare.quota import (
    QuotaResult,
    compare_quotas,
    values_around,
    values_by_commit,
    window_values,
)
from damosrl.experiment.fidelity.data import read_table
from damosrl.experiment.fidelity.emulated.scripted import MEMORY, effective_quotas
from damosrl.experiment.fidelity.in_guest.quota import free_context, user_context
from damosrl.experiment.fidelity.study import user_input_quotas


def test_quotas_by_user_input_are_the_kernels(guest_data: Path, told: dict[str, Any]) -> None:
    """Every quota of the guest comes out of the engine, as was published."""
    result = user_input_quotas(guest_data)
    assert result.guest == result.emulator
    assert len(result.guest) == told["user_input"]["equal"] == told["user_input"]["quotas"] > 80


def test_quotas_by_free_memory_are_the_kernels(published: Path, guest_data: Path) -> None:
    """The engine on the published windows gives the guest's quotas; on one other value it fails."""
    guest = read_table(guest_data / "node_free.esz.csv")["esz_bytes"].tolist()
    values = read_table(published / "node_free.windows.csv")["value"].tolist()
    assert effective_quotas(free_context(MEMORY[0]), values) == guest
    place = len(values) // 2
    values[place] += 40
    assert effective_quotas(free_context(MEMORY[0]), values) != guest


def test_published_windows_are_what_was_read(published: Path, guest_data: Path) -> None:
    """No window was given a value outside of what the guest read in the whole run."""
    values = read_table(published / "node_free.windows.csv")["value"]
    free = read_table(guest_data / "node_free.csv")
    read_bp = free["free_kib"] * 10_000 // free["total_kib"]
    assert read_bp.min() <= values.min()
    assert values.max() <= read_bp.max()


def test_hidden_windows_are_found() -> None:
    """From one byte, growth by a tenth shows in whole bytes only at the eighth window."""
    assert window_values([1, 2], [[9000], [9000]], 10_000) == [9000] * 8


def test_an_impossible_quota_ends_the_explanation() -> None:
    """No window makes 3 bytes of 1 at double growth; the quotas before are still explained."""
    result = compare_quotas(user_context(0, MEMORY[0]), [2, 4, 7, 14], [[0]] * 4)
    assert (result.emulator, result.equal, result.meets) == ([2, 4], 2, False)


def test_the_first_difference_is_counted_to() -> None:
    """Equal is the length of the common beginning, also where one sequence is longer."""
    assert QuotaResult([1, 2, 3], [1, 2, 4], []).equal == 2
    assert QuotaResult([1, 2, 3], [1, 2], []).equal == 2


def test_a_quota_within_a_commit_may_have_seen_either_value() -> None:
    """What was set while a commit was under way has two candidates, else the last commit's."""
    commits = {
        "before_ns": np.array([0, 100]),
        "after_ns": np.array([10, 120]),
        "value": np.array([5, 3]),
    }
    assert values_by_commit(np.array([50, 110, 130]), commits) == [[5], [3, 5], [3]]


def test_values_around_a_window_cover_its_neighbours() -> None:
    """All whole values between the readings on both sides of a window are candidates."""
    found = values_around(
        np.array([100, 200]), np.array([0, 90, 150, 260]), np.array([7, 7, 9, 4]), 5
    )
    assert [list(each) for each in found] == [[7, 8, 9], [4, 5, 6, 7, 8, 9]]
