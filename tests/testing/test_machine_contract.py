"""The machine contract holds for emulated machines, and notices machines that break it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from damosrl.damon import Document
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.workload.model import Workload
from damosrl.emulator.workload.source import workload_source
from damosrl.machine import Plan, SchemeStats, Telemetry
from damosrl.testing.contract import ContractError
from damosrl.testing.machine_contract import CLAUSES, MachineCase, check_machine
from tests.testing.tiering import MIB, config, tiering, workload

Clause = Callable[[MachineCase], None]
QUOTA_BYTES = 16 * MIB
"""So little that memory still moves when the clauses begin."""
PLAN = Plan(tiering(), {})
REFUSED = Plan(Document(PLAN.template.kdamonds[:1]), {})


def _recorded() -> Workload:
    """Return a recording whose hot memory starts below."""
    values = {
        "footprint": "2 GiB",
        "fast_share": 0.25,
        "start": {"fast_fill": 0.9, "placement": "bad"},
        "access": {"kind": "recording", "recording": "phases", "skip_s": 5.0, "resample_s": 1.0},
    }
    return workload_source(values).draw(np.random.default_rng(1))


def _machines(made: Workload, num_machines: int) -> EmulatedMachines:
    machines = EmulatedMachines(config(), num_machines, PLAN.template)
    for index in range(num_machines):
        machines.load(index, made, seed=index)
    return machines


def _case(made: Workload, num_machines: int = 1) -> MachineCase:
    return MachineCase(lambda: _machines(made, num_machines), PLAN, (1, 0), REFUSED, QUOTA_BYTES)


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("num_machines", [1, 3])
def test_emulated_machines_keep_the_contract(clause: Clause, num_machines: int) -> None:
    """A synthetic workload, alone and in a batch."""
    clause(_case(workload(), num_machines))


def test_a_recording_keeps_the_contract() -> None:
    """So does a machine that plays a recording."""
    check_machine(_case(_recorded()))


class _Altered:
    """A machine whose telemetry, commits or times are spoilt."""

    def __init__(
        self,
        alter: Callable[[Telemetry], Telemetry] = lambda told: told,
        *,
        deaf: bool = False,
        hasty: bool = False,
    ) -> None:
        self._machines = _machines(workload(), 1)
        self._alter, self._deaf, self._hasty = alter, deaf, hasty
        self.num_machines = 1
        self._commits = 0

    def commit(self, plan: Plan) -> None:
        """Commit, unless deaf from the second time on."""
        self._commits += 1
        if not self._deaf or self._commits == 1:
            self._machines.commit(plan)

    def run(self, seconds: float) -> Telemetry:
        """Run, half as long if hasty."""
        return self._alter(self._machines.run(seconds / 2 if self._hasty else seconds))


def _breaches() -> dict[str, tuple[str, Callable[[], _Altered]]]:
    def some_avg(told: Telemetry) -> Telemetry:
        return replace(told, pressure=told.pressure._replace(some_avg=told.pressure.some_avg + 2))

    def two_swapped(told: Telemetry) -> Telemetry:
        shot = told.snapshot
        order = np.arange(shot.start.shape[-1])
        order[:2] = 1, 0
        swapped = shot._replace(start=shot.start[..., order], end=shot.end[..., order])
        return replace(told, snapshot=swapped)

    def no_axis(told: Telemetry) -> Telemetry:
        return replace(told, time_s=told.time_s[0])

    def idle(told: Telemetry) -> Telemetry:
        stats = SchemeStats(*(np.zeros_like(item) for item in told.stats))
        return replace(told, stats=stats)

    def more_applied(told: Telemetry) -> Telemetry:
        stats = told.stats
        return replace(told, stats=stats._replace(nr_applied=stats.nr_tried + 1))

    def falling(told: Telemetry) -> Telemetry:
        return replace(told, kdamond_cpu_us=1e12 - told.kdamond_cpu_us)

    return {
        "shapes_and_types": ("time_s has shape", lambda: _Altered(no_axis)),
        "ranges": ("some_avg is a share", lambda: _Altered(some_avg)),
        "time": ("takes that long", lambda: _Altered(hasty=True)),
        "counters": ("kdamond_cpu_us does not fall", lambda: _Altered(falling)),
        "order": ("are sorted", lambda: _Altered(two_swapped)),
        "promotion": ("promotion applies", lambda: _Altered(idle)),
        "statistics": ("nr_applied <= nr_tried", lambda: _Altered(more_applied)),
        "off": ("stands still", lambda: _Altered(deaf=True)),
    }


@pytest.mark.parametrize("name", _breaches())
def test_breaches_are_noticed(name: str) -> None:
    """A machine that breaks a clause fails the suite by its name."""
    message, make = _breaches()[name]
    with pytest.raises(ContractError, match=message):
        check_machine(MachineCase(make, PLAN, (1, 0), REFUSED, QUOTA_BYTES))


def test_a_plan_that_is_taken_must_be_refused() -> None:
    """A machine that accepts what cannot be fails the suite."""
    with pytest.raises(ContractError, match="is refused"):
        check_machine(replace(_case(workload()), refused=PLAN))
