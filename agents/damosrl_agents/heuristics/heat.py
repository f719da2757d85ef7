"""Reads the temperature histograms out of an observation, whatever bins the task has chosen."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array, FloatArray, QuantitySet
from damosrl.task import TaskSpec

_NAME = re.compile(r"(fast|slow|node\d+)_heat_(\d+)")


@dataclass(frozen=True)
class HeatBins:
    """Where the histograms lie in an observation.

    Features ``<tier>_heat_<p>`` are shares of a tier's bytes whose access rate is at least p per
    cent of the largest and under the next bin's p.

    Args:
        edges_percent: Lower edge of every bin, ascending, ``(B,)``.
        bins: The tiers' bins, fastest tier first, ``(T B,)``.
        places: Where they lie in an observation, ``(T B,)``.
    """

    edges_percent: FloatArray
    bins: QuantitySet
    places: NDArray[np.int64]

    @classmethod
    def of(cls, spec: TaskSpec) -> "HeatBins":
        """Find the bins of a task.

        Raises:
            ConfigError: There are none, or the tiers' bins differ.
        """
        places: dict[str, dict[int, int]] = {}
        for place, name in enumerate(spec.observation.names):
            match = _NAME.fullmatch(name)
            if match:
                places.setdefault(match[1], {})[int(match[2])] = place
        edges = {tier: sorted(bins) for tier, bins in places.items()}
        different = {tuple(row) for row in edges.values()}
        if len(edges) < 2 or len(different) != 1:
            raise ConfigError(
                f"task {spec.task} has no usable temperature histograms",
                got=", ".join(f"{tier} {row}" for tier, row in edges.items()) or "none",
                allowed="features <tier>_heat_<percent> of two tiers or more, same edges",
                fix="choose another tuner or task",
            )
        common = list(different.pop())
        order = [bins[edge] for bins in places.values() for edge in common]
        quantities = QuantitySet(tuple(spec.observation.items[place] for place in order))
        return cls(np.array(common, dtype=np.float64), quantities, np.array(order))

    def read(self, observation: Float32Array) -> FloatArray:
        """Return the shares of each tier's bytes by bin, ``(T, B)``; NaN if unmeasured."""
        shares = self.bins.to_physical(observation[self.places].astype(np.float64))
        return shares.reshape(-1, len(self.edges_percent))
