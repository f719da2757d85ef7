"""Traps of quotas, windows and priorities (semantics 2.5-2.7, 2.10 and 9)."""

from collections.abc import Iterator

from damosrl.damon.explain.parts import SchemeAt, Trap
from damosrl.damon.quota import NEVER
from damosrl.damon.scheme import Action

U32 = 2**32
SUBSCORE = 100


def quota_traps(at: SchemeAt) -> Iterator[Trap]:
    """Yield what may surprise about how much a scheme does."""
    yield from _limit_traps(at)
    yield from _window_traps(at)
    yield from _weight_traps(at)


def _limit_traps(at: SchemeAt) -> Iterator[Trap]:
    quota, where = at.scheme.quota, f"{at.where}.quotas"
    smallest = at.at.context.min_region_sz
    if not at.has_quota and at.scheme.action is not Action.STAT:
        yield Trap(
            where,
            "quota-unlimited",
            "0 means no limit: all that matches, in every pass",
            "give sz_bytes or time_ms (1 byte switches a scheme off)",
        )
    if 0 < quota.sz_bytes < smallest:
        yield Trap(
            where,
            "quota-below-region",
            f"{quota.sz_bytes} is below the smallest region {smallest}: nothing is applied",
            f"give at least {smallest}, unless the scheme is to be off",
        )
    if quota.fail_charge_denom == 0 and quota.fail_charge_num:
        yield Trap(
            where,
            "fail-charge-ignored",
            "without a denominator bytes that fail are charged in full",
            "give fail_charge_denom",
        )
    if quota.fail_charge_denom and quota.fail_charge_num == 0:
        yield Trap(
            where,
            "failures-free",
            "bytes that fail cost nothing: where everything fails, all that matches is walked in "
            "every pass",
            "give fail_charge_num 1, and a large fail_charge_denom",
        )
    if quota.fail_charge_denom and quota.fail_charge_num > quota.fail_charge_denom:
        yield Trap(
            where,
            "failures-cost-more",
            "bytes that fail are charged more than bytes that succeed",
            "give fail_charge_num <= fail_charge_denom",
        )
    if at.has_quota and at.core_filters:
        cap = at.at.size_cap
        slices = f"one slice for each {smallest} bytes of it"
        if cap is not None:
            slices = f"up to {cap // smallest} slices of the largest region"
        yield Trap(
            where,
            "filtered-regions-sliced",
            "a region is cut to the rest of the quota before core filters reject it, uncharged: a "
            f"rest of {smallest} makes {slices} in one pass, which takes seconds of CPU where they "
            "are millions",
            "list only the wanted ranges as target regions instead of filtering",
        )


def _window_traps(at: SchemeAt) -> Iterator[Trap]:
    if not at.has_quota:
        return
    quota, where = at.scheme.quota, f"{at.where}.quotas"
    if at.window_ms is None:
        yield Trap(
            where,
            "window-never-ends",
            "the window is never renewed: the quota is for the kdamond's whole life",
            "give reset_interval_ms, usually 1 s",
        )
    if quota.reset_interval_ms >= U32 and quota.reset_interval_ms != NEVER:
        yield Trap(
            where,
            "reset-interval-wraps",
            f"the kernel keeps its low 32 bits, {quota.reset_interval_ms % U32} ms",
            "give less than 2^31 ms",
        )
    if at.window_ms == 0:
        yield Trap(
            where,
            "window-each-pass",
            "every pass opens a new window, the first one twice",
            "give reset_interval_ms",
        )
    if at.window_ms and at.window_us != at.window_ms * 1000:
        yield Trap(
            where,
            "window-rounded",
            f"only a pass opens a window, so {at.window_ms} ms become {at.window_us} us",
            "give a multiple of the apply interval",
        )


def _weight_traps(at: SchemeAt) -> Iterator[Trap]:
    weights, where = at.scheme.quota.weights, f"{at.where}.quotas.weights"
    total = weights.nr_accesses_permil + weights.age_permil
    if total and not (at.has_quota and at.prioritised):
        why = f"{at.scheme.action} has none" if at.has_quota else "nothing has to be left out"
        yield Trap(
            where,
            "weights-unused",
            f"weights order regions by priority, and {why}",
            "give a quota, or set them to 0",
        )
        return
    if not at.has_quota or not at.prioritised:
        return
    if total == 0:
        yield Trap(
            where,
            "weights-zero",
            "all regions have one score: the order is by address",
            "give nr_accesses_permil or age_permil",
        )
    if total * SUBSCORE >= U32:
        yield Trap(
            where,
            "weights-wrap",
            "the weighted sum is 32 bits wide and may wrap",
            "give weights up to 1000",
        )
    if weights.sz_permil:
        yield Trap(where, "size-weight-unused", "the kernel does not use it", "set sz_permil to 0")
