"""The world: N caches, each with a load, in virtual time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.config import read_choice
from damosrl.damon import Document
from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry
from damosrl_envs.loop.choices import as_list, pinned
from damosrl_envs.loop.world import Episode
from damosrl_toy.load import CacheLoad, cache_load

GIB = 2**30


@dataclass(frozen=True)
class CacheMachine:
    """A choice of ``conf/machine`` for caches.

    Args:
        name: Name of the choice.
        start_gib: Size before anybody decides.
    """

    name: str
    start_gib: float


@dataclass(frozen=True, kw_only=True)
class CacheTelemetry(Telemetry):
    """What caches tell: their size and what was asked of them, ``(N,)`` each."""

    size_gib: FloatArray
    demand_gib: FloatArray


class CacheWorld:
    """N caches.

    Args:
        machine: Choice of ``conf/machine``.
        workloads: One load, or several of which each episode draws one.
        num_machines: N.
    """

    has_truth = True

    def __init__(self, machine: Any, workloads: Any, num_machines: int) -> None:
        self._start_gib = read_choice(CacheMachine, "machine", machine).start_gib
        self._choices = [cache_load(one) for one in as_list(workloads)]
        self._pinned: list[CacheLoad] | list[None] = [None] * num_machines
        self._loads = [self._choices[0]] * num_machines
        self._phase, self._time_s = np.zeros(num_machines), np.zeros(num_machines)
        self._size_gib = np.full(num_machines, self._start_gib)
        self._demand_gib = np.zeros(num_machines)
        self.overruns = np.zeros(num_machines, np.int64)

    @property
    def machines(self) -> "CacheWorld":
        """What an oracle is shown: the world itself."""
        return self

    def pin(self, workloads: Any) -> None:
        """Fix the load of every machine until the next call; None draws again."""
        self._pinned = pinned(workloads, len(self._loads), cache_load)

    def begin(self, index: int, generator: np.random.Generator, plan: FloatArray) -> Episode:
        """Begin an episode on one machine."""
        del plan
        chosen = self._pinned[index] or self._choices[int(generator.integers(len(self._choices)))]
        self._loads[index] = chosen
        self._phase[index], self._time_s[index] = generator.random(), 0.0
        self._size_gib[index] = self._start_gib
        self._look()
        return Episode(chosen.name, chosen.name, int(chosen.high_gib * GIB))

    def set_quota_feedback(self, index: int, feedback: Any) -> None:
        """Take no notice: there are no quotas."""

    def commit(self, plan: FloatArray) -> NDArray[np.bool_]:
        """Resize; NaN leaves a cache as it is. Nothing is ever refused."""
        self._size_gib = np.where(np.isnan(plan), self._size_gib, plan)
        return np.zeros(len(plan), np.bool_)

    def run(self, seconds: float) -> CacheTelemetry:
        """Let time pass."""
        self._time_s += seconds
        self._look()
        return self.telemetry()

    def telemetry(self) -> CacheTelemetry:
        """Look now."""
        return CacheTelemetry.bare(
            self._time_s.copy(), size_gib=self._size_gib.copy(), demand_gib=self._demand_gib.copy()
        )

    def truth(self) -> GroundTruth:
        """Return what only this world knows."""
        slowdown = slowdown_of(self._size_gib, self._demand_gib)
        unknown = np.full(len(slowdown), np.nan)
        return GroundTruth(slowdown, 1.0 / slowdown, unknown, unknown, unknown)

    def fit(self, index: int) -> None:
        """Make one cache as large as what will be asked of it in a second: for an oracle."""
        load, place = self._loads[index], slice(index, index + 1)
        ahead = load.demand_gib(self._time_s[place] + 1.0, self._phase[place])
        self._size_gib[index] = ahead[0]

    def document(self, document: Document) -> Document:
        """Return it as it is: caches have none."""
        return document

    def close(self) -> None:
        """Nothing is to be given back."""

    def _look(self) -> None:
        demands = [
            load.demand_gib(self._time_s[i : i + 1], self._phase[i : i + 1])
            for i, load in enumerate(self._loads)
        ]
        self._demand_gib = np.concatenate(demands)


def slowdown_of(size_gib: FloatArray, demand_gib: FloatArray) -> FloatArray:
    """Return time per access over that of a cache that holds all: a miss takes twice as long."""
    missed = np.maximum(demand_gib - size_gib, 0.0) / demand_gib
    return np.asarray(1.0 + missed)
