"""Sums over the regions of all monitors, compiled and in NumPy."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from damosrl.machine import Snapshot, Telemetry
from damosrl_envs.tiering.compiled_monitor import summarise_compiled
from damosrl_tasks.tiering.monitor import summarise


def _telemetry(seed: int, regions: int) -> Telemetry:
    """Draw snapshots of 3 machines with 3 kdamonds; some kdamonds have no regions."""
    rng = np.random.default_rng(seed)
    shape = (3, 3, regions)
    cuts = np.sort(rng.integers(0, 1 << 36, (3, 3, regions + 1)), axis=2).astype(np.uint64)
    snapshot = Snapshot(
        nr_regions=rng.integers(0, regions + 1, (3, 3)),
        start=cuts[..., :-1],
        end=cuts[..., 1:],
        nr_accesses=rng.integers(0, 21, shape).astype(np.uint32),
        age=rng.integers(0, 400, shape).astype(np.uint32),
        target=np.zeros(shape, np.int64),
    )
    fields: Any = SimpleNamespace(
        snapshot=snapshot,
        samples_per_aggregation=rng.integers(0, 21, (3, 3)),
        aggregation_us=np.full((3, 3), 100_000),
    )
    return cast("Telemetry", fields)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("regions", [0, 1, 60])
def test_both_ways_of_summing_are_equal(seed: int, regions: int) -> None:
    """A kernel's host sums without a compiler, and a tuner trained on batches sees the same."""
    telemetry = _telemetry(seed, regions)
    plain, compiled = summarise(telemetry), summarise_compiled(telemetry)
    for name in plain._fields:
        np.testing.assert_array_equal(getattr(plain, name), getattr(compiled, name), err_msg=name)
