"""Make a failing case small: leave out and simplify what its failure does not need."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from damosrl.damon import U64_MAX
from damosrl.emulator.conformance.random_scheme import U32_MAX, Json

NO_WATERMARKS = {"metric": "none", "interval_us": 0, "high": 0, "mid": 0, "low": 0}
EVERYTHING = {"sz_bytes": [0, U64_MAX], "nr_accesses": [0, U32_MAX], "age": [0, U32_MAX]}
PLAIN_SCHEME: Json = {
    "apply_interval_us": 0,
    "watermarks": NO_WATERMARKS,
    "access_pattern": EVERYTHING,
    "max_nr_snapshots": 0,
    "applied_fraction_percent": 100,
}
PLAIN_QUOTAS: Json = {
    "ms": 0,
    "bytes": 0,
    "weights": {"sz": 0, "nr_accesses": 0, "age": 0},
    "fail_charge_num": 0,
    "fail_charge_denom": 0,
}


def shrink(case: Json, fails: Callable[[Json], bool]) -> Json:
    """Return the smallest case that single steps lead to and that still fails.

    Args:
        case: A failing case.
        fails: Tells whether a case fails.

    Example:
        >>> lists = {"access": [1, 2], "free_mem_rate": [], "targets": [], "schemes": []}
        >>> shrink(lists | {"duration_ms": 9}, lambda case: 2 in case["access"])["access"]
        [2]
    """
    while True:
        smaller = next((one for one in simpler_cases(case) if fails(one)), None)
        if smaller is None:
            return case
        case = smaller


def simpler_cases(case: Json) -> Iterator[Json]:
    """Yield cases with one thing less: shorter, without an item of a list, with a plain value."""
    for less in (case["duration_ms"] // 2, case["duration_ms"] // 8, 1):
        if 0 < less < case["duration_ms"]:
            yield case | {"duration_ms": case["duration_ms"] - less}
    yield from _shorter(case, ("schemes",), least=0)
    yield from _shorter(case, ("access",), least=0)
    yield from _shorter(case, ("free_mem_rate",), least=0)
    yield from _shorter(case, ("targets",), least=1)
    for place in range(len(case["targets"])):
        yield from _shorter(case, ("targets", place), least=1)
    for place, scheme in enumerate(case["schemes"]):
        path = ("schemes", place)
        yield from _shorter(case, (*path, "core_filters"), least=0)
        yield from _shorter(case, (*path, "quotas", "goals"), least=0)
        yield from _plainer(case, path, scheme, PLAIN_SCHEME)
        yield from _plainer(case, (*path, "quotas"), scheme["quotas"], PLAIN_QUOTAS)


def _at(case: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        case = case[key]
    return case


def _shorter(case: Json, path: tuple[str | int, ...], least: int) -> Iterator[Json]:
    length = len(_at(case, path))
    for index in range(length if length > least else 0):
        smaller = copy.deepcopy(case)
        del _at(smaller, path)[index]
        yield smaller


def _plainer(case: Json, path: tuple[str | int, ...], values: Json, plain: Json) -> Iterator[Json]:
    for name, value in plain.items():
        if values[name] != value:
            simpler = copy.deepcopy(case)
            _at(simpler, path)[name] = value
            yield simpler
