"""Warnings of a kernel that is too old for a document (semantics 4.4)."""

from collections.abc import Iterator

from damosrl.damon.context import Ops
from damosrl.damon.explain.parts import ContextAt, Trap
from damosrl.damon.features import RELEASES, features_of, is_before
from damosrl.errors import UnknownNameError

VIRTUAL_MIGRATION_SINCE = "6.17"


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
