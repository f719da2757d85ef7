"""The compiled engine against the plain reference, on random machines."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from damosrl.emulator.conformance.case import CaseRunner
from damosrl.emulator.conformance.check import first_difference
from damosrl.emulator.conformance.features import features
from damosrl.emulator.conformance.random_case import random_case
from damosrl.emulator.conformance.random_scheme import Json
from damosrl.emulator.conformance.reference.run import report, run
from damosrl.emulator.conformance.shrink import shrink
from damosrl.errors import DamosrlError


@dataclass(frozen=True)
class Chunk:
    """Some machines of a series, for one piece of work.

    Args:
        seed: Number of the series.
        first: Place of the first machine.
        count: Number of machines.
    """

    seed: int
    first: int
    count: int


@dataclass
class Tally:
    """What has been compared, and the cases in which the engines differ.

    Args:
        machines: Number of cases.
        aggregations: Number of windows that were reported.
        applied: Number of calls of an action.
        rules: Number of machines that followed each rule at least once.
        differing: Cases that gave different results.
    """

    machines: int = 0
    aggregations: int = 0
    applied: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    differing: list[Json] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count what another tally has counted, too."""
        self.machines += other.machines
        self.aggregations += other.aggregations
        self.applied += other.applied
        self.rules.update(other.rules)
        self.differing += other.differing

    def lines(self) -> list[str]:
        """Return the counts as text."""
        counts = (
            f"{self.machines} machines, {self.aggregations} aggregations, "
            f"{self.applied} applied rows, {len(self.differing)} differing"
        )
        rules = [f"  {count:>9}  {rule}" for rule, count in sorted(self.rules.items())]
        return [counts, "machines by rule:", *rules]


def chunks(machines: int, seed: int, size: int = 200) -> list[Chunk]:
    """Divide a series into pieces.

    Example:
        >>> [(chunk.first, chunk.count) for chunk in chunks(5, 1, size=3)]
        [(0, 3), (3, 2)]
    """
    firsts = range(0, machines, size)
    return [Chunk(seed, first, min(size, machines - first)) for first in firsts]


def compare_machines(chunk: Chunk) -> Tally:
    """Run the machines of a chunk through both engines."""
    tally = Tally()
    for index in range(chunk.first, chunk.first + chunk.count):
        case = random_case(chunk.seed, index)
        context = run(case)
        expect = report(context)
        tally.machines += 1
        tally.aggregations += len(expect["aggregations"])
        tally.applied += len(expect["applied"])
        tally.rules.update(context.trace.rules)
        tally.rules.update(features(case))
        if _difference(case, expect) is not None:
            tally.differing.append(case)
    return tally


def difference(case: Json) -> str | None:
    """Return where the compiled engine first differs from the reference, or None."""
    return _difference(case, report(run(case)))


def smallest_failure(cases: Sequence[Json]) -> Json:
    """Shrink some differing cases; return the smallest with ``expect`` and the first difference.

    Args:
        cases: Cases in which the engines differ, at least one.
    """
    small = [shrink(case, lambda one: difference(one) is not None) for case in cases]
    case = min(small, key=lambda one: len(json.dumps(one)))
    return case | {"note": difference(case), "expect": report(run(case))}


def _difference(case: Json, expect: Json) -> str | None:
    try:
        got = _runner().run(case)
    except DamosrlError as error:
        return f"the compiled engine refuses: {error}"
    return None if got == expect else first_difference("", got, expect)


@cache
def _runner() -> CaseRunner:
    return CaseRunner()
