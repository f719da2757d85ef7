"""Which kernel's rules a context follows: 7.3, or 6.12 (semantics 1.15, 4.4).

What 6.12 (as of 6.12.117) does differently, and where it is done here:

==============================  ==========================================================
difference                      in
==============================  ==========================================================
regions whole at start,         `engine.first_size_cap`, `engine.merge_and_cap`
no size cap per window
size limit of merges            at start and at ops updates: `engine.schemes_and_reset`
age                             threshold rule only: `monitor.age_regions`
split                           nothing above half of max_nr_regions: `monitor.split_regions`
moving sum                      kept per region: `legacy`, `monitor.merge_once`
new attributes                  one count is converted: `intervals.convert_legacy_region`
quota set, full, first window   `quota.is_set`, `quota.is_full`, `quota.start_window`
effective quota, histogram      `quota.set_legacy_quota`, `quota.fill_histogram`
goals                           absolute first PSI growth, kept base, plain products: `goals`
no join after a pass,           `schemes.walk_regions`, `schemes.apply_scheme`
no nr_snapshots
commit                          at a window's end only; not in a watermark wait
goals alone                     right after the addresses are drawn, before the sleep
bad commit                      ends the kdamond: `online`
newer features                  refused by name: `refuse_newer`
==============================  ==========================================================

Not done: the request timing of tried regions (as in 7.3), even cuts of initial vaddr regions, the
comparison of counters that wrap around, one generator shared by all kdamonds.
"""

from damosrl.damon import Context
from damosrl.damon.features import NEWEST, OLDEST, features_of
from damosrl.errors import MachineError, UnknownNameError

KERNELS = (NEWEST, OLDEST)
"""Kernels that can be chosen."""


def is_legacy(kernel: str) -> bool:
    """Tell whether a kernel follows the rules of 6.12.

    Raises:
        UnknownNameError: The kernel cannot be chosen.
    """
    if kernel not in KERNELS:
        raise UnknownNameError("kernel", kernel, KERNELS)
    return kernel == OLDEST


def refuse_newer(context: Context, kernel: str) -> None:
    """Refuse what a kernel does not have yet.

    Raises:
        MachineError: Naming the feature and the version that has it.
    """
    if not is_legacy(kernel):
        return
    for feature in features_of(context):
        raise MachineError(
            f"kernel {kernel} does not know {feature.name}",
            got=f"kernel {kernel}",
            allowed=f"kernel {feature.since} or later",
            fix=f"leave it out, or choose kernel {NEWEST}",
        )
