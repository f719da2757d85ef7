"""From telemetry to the features that a tuner sees."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import Telemetry
from damosrl_tasks.tiering.config import TieringConfig
from damosrl_tasks.tiering.counters import Counters
from damosrl_tasks.tiering.knobs import DEMOTION, FREE, PROMOTION
from damosrl_tasks.tiering.memories import AccessShare, Returns, Stretch
from damosrl_tasks.tiering.monitor import MonitorSummary, Summarise, summarise
from damosrl_tasks.tiering.quantities import vocabulary
from damosrl_tasks.tiering.schemes import Layout
from damosrl_tasks.tiering.tiers import Tiers


class Features:
    """Observations of N machines; keeps what must be remembered between two readings.

    Args:
        config: Timing of the task.
        layout: Where the schemes lie.
        num_machines: N.
        summarise: Sums up snapshots.
    """

    def __init__(
        self,
        config: TieringConfig,
        layout: Layout,
        num_machines: int,
        summarise: Summarise = summarise,
    ) -> None:
        self._summarise = summarise
        self._config = config
        self._tiers = layout.tiers
        self._demotions = np.bincount([mover.border for mover in layout.demotions])
        self.vocabulary = vocabulary(layout.tiers)
        self.share = AccessShare(num_machines, layout.tiers.num_nodes)
        self._returns = Returns(num_machines)
        self._stretch = Stretch(num_machines, len(layout.document.kdamonds))
        self._observation = np.zeros(
            (num_machines, len(self.vocabulary.quantities)), dtype=np.float32
        )

    def reset(
        self, which: NDArray[np.bool_], telemetry: Telemetry, grown: Counters, knobs: FloatArray
    ) -> Float32Array:
        """Forget the past of the marked machines; return all observations ``(N, d)``."""
        summary = self._summarise(telemetry)
        self.share.reset(which)
        self._returns.reset(which)
        self._stretch.reset(which, summary)
        fresh = self._observe(telemetry, summary, grown, knobs)
        self._observation[which] = fresh[which]
        return self._observation.copy()

    def update(self, telemetry: Telemetry, grown: Counters, knobs: FloatArray) -> Float32Array:
        """Take in a reading.

        Args:
            telemetry: What the machines say now.
            grown: Growth of the counters since the last reading.
            knobs: Physical knobs in force in between, ``(N, k)``.

        Returns:
            Observations ``(N, d)`` in [-1, 1].
        """
        summary = self._summarise(telemetry)
        self.share.update(summary, grown.time_s)
        self._returns.update(grown)
        self._stretch.update(telemetry, summary, grown.time_s)
        self._observation = self._observe(telemetry, summary, grown, knobs)
        return self._observation.copy()

    def _observe(
        self, telemetry: Telemetry, summary: MonitorSummary, grown: Counters, knobs: FloatArray
    ) -> Float32Array:
        psi, borders = telemetry.pressure, self._tiers.split(knobs)
        columns = [
            *_memory(telemetry, self._tiers, borders),
            *_columns(summary.heat),
            *_columns(summary.cold_age[:, : len(borders)]),
            *self._migration(grown, borders),
            *_columns(self.share.means),
            self.share.change,
            100.0 * psi.some_avg[:, 0],
            100.0 * psi.full_avg[:, 0],
            summary.regions / self._config.max_nr_regions,
            self._stretch.estimate,
            *knobs.T,
        ]
        known = self.vocabulary
        normal = known.quantities.to_normal(np.stack(columns, axis=1))
        if telemetry.missing:
            normal = np.where(known.observed(telemetry.missing), normal, known.unknown)
        return normal.astype(np.float32)

    def _migration(self, grown: Counters, borders: Sequence[FloatArray]) -> list[FloatArray]:
        elapsed_s = np.maximum(grown.time_s, 1e-9)
        windows = np.maximum(grown.time_s / self._config.apply_s, 1.0)
        columns = [grown.promoted_bytes / elapsed_s, grown.demoted_bytes / elapsed_s]
        for border in range(self._tiers.promotions):
            quota = borders[border][:, PROMOTION]
            tried = grown.promotion_tried_bytes[:, border]
            applied = grown.promotion_applied_bytes[:, border]
            columns += [
                _ratio(tried, quota * grown.time_s, nothing=0.0),
                _ratio(applied, tried, nothing=1.0),
                grown.promotion_exceeds[:, border] / windows,
            ]
        for border, schemes in enumerate(self._demotions):
            quota = borders[border][:, DEMOTION]
            tried = grown.demotion_tried_bytes[:, border]
            applied = grown.demotion_applied_bytes[:, border]
            columns += [
                _ratio(tried, quota * grown.time_s, nothing=0.0),
                _ratio(applied, tried, nothing=1.0),
                grown.demotion_exceeds[:, border] / (windows * schemes),
            ]
        return [*columns, self._returns.share]


def free_percent(telemetry: Telemetry, node: int) -> FloatArray:
    """Return the free share of a node, per cent, ``(N,)``."""
    total = np.maximum(telemetry.node_total_bytes[:, node], 1.0)
    return np.asarray(100.0 * telemetry.node_free_bytes[:, node] / total)


def fast_free_percent(telemetry: Telemetry) -> FloatArray:
    """Return the free share of node 0, per cent, ``(N,)``."""
    return free_percent(telemetry, 0)


def _memory(telemetry: Telemetry, tiers: Tiers, borders: Sequence[FloatArray]) -> list[FloatArray]:
    free = [free_percent(telemetry, node) for node in range(tiers.num_nodes)]
    errors = [free[node] - knobs[:, FREE] for node, knobs in enumerate(borders)]
    everything = np.maximum(telemetry.node_total_bytes.sum(axis=1), 1.0)
    sizes = [telemetry.node_total_bytes[:, node] / everything for node in range(tiers.promotions)]
    return [*(free if tiers.named_by_node else free[:1]), *errors, *sizes]


def _columns(values: FloatArray) -> FloatArray:
    """Return the columns of ``(N, nodes, B)``, node by node."""
    return values.reshape(len(values), -1).T


def _ratio(part: FloatArray, whole: FloatArray, nothing: float) -> FloatArray:
    some = whole > 0.0
    return np.where(some, part / np.where(some, whole, 1.0), nothing)
