"""What a tuner sees of each tenant, beside what it sees of the machine."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Float32Array, FloatArray, Quantity, QuantitySet
from damosrl.machine import IntArray, Source, Telemetry
from damosrl_tasks.growth import CounterSet, Place
from damosrl_tasks.shapes import last_action, share, small_share
from damosrl_tasks.tenants.config import TenantsConfig
from damosrl_tasks.tenants.knobs import share_knob, tenant_knobs
from damosrl_tasks.tenants.schemes import FAST, SLOW, TenantLayout
from damosrl_tasks.tiering.memories import gain

SMOOTHING_S = 3.0
"""Time constant of what passes are counted for: not every interval has as many."""


@dataclass(frozen=True)
class PassedBytes(CounterSet):
    """Life-time bytes that passed the filters of ``stat`` schemes, or their growth.

    Args:
        hot_fast: Hot memory of each tenant in node 0, ``(N, G)``.
        hot_slow: The same in node 1.
        idle: Idle memory of each tenant in node 0.
    """

    hot_fast: FloatArray
    hot_slow: FloatArray
    idle: FloatArray


def read_passed(telemetry: Telemetry, layout: TenantLayout) -> PassedBytes:
    """Copy the counters out of a telemetry reading."""
    counter = telemetry.stats.sz_ops_filter_passed
    return PassedBytes(
        _columns(counter, [places[FAST] for places in layout.hot]),
        _columns(counter, [places[SLOW] for places in layout.hot]),
        _columns(counter, list(layout.idle)),
    )


def _columns(counter: IntArray, places: list[Place]) -> FloatArray:
    return np.stack([counter[:, k, s] for k, s in places], axis=1).astype(np.float64)


def tenant_quantities(config: TenantsConfig) -> QuantitySet:
    """Name the features of all tenants, one tenant after the other, and their knobs last."""
    items: list[Quantity] = []
    for name, tenant in config.tenants.items():
        who = tenant.memcg
        items += [
            share(f"{name}_fast", f"Share of node 0 that {who} has."),
            Quantity(
                f"{name}_fast_error",
                "%",
                -20.0,
                20.0,
                f"Share of node 0 that {who} has, less what it may have.",
            ),
            share(f"{name}_size", f"Memory of {who}, of all groups'."),
            share(f"{name}_in_fast", f"Part of {who}'s memory that lies in node 0."),
            small_share(f"{name}_hot_fast", f"Part of {who}'s memory that is hot and in node 0."),
            small_share(f"{name}_hot_slow", f"Part of {who}'s memory that is hot and in node 1."),
            small_share(f"{name}_idle_fast", f"Part of {who}'s memory that is idle in node 0."),
            share(f"{name}_slow_hot", f"Part of {who}'s hot memory that is in node 1."),
        ]
    knobs = tenant_knobs(config)
    shares = QuantitySet(tuple(knobs[share_knob(name)] for name in config.tenants))
    return QuantitySet((*items, *last_action(shares)))


class TenantFeatures:
    """Observations of the tenants of N machines; keeps what is smoothed.

    Args:
        config: The tenants.
        layout: Where their schemes lie.
        num_machines: N.
    """

    def __init__(self, config: TenantsConfig, layout: TenantLayout, num_machines: int) -> None:
        self._config, self._layout = config, layout
        self.quantities = tenant_quantities(config)
        self._passed = np.zeros((3, num_machines, len(config.tenants)))
        """Smoothed bytes per pass: hot in node 0, hot in node 1, idle in node 0."""
        self._before: PassedBytes | None = None
        self._observation = np.zeros((num_machines, len(self.quantities)), np.float32)

    def reset(
        self, which: NDArray[np.bool_], telemetry: Telemetry, shares: FloatArray
    ) -> Float32Array:
        """Forget the past of the marked machines; return all observations ``(N, d)``."""
        now = read_passed(telemetry, self._layout)
        self._before = now if self._before is None else self._before.replaced(which, now)
        self._passed[:, which] = 0.0
        self._observation[which] = self._observe(telemetry, shares)[which]
        return self._observation.copy()

    def update(
        self, telemetry: Telemetry, elapsed_s: FloatArray, shares: FloatArray
    ) -> Float32Array:
        """Take in a reading.

        Args:
            telemetry: What the machines say now.
            elapsed_s: Time since the last reading, ``(N,)``.
            shares: Limits in force in between, per cent of node 0, ``(N, G)``.

        Returns:
            Observations ``(N, d)`` in [-1, 1].
        """
        now = read_passed(telemetry, self._layout)
        grown = now.since(self._before or now)
        self._before = now
        passes = np.maximum(elapsed_s / self._config.apply_s, 1e-9)[:, None]
        latest = np.stack([grown.hot_fast, grown.hot_slow, grown.idle]) / passes
        weight = gain(elapsed_s, SMOOTHING_S)[:, None]
        self._passed += weight * (latest - self._passed)
        self._observation = self._observe(telemetry, shares)
        return self._observation.copy()

    def observed(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell which features are known, ``(d,)``: without groups' memory, the shares in force."""
        count = len(self.quantities)
        known = np.ones(count, np.bool_)
        if not tells_memcgs(telemetry):
            known[: count - len(self._config.tenants)] = False
        return known

    def sources_of(self, features: Collection[str]) -> frozenset[Source]:
        """Return the sources without which some features are unknown."""
        own = self.quantities.names[: -len(self._config.tenants)]
        return frozenset({Source.MEMCGS} if set(features) & set(own) else ())

    def _observe(self, telemetry: Telemetry, shares: FloatArray) -> Float32Array:
        used = held_bytes(telemetry, len(self._config.tenants))
        total = used.sum(axis=2)
        mine = np.maximum(total, 1.0)
        fast = used[..., FAST] / np.maximum(telemetry.node_total_bytes[:, FAST], 1.0)[:, None]
        hot_fast, hot_slow, idle = np.minimum(self._passed / mine, 1.0)
        hot = hot_fast + hot_slow
        per_tenant = np.stack(
            [
                fast,
                100.0 * fast - shares,
                total / np.maximum(total.sum(axis=1, keepdims=True), 1.0),
                used[..., FAST] / mine,
                hot_fast,
                hot_slow,
                idle,
                np.where(hot > 0.0, hot_slow / np.where(hot > 0.0, hot, 1.0), 0.0),
            ],
            axis=2,
        )
        columns = np.concatenate([per_tenant.reshape(len(used), -1), shares], axis=1)
        normal = self.quantities.to_normal(columns)
        if not tells_memcgs(telemetry):
            defaults = self.quantities.to_normal(self.quantities.defaults())
            normal = np.where(self.observed(telemetry), normal, defaults)
        return normal.astype(np.float32)


def tells_memcgs(telemetry: Telemetry) -> bool:
    """Tell whether the memory of all groups is known."""
    return telemetry.memcgs is not None and Source.MEMCGS not in telemetry.missing


def held_bytes(telemetry: Telemetry, tenants: int) -> FloatArray:
    """Return the memory of each tenant on each node, ``(N, G, T)``; 0 where nobody tells."""
    if telemetry.memcgs is None or not tells_memcgs(telemetry):
        return np.zeros((len(telemetry.time_s), tenants, telemetry.node_total_bytes.shape[1]))
    return telemetry.memcgs.used_bytes
