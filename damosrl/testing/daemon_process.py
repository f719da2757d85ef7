"""A daemon's driver on a fake kernel, in a process of its own that tells what it took.

It imports what `damosrl daemon` imports. Prints one JSON object:

    python -m damosrl.testing.daemon_process BUNDLE DECISIONS REGIONS
"""

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.daemon.command import run as _command  # noqa: F401  its memory counts
from damosrl.daemon.decision import Decision
from damosrl.daemon.driver import Driver, Wishes
from damosrl.daemon.setting_up import Bundle
from damosrl.daemon.settings import DaemonSettings
from damosrl.kernel.config import kernel_machine
from damosrl.testing.fake_kernel import FakeKernel

RESIDENT_EVERY = 600
"""Decisions between two looks at the resident memory."""
PATIENCE_S = 60.0
"""Of the kernel client: other work on this machine is no fault of the kernel."""
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
    # touched as a whole now, so that these pages do not grow with the decisions
    decision_us, policy_us = np.full((2, decisions), -1)
    resident_kib: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        kernel = FakeKernel(Path(folder))
        with kernel_machine(
            replace(kernel.config, time_limit_s=PATIENCE_S),
            files=kernel.tree,
            pipe=kernel.pipe,
            clock=kernel.clock,
            take_over=True,
        ) as machine:
            driver = Driver(machine, pilot, settings)
            driver.begin()
            _step(kernel, driver, regions)
            first_s = time.clock_gettime(time.CLOCK_BOOTTIME) - _started_s()
            for _ in range(WARM_UP):
                _step(kernel, driver, regions)
            before_s = time.process_time()
            for place in range(decisions):
                decision = _step(kernel, driver, regions)
                decision_us[place], policy_us[place] = decision.decision_us, decision.policy_us
                if place % RESIDENT_EVERY == 0:
                    resident_kib.append(_kib("VmRSS"))
            spent_s = time.process_time() - before_s
    return {
        "start_to_first_decision_s": first_s + settings.settle_s,
        "decision_us": decision_us.tolist(),
        "policy_us": policy_us.tolist(),
        "resident_kib": resident_kib,
        "cpu_s_per_decision": spent_s / decisions,
        "peak_kib": _kib("VmHWM"),
    }


def _step(kernel: FakeKernel, driver: Driver, regions: int) -> Decision:
    """Let a second pass, in which every region is told, and decide."""
    kernel.clock.sleep(1.0)
    kernel.trace(kernel.clock.now_s, regions // 2)
    for pid in kernel.pids():
        kernel.host.set_cpu_time(pid, round(1000 * kernel.clock.now_s))
    kernel.forget()
    decision = driver.step(Wishes())
    if decision.reason or not decision.committed:
        raise RuntimeError(f"the policy is not at the wheel: {decision}")
    return decision


def _kib(name: str) -> int:
    """Return resident memory, or its peak; getrusage would know the parent's peak too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith(name)).split()[1])


def _started_s() -> float:
    """Return when this process was started, seconds since the boot."""
    fields = Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[19]) / 100.0


if __name__ == "__main__":
    found = measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(found) + "\n")
