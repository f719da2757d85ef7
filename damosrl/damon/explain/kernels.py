"""Warnings of a kernel that is too old for a document (semantics 4.4)."""

from collections.abc import Iterator

from damosrl.damon.context import Ops
from damosrl.damon.explain.parts import ContextAt, SchemeAt, Trap
from damosrl.damon.features import OLDEST, RELEASES, features_of, is_before
from damosrl.damon.quota import GoalMetric
from damosrl.errors import UnknownNameError

VIRTUAL_MIGRATION_SINCE = "6.17"
STALL_BASE_SINCE = "7.3"


def require_kernel(kernel: str) -> None:
    """Refuse a kernel whose files are not known.

    Raises:
        UnknownNameError: It is none of `features.RELEASES`.
    """
    if kernel not in RELEASES:
        raise UnknownNameError("kernel version", kernel, RELEASES)


def kernel_traps(at: ContextAt, kernel: str) -> Iterator[Trap]:
    """Yield what a context uses and the kernel does not have."""
    for feature in features_of(at.context):
        if is_before(kernel, feature.since):
            yield Trap(
                f"{at.where}.{feature.place}",
                "kernel-too-old",
                f"{feature.name} came with Linux {feature.since}; {kernel} has no such file or "
                "word, and what writes it fails",
                f"remove it, or use Linux {feature.since} or later",
            )
    for scheme in at.schemes():
        yield from _quota_traps(scheme, kernel)
        if (
            scheme.migrates
            and at.context.ops is not Ops.PADDR
            and is_before(kernel, VIRTUAL_MIGRATION_SINCE)
        ):
            yield Trap(
                f"{scheme.where}.action",
                "kernel-too-old",
                f"{at.context.ops} migrates since Linux {VIRTUAL_MIGRATION_SINCE}; on {kernel} "
                "nothing is moved, and the quota is charged all the same",
                f"use paddr, or Linux {VIRTUAL_MIGRATION_SINCE} or later",
            )


def _quota_traps(at: SchemeAt, kernel: str) -> Iterator[Trap]:
    """Yield what quotas of older kernels do in their first window (1.15, 2.11)."""
    quota, where = at.scheme.quota, f"{at.where}.quotas"
    if kernel == OLDEST and at.has_quota:
        yield Trap(
            where,
            "first-window-unlimited",
            f"{kernel} computes no effective quota before the first window is over: until then "
            "there is no limit",
            "start with short windows, or by a commit after the first",
        )
    stall = any(goal.metric is GoalMetric.SOME_MEM_PSI_US for goal in quota.goals)
    if stall and is_before(kernel, STALL_BASE_SINCE):
        yield Trap(
            where,
            "first-stall-is-total",
            f"before Linux {STALL_BASE_SINCE} the first window's stall is all since boot: the goal "
            "counts as met, and the quota falls to 1 byte",
            "expect it to start from there",
        )
