"""What one step on a kernel costs this process: a commit of changed numbers, and a look.

The kernel is the fake one, whose own share (it is Python too) is in the number: some 160 reads, 12
writes and 6 commands a step. A real kernel answers faster than it, or waits without using the CPU.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from damosrl.damon import Document
from damosrl.experiment.bench.machines import two_node_document
from damosrl.experiment.bench.measure import Sample
from damosrl.kernel.machine import KernelMachine
from damosrl.machine import Plan, SchemeField, Setting
from damosrl.testing.fake_kernel import FakeKernel

WARM_UP_STEPS = 50
STEP_S = 1.0
FIVE_NUMBERS = {
    Setting(1, 0, SchemeField.QUOTA_BYTES): (1, 1 << 30),
    Setting(0, 0, SchemeField.QUOTA_BYTES): (1, 1 << 30),
    Setting(1, 0, SchemeField.MIN_NR_ACCESSES): (1, 20),
    Setting(0, 0, SchemeField.MIN_AGE): (1, 100),
    Setting(0, 0, SchemeField.GOAL_TARGET): (10, 1000),
}
"""Numbers that change at every step, as Tiering-v0's knobs do, and their ranges."""


def step_p99_ms(regions: int, steps: int, now_s: Callable[[], float] = time.process_time) -> Sample:
    """Prepare the 99th percentile of a step's cost, milliseconds.

    Args:
        regions: Regions of all kdamonds together, told anew before every step.
        steps: Measured steps of one sample; as many regions and numbers change at each.
        now_s: Clock: CPU time of this process and its threads, or wall time.
    """

    def sample() -> float:
        costs_s = list(step_costs_s(regions, WARM_UP_STEPS + steps, now_s))
        return float(np.percentile(costs_s[WARM_UP_STEPS:], 99.0)) * 1e3

    return sample


def step_costs_s(regions: int, steps: int, now_s: Callable[[], float]) -> Iterator[float]:
    """Step a fake kernel; give what each step took, by the clock."""
    document, generator = two_node_document(regions), np.random.default_rng(1)
    with (
        tempfile.TemporaryDirectory() as folder,
        (kernel := FakeKernel(Path(folder))).machine() as machine,
    ):
        machine.begin(document)
        for step in range(steps):
            kernel.trace(1.0 + step, regions // len(machine.nodes))
            kernel.forget()
            plan = _drawn(document, generator)
            start_s = now_s()
            _step(machine, plan)
            yield now_s() - start_s


def _step(machine: KernelMachine, plan: Plan) -> None:
    machine.commit(plan)
    machine.run(STEP_S)


def _drawn(document: Document, generator: np.random.Generator) -> Plan:
    """Return a plan all of whose numbers are new."""
    numbers = {
        setting: np.array([generator.integers(low, high)])
        for setting, (low, high) in FIVE_NUMBERS.items()
    }
    return Plan(document, numbers)
