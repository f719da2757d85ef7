"""Nothing that tells of decisions grows with their number."""

import gc
import os
from pathlib import Path

from damosrl.daemon.decision import Mode
from damosrl.daemon.journal import MIN_BYTES, Journal
from damosrl.daemon.metrics import ServedMetrics, WrittenMetrics
from damosrl.daemon.status import STATUS_NAME, Identity, Phase, StatusFile
from damosrl.daemon.tally import Tally
from tests.daemon.decisions import decision

WARM_UP, STEPS = 1_000, 5_000
MODES = (Mode.ACTIVE, Mode.FALLBACK, Mode.ACTIVE, Mode.STOPPED)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _handles() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_memory_and_handles_stay_flat(tmp_path: Path) -> None:
    """Thousands of decisions in changing modes need no more than the first ones did."""
    journal = Journal(tmp_path / "log", 64 * MIN_BYTES, keep=2)
    identity = Identity.here(bundle=tmp_path, sha256="0", interval_s=1.0, journal=tmp_path / "log")
    status = StatusFile(tmp_path / STATUS_NAME, identity)
    tally = Tally()
    reporters = (ServedMetrics("0"), WrittenMetrics(tmp_path / "damosrl.prom"))

    def decide(steps: range) -> None:
        for step in steps:
            last = decision(step, mode=MODES[step % 4], reason=f"guard {step % 100}: {step}")
            journal.write(last)
            counters = tally.observe(last, journal.dropped)
            status.write(Phase.RUNNING, counters, last)
            for reporter in reporters:
                reporter.observe(last, counters)
        gc.collect()

    decide(range(1, WARM_UP))
    before = _resident_bytes(), _handles()
    decide(range(WARM_UP, STEPS))
    after = _resident_bytes(), _handles()
    for reporter in reporters:
        reporter.close()
    journal.close()
    assert after[0] - before[0] < 2**20
    assert after[1] == before[1]
    assert len(list((tmp_path / "log").iterdir())) == 2
