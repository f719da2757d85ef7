"""What an attacker sees."""

import numpy as np

from damosrl.knobs import Float32Array, FloatArray, Quantity, QuantitySet
from damosrl_tasks.attack.heat import KNOBS
from damosrl_tasks.attack.telemetry import AttackTelemetry

MIB = float(2**20)


def _rate(name: str, meaning: str) -> Quantity:
    return Quantity(name, "bytes/s", MIB, 4096.0 * MIB, meaning, scale="log", off_below=-0.9)


OBSERVATION = QuantitySet(
    (
        Quantity("harm", "ratio", -0.5, 0.5, "Slowdown of the tuner over no-op's, minus 1."),
        Quantity("slowdown", "ratio", 1.0, 10.0, "Slowdown under the tuner.", scale="log"),
        Quantity("noop_slowdown", "ratio", 1.0, 10.0, "Slowdown under no-op.", scale="log"),
        Quantity("fast_share", "ratio", 0.0, 1.0, "Accesses served by node 0, under the tuner."),
        Quantity("noop_fast_share", "ratio", 0.0, 1.0, "Accesses served by node 0, under no-op."),
        _rate("promoted", "Promoted by the tuner in the last interval."),
        _rate("demoted", "Demoted by the tuner in the last interval."),
        *KNOBS.items,
        Quantity("former_place", "ratio", 0.0, 1.0, "The heat's place in the interval before."),
    )
)


def observe(
    seen: AttackTelemetry,
    promoted: FloatArray,
    demoted: FloatArray,
    knobs: FloatArray,
    former_place: FloatArray,
) -> Float32Array:
    """Return observations ``(N, d)`` in [-1, 1].

    Args:
        seen: What is known about the interval that just ended.
        promoted: Bytes per second, ``(N,)``.
        demoted: Bytes per second, ``(N,)``.
        knobs: The attacker's own, physical, as they were in force, ``(N, 4)``.
        former_place: Place of the heat before, ``(N,)``.
    """
    physical = np.column_stack(
        (
            seen.harm,
            seen.slowdown,
            seen.noop_slowdown,
            seen.fast_share,
            seen.noop_fast_share,
            promoted,
            demoted,
            knobs,
            former_place,
        )
    )
    return np.clip(OBSERVATION.to_normal(physical), -1.0, 1.0).astype(np.float32)
