"""A real kernel's own quota loop, second by second, against the engine's (kernel 7.3.4 in a guest).

The guest's free memory was read once a second, its quota windows began at other moments: free
memory moved by up to 3 basis points in between. Windows took 1 to 1.2 s, so a row of the
recording sees 0 to 3 new windows.
"""

import csv
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from damosrl.damon import Document
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.quota import feed_loop_next_input
from damosrl.emulator.workload.model import Workload
from damosrl.machine import Plan, SchemeField, Setting

ROWS = [
    {key: int(value) for key, value in row.items()}
    for row in csv.DictReader(
        (Path(__file__).parents[2] / "golden" / "guest_consist.csv").read_text().splitlines()
    )
]
CAP_BYTES = 50 << 20
JITTER_BP = 3
MOST_WINDOWS = 3
U = np.uint64

Span = tuple[int, int]


def _next(span: Span, scores: Span) -> Span:
    """Step the loop from every state of a span: it grows with the state, falls with the score."""
    low = feed_loop_next_input(U(max(span[0], 10000)), U(scores[1]))
    high = feed_loop_next_input(U(max(span[1], 10000)), U(scores[0]))
    return int(low), int(high)


def _seen_as(effective_bytes: int) -> Span:
    """Return the states that show as these effective bytes."""
    if effective_bytes >= CAP_BYTES:
        return CAP_BYTES * 10000, 1 << 62
    return effective_bytes * 10000, effective_bytes * 10000 + 9999


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


@pytest.mark.parametrize(
    ("column", "target", "of_used"),
    [("demotion_esz_bytes", 2500, False), ("promotion_esz_bytes", 9970, True)],
)
def test_every_quota_of_the_guest_follows(column: str, target: int, of_used: bool) -> None:
    """Fed with the measured free memory, the loop passes through all 74 measured quotas."""
    spans = [(10000, 10000)]
    for previous, row in pairwise(ROWS):
        free = sorted((previous["node0_free_bp"], row["node0_free_bp"]))
        values = (free[0] - JITTER_BP, free[1] + JITTER_BP)
        scores = sorted((10000 - bp if of_used else bp) * 10000 // target for bp in values)
        low, high = _seen_as(row[column])
        reached = []
        for span in spans:
            state = span
            for _ in range(MOST_WINDOWS + 1):
                if max(state[0], low) <= min(state[1], high):
                    reached.append((max(state[0], low), min(state[1], high)))
                state = _next(state, (scores[0], scores[1]))
        spans = _joined(reached)
        assert spans, f"no quota loop gives {row[column]} bytes at second {row['second']}"


def test_machine_grows_its_quota_as_the_guest_did(
    two_tiers: MachineConfig,
    make_template: Callable[..., Document],
    make_workload: Callable[..., Workload],
) -> None:
    """An emulated machine with the guest's free memory shows its quotas from 2 bytes to 1 MiB."""
    template = make_template(2, CAP_BYTES, hot=21, cold=0, goals=True)
    machines = EmulatedMachines(two_tiers, 1, template)
    machines.load(0, make_workload([900.0, 900.0], fast_share=0.5), seed=1)
    one = np.array([2500], np.int64)
    machines.commit(
        Plan(
            template,
            {
                Setting(0, 0, SchemeField.GOAL_TARGET): one,
            },
        )
    )
    machines.world.nodes["total"][0, 0] = 10000
    machines.world.nodes["free"][0, 0] = ROWS[0]["node0_free_bp"]
    machines.run(1.0)
    for previous, row in pairwise(ROWS[:29]):
        machines.world.nodes["free"][0, 0] = previous["node0_free_bp"]
        stats = machines.run(1.0).stats
        quota = int(stats.effective_bytes[0, 0, 0])
        assert quota == pytest.approx(row["demotion_esz_bytes"], rel=0.005, abs=1), row["second"]
