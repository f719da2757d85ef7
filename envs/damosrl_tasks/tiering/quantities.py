"""The names, units, ranges and meanings of what a tiering tuner sees."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Quantity, QuantitySet
from damosrl.machine import Source
from damosrl_tasks.shapes import last_action, rate, share, small_share
from damosrl_tasks.tiering.knobs import KNOBS
from damosrl_tasks.tiering.monitor import COLD_AGES_S, HEAT_EDGES_PERCENT

SHARE_TIMES_S = (2, 10, 60)
"""Time constants of the fast tier's share of observed accesses, seconds."""


def _memory() -> list[Quantity]:
    return [
        Quantity("fast_free", "%", 0.0, 100.0, "Free share of node 0.", scale="symlog"),
        Quantity("free_error", "%", -5.0, 5.0, "Free share of node 0 minus the free target."),
        share("fast_capacity", "Bytes of node 0 as a share of all memory nodes."),
    ]


def _heat() -> list[Quantity]:
    tops = (*HEAT_EDGES_PERCENT[1:], 101)
    return [
        small_share(
            f"{tier}_heat_{low}",
            f"Share of the {tier} tier's bytes accessed at {low} % of the largest rate or more"
            + (f" and below {top} %." if top <= 100 else "."),
        )
        for tier in ("fast", "slow")
        for low, top in zip(HEAT_EDGES_PERCENT, tops, strict=True)
    ]


def _cold() -> list[Quantity]:
    return [
        small_share(
            f"fast_cold_age_{age}", f"Share of the fast tier's bytes idle for {age} s or more."
        )
        for age in COLD_AGES_S
    ]


def _migration() -> list[Quantity]:
    items = [
        rate("promoted", "Bytes moved to a faster node per second."),
        rate("demoted", "Bytes moved to a slower node per second."),
    ]
    for name in ("promotion", "demotion"):
        items += [
            share(f"{name}_use", f"Bytes tried for {name}, of its size quota."),
            share(f"{name}_success", f"Bytes applied of bytes tried for {name}; 1 if none.", 1.0),
            share(f"{name}_exceeds", f"Share of windows in which the {name} quota ran out."),
        ]
    items.append(share("ping_pong", "Returned bytes of migrated bytes, over about 10 s."))
    return items


def _accesses() -> list[Quantity]:
    meaning = "Node 0's share of observed accesses, time constant {} s."
    names = {2: "fast_access_share"}
    items = [
        share(names.get(time, f"fast_access_share_{time}s"), meaning.format(time), 0.5)
        for time in SHARE_TIMES_S
    ]
    change = "Two-sided CUSUM of the observed share against its slow mean: heat has moved."
    items.append(share("access_change", change))
    return items


def _state() -> list[Quantity]:
    pressure = "Memory PSI {} avg10."
    return [
        Quantity("psi_some", "%", 0.0, 100.0, pressure.format("some"), scale="symlog"),
        Quantity("psi_full", "%", 0.0, 100.0, pressure.format("full"), scale="symlog"),
        share("region_use", "Regions of the fullest kdamond, of the limit."),
        Quantity(
            "time_stretch",
            "ratio",
            1.0,
            2.0,
            "Real time per nominal monitoring time, from how fast the oldest regions age.",
            default=1.0,
        ),
    ]


OBSERVATION = QuantitySet(
    (
        *_memory(),
        *_heat(),
        *_cold(),
        *_migration(),
        *_accesses(),
        *_state(),
        *last_action(KNOBS),
    )
)


_BY_SNAPSHOT = (
    *(item.name for item in (*_heat(), *_cold(), *_accesses())),
    "region_use",
    "time_stretch",
)
SOURCES: Mapping[str, Source] = {
    **dict.fromkeys((item.name for item in _memory()), Source.NODES),
    **dict.fromkeys(_BY_SNAPSHOT, Source.SNAPSHOT),
    "ping_pong": Source.RETURNED,
    "psi_some": Source.PRESSURE,
    "psi_full": Source.PRESSURE,
}
"""What each feature needs of the telemetry beyond statistics of the schemes."""


def sources_of(features: Collection[str]) -> frozenset[Source]:
    """Return the sources without which some features are unknown."""
    return frozenset(SOURCES[name] for name in features if name in SOURCES)


UNKNOWN = np.array([float(item.to_normal(np.array(item.default))) for item in OBSERVATION.items])
"""Normalised value of each feature, ``(d,)``, where its source is missing."""


def observed(missing: Collection[Source]) -> NDArray[np.bool_]:
    """Tell which features are known where some sources are missing, ``(d,)``."""
    return np.array([SOURCES.get(name) not in missing for name in OBSERVATION.names])
