"""What runs on a cache: a demand that swings between two sizes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.config import read_choice
from damosrl.knobs import FloatArray


@dataclass(frozen=True)
class CacheLoad:
    """A choice of ``conf/workload`` for caches.

    Args:
        name: What tables call it.
        low_gib: Smallest demand.
        high_gib: Largest demand.
        period_s: Length of one swing.
    """

    name: str
    low_gib: float
    high_gib: float
    period_s: float

    @property
    def families(self) -> frozenset[str]:
        """All families that can be drawn: this one."""
        return frozenset({self.name})

    def demand_gib(self, time_s: FloatArray, phase: FloatArray) -> FloatArray:
        """Return the demand at a time, ``(N,)`` each."""
        swing = 0.5 - 0.5 * np.cos(2.0 * math.pi * (time_s / self.period_s + phase))
        return np.asarray(self.low_gib + (self.high_gib - self.low_gib) * swing)


def cache_load(choice: str | Path | Mapping[str, Any]) -> CacheLoad:
    """Read a load by its name, the path of a YAML or its keys.

    Raises:
        DamosrlError: There is no such load, or it cannot be used.
    """
    return read_choice(CacheLoad, "workload", choice)
