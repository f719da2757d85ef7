"""Effective quotas that follow goals: a series of user inputs, and free memory of a node."""

import time
from contextlib import ExitStack
from pathlib import Path

from damosrl.damon import (
    AddressRange,
    Context,
    Document,
    GoalMetric,
    Kdamond,
    Ops,
    Quota,
    QuotaGoal,
    Scheme,
    Target,
)
from damosrl.experiment.fidelity.data import write_table
from damosrl.experiment.fidelity.in_guest.monitor import (
    Monitor,
    memory_kib,
    monitoring,
    node_range,
)
from damosrl.experiment.fidelity.in_guest.program import filling

RESET_MS = 500
INPUTS = (
    *((0, 11.0), (5000, 3.0), (9000, 3.0), (10050, 3.0), (11000, 3.0), (13333, 3.0), (0, 3.0)),
    *((9999, 3.0), (15000, 3.0), (3333, 6.0), (20000, 3.0), (0, 6.0), (18000, 3.0)),
)
"""Current value of the ``user_input`` goal (its target is 10,000) and seconds it is kept."""

NODE = 0
FREE_TARGET_BP = 6000
LOADS_MIB = (350, 150, 100)
"""Programs that take memory of the node: below the target, and further below."""

PHASE_S = 6.0
"""Seconds between programs that come, with all of them, and after they have gone."""


def user_context(current: int, span: AddressRange) -> Context:
    """Return a scheme that acts on nothing and follows the user's input."""
    return _context(QuotaGoal(GoalMetric.USER_INPUT, 10_000, current), span)


def free_context(span: AddressRange) -> Context:
    """Return a scheme that acts on nothing and follows free memory of a node."""
    return _context(QuotaGoal(GoalMetric.NODE_MEM_FREE_BP, FREE_TARGET_BP, nid=NODE), span)


def _context(goal: QuotaGoal, span: AddressRange) -> Context:
    scheme = Scheme(quota=Quota(reset_interval_ms=RESET_MS, goals=(goal,)))
    return Context(Ops.PADDR, (Target(regions=(span,)),), schemes=(scheme,))


def record_user_input(program: Path, out: Path) -> None:
    """Write ``user_input.csv``, commits of values, and ``user_input.esz.csv``, quotas."""
    del program
    span = node_range(1)
    commits: list[tuple[int, int, int]] = []
    with monitoring(user_context(INPUTS[0][0], span), out / "state") as monitor:
        for place, (value, seconds) in enumerate(INPUTS):
            before_ns = time.monotonic_ns()
            if place:
                document = Document((Kdamond((user_context(value, span),)),))
                monitor.client.commit_goals(document)
            commits.append((before_ns, time.monotonic_ns(), value))
            monitor.watch(seconds)
            _await_quota(monitor)
    write_table(out / "user_input.csv", ("before_ns", "after_ns", "value"), commits)
    _write_quotas(out / "user_input.esz.csv", monitor)


def _await_quota(monitor: Monitor) -> None:
    """Wait for a new quota, as the next commit then falls well inside a window."""
    known = len(monitor.lines.quotas)
    for _ in range(20):
        monitor.watch(0.05)
        if len(monitor.lines.quotas) > known:
            return


def record_free_memory(program: Path, out: Path) -> None:
    """Write ``node_free.csv``, free memory again and again, and ``node_free.esz.csv``."""
    free: list[tuple[int, int, int]] = []

    def look() -> None:
        total, left = memory_kib(f"/sys/devices/system/node/node{NODE}/meminfo")
        free.append((time.monotonic_ns(), total, left))

    with monitoring(free_context(node_range(1)), out / "state") as monitor, ExitStack() as loads:
        for mib in LOADS_MIB:
            loads.enter_context(filling(program, mib, NODE))
            monitor.watch(PHASE_S, look)
        monitor.watch(PHASE_S, look)
        loads.close()
        monitor.watch(PHASE_S, look)
    write_table(out / "node_free.csv", ("time_ns", "total_kib", "free_kib"), free)
    _write_quotas(out / "node_free.esz.csv", monitor)


def _write_quotas(path: Path, monitor: Monitor) -> None:
    rows = [(quota.time_ns, quota.esz_bytes) for quota in monitor.lines.quotas]
    write_table(path, ("time_ns", "esz_bytes"), rows)
