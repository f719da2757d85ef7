"""What tuners of reclaim share: names of knobs, and how an amount becomes a quota."""

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec

MIB = float(2**20)
KNOBS = ("reclaim_quota", "cold_age", "psi_target")
"""Bytes/s, seconds, per cent of time."""


def page_out(
    spec: TaskSpec, amount_bytes: float, cold_age_s: float, psi_target_percent: float | None = None
) -> Float32Array:
    """Build the action that pages an amount out until the next decision, oldest memory first.

    Args:
        spec: The task.
        amount_bytes: How much; what is positive but below the smallest quota becomes that.
        cold_age_s: Least time without access, seconds.
        psi_target_percent: Pressure at which paging out stops; None: the task's largest.
    """
    quota = amount_bytes / spec.decision_interval_s
    if quota > 0.0:
        quota = max(quota, spec.knobs["reclaim_quota"].low)
    return spec.action(
        reclaim_quota=max(quota, 0.0),
        cold_age=cold_age_s,
        psi_target=spec.knobs["psi_target"].high
        if psi_target_percent is None
        else psi_target_percent,
    )
