"""Reads the temperature histograms out of an observation, whatever bins the task has chosen."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array, FloatArray, QuantitySet
from damosrl.task import TaskSpec

_NAME = re.compile(r"(fast|slow)_heat_(\d+)")


@dataclass(frozen=True)
class HeatBins:
    """Where the histograms lie in an observation.

    Features ``fast_heat_<p>`` and ``slow_heat_<p>`` are shares of a tier's bytes whose access
    rate is at least p per cent of the largest and under the next bin's p.

    Args:
        edges_percent: Lower edge of every bin, ascending, ``(B,)``.
        bins: The fast tier's bins, then the slower tiers', ``(2 B,)``.
        places: Where they lie in an observation, ``(2 B,)``.
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
        places: dict[str, dict[int, int]] = {"fast": {}, "slow": {}}
        for place, name in enumerate(spec.observation.names):
            match = _NAME.fullmatch(name)
            if match:
                places[match[1]][int(match[2])] = place
        edges = sorted(places["fast"])
        if not edges or edges != sorted(places["slow"]):
            raise ConfigError(
                f"task {spec.task} has no usable temperature histograms",
                got=f"fast {edges}, slow {sorted(places['slow'])}",
                allowed="features fast_heat_<percent> and slow_heat_<percent>, same edges",
                fix="choose another tuner or task",
            )
        order = [places[tier][edge] for tier in ("fast", "slow") for edge in edges]
        bins = QuantitySet(tuple(spec.observation.items[place] for place in order))
        return cls(np.array(edges, dtype=np.float64), bins, np.array(order))

    def read(self, observation: Float32Array) -> tuple[FloatArray, FloatArray]:
        """Return the shares of fast and of slow bytes by bin, each ``(B,)``; NaN if unmeasured."""
        shares = self.bins.to_physical(observation[self.places].astype(np.float64))
        return shares[: len(self.edges_percent)], shares[len(self.edges_percent) :]
