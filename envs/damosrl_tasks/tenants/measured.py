"""What happened to each tenant in an interval, as numbers for the info and for tables."""

import numpy as np

from damosrl.knobs import FloatArray
from damosrl.machine import GroundTruth, Telemetry
from damosrl_tasks.tenants.config import TenantsConfig
from damosrl_tasks.tenants.features import held_bytes
from damosrl_tasks.tenants.schemes import FAST


def tenants_cost(slowdown: FloatArray, tenants: FloatArray, targets: FloatArray) -> FloatArray:
    """Return the cost of an interval ``(N,)``; less is better.

    The slowdown of the machine, plus what each tenant's is beyond its target.

    Args:
        slowdown: Of the machine, ``(N,)``.
        tenants: Of each tenant, ``(N, G)``.
        targets: Largest acceptable ones, ``(G,)``.

    Example:
        >>> float(tenants_cost(np.array([1.2]), np.array([[1.1, 1.5]]), np.array([1.15, 1.25]))[0])
        1.45
    """
    excess = np.maximum(tenants - targets, 0.0).sum(axis=1)
    return np.asarray(np.round(slowdown + excess, 12))


def tenant_measures(
    config: TenantsConfig, telemetry: Telemetry, slowdown: FloatArray, truth: GroundTruth | None
) -> dict[str, FloatArray]:
    """Return what happened to the tenants, arrays ``(N,)``.

    What only an emulator knows is NaN on a kernel.

    Args:
        config: The tenants.
        telemetry: What the machines say now.
        slowdown: Of the machine, ``(N,)``.
        truth: Ground truth; None on a kernel.
    """
    unknown = np.full((len(slowdown), len(config.tenants)), np.nan)
    found = unknown if truth is None or truth.memcgs is None else truth.memcgs.slowdown
    targets = np.array(list(config.targets.values()))
    met = np.where(np.isnan(found), np.nan, (found <= targets).astype(np.float64))
    used = held_bytes(telemetry, len(config.tenants))[..., FAST]
    held = used / np.maximum(telemetry.node_total_bytes[:, FAST], 1.0)[:, None]
    result = {"tenants_cost": tenants_cost(slowdown, found, targets)}
    for place, name in enumerate(config.tenants):
        result[f"{name}_slowdown"] = found[:, place].copy()
        result[f"{name}_met_ratio"] = met[:, place]
        result[f"{name}_fast_ratio"] = held[:, place]
    return result
