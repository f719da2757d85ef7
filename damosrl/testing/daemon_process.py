"""A daemon's driver on a fake kernel, in a process of its own that tells what it took.

It imports what `damosrl daemon` imports. Prints one JSON object:

    python -m damosrl.testing.daemon_process BUNDLE DECISIONS REGIONS
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from damosrl.daemon.command import run as _command  # noqa: F401  its memory counts
from damosrl.daemon.decision import Decision
from damosrl.daemon.driver import Driver, Wishes
from damosrl.daemon.setting_up import Bundle
from damosrl.daemon.settings import DaemonSettings
from damosrl.kernel.config import kernel_machine
from damosrl.testing.fake_kernel import FakeKernel

WARM_UP = 50
"""Decisions that are not in the times: Python fills its caches."""


def measure(bundle: Path, decisions: int, regions: int) -> dict[str, Any]:
    """Decide so many times; return times, CPU time and memory.

    Args:
        bundle: Path of a bundle of a two-node task.
        decisions: Measured ones.
        regions: Of all kdamonds together, told anew before each decision.
    """
    settings = DaemonSettings()
    pilot = Bundle(bundle, None, settings, None, 2).pilot()
    with tempfile.TemporaryDirectory() as folder:
        kernel = FakeKernel(Path(folder))
        with kernel_machine(
            kernel.config, files=kernel.tree, pipe=kernel.pipe, clock=kernel.clock, take_over=True
        ) as machine:
            driver = Driver(machine, pilot, settings)
            driver.begin()
            told = [_step(kernel, driver, regions)]
            first_s = time.clock_gettime(time.CLOCK_BOOTTIME) - _started_s()
            told += [_step(kernel, driver, regions) for _ in range(WARM_UP)]
            before_s = time.process_time()
            told += [_step(kernel, driver, regions) for _ in range(decisions)]
            spent_s = time.process_time() - before_s
    measured = told[-decisions:]
    unsound = [decision for decision in measured if decision.reason or not decision.committed]
    if unsound:
        raise RuntimeError(f"the policy was not at the wheel: {unsound[0]}")
    return {
        "start_to_first_decision_s": first_s + settings.settle_s,
        "decision_us": [decision.decision_us for decision in measured],
        "policy_us": [decision.policy_us for decision in measured],
        "cpu_s_per_decision": spent_s / decisions,
        "peak_kib": _peak_kib(),
    }


def _step(kernel: FakeKernel, driver: Driver, regions: int) -> Decision:
    """Let a second pass, in which every region is told, and decide."""
    kernel.clock.sleep(1.0)
    kernel.trace(kernel.clock.now_s, regions // 2)
    for pid in kernel.pids():
        kernel.host.set_cpu_time(pid, round(1000 * kernel.clock.now_s))
    kernel.forget()
    return driver.step(Wishes())


def _peak_kib() -> int:
    """Return the peak of the resident memory; not getrusage's, which knows the parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def _started_s() -> float:
    """Return when this process was started, seconds since the boot."""
    fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[19]) / 100.0


if __name__ == "__main__":
    found = measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(found) + "\n")
