"""Independent pieces of work on several processes; results do not depend on how many."""

import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

T = TypeVar("T")
R = TypeVar("R")


def run_jobs(function: Callable[[T], R], items: Sequence[T], jobs: int) -> Iterator[tuple[T, R]]:
    """Run a function on every item and yield each item with its result as soon as it is there.

    Args:
        function: Importable by name; takes and returns what can be pickled.
        items: The work, started in this order.
        jobs: Processes; 1 works in this one.

    Raises:
        DamosrlError: As the function raised it; the first one ends the work.

    Example:
        >>> sorted(result for _, result in run_jobs(abs, [-1, 2], jobs=1))
        [1, 2]
    """
    if jobs == 1 or len(items) < 2:
        for item in items:
            yield item, function(item)
        return
    parallel = Parallel(n_jobs=min(jobs, len(items)), return_as="generator_unordered")
    try:
        for place, result in parallel(
            delayed(_numbered)(function, place, item) for place, item in enumerate(items)
        ):
            yield items[place], result
    except BaseException:
        get_reusable_executor().shutdown(wait=False, kill_workers=True)
        raise


def _numbered(function: Callable[[T], R], place: int, item: T) -> tuple[int, R]:
    # Ctrl-C reaches the whole process group; the parent alone decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return place, function(item)
