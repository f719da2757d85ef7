"""What a daemon that is killed at any moment leaves of its journal and its status."""

import random
import signal
import subprocess
import sys
from pathlib import Path

from damosrl.daemon.health import State, examine
from damosrl.daemon.journal import MIN_BYTES
from damosrl.daemon.journal_files import CURRENT
from damosrl.daemon.journal_reader import read_decisions
from damosrl.daemon.status import STATUS_NAME, read_status

KILLS = 12
KEEP = 3
WRITER = f"""
import sys
from pathlib import Path
from damosrl.daemon.journal import Journal
from damosrl.daemon.status import STATUS_NAME, Identity, Phase, StatusFile
from damosrl.daemon.tally import Tally
from tests.daemon.decisions import decision

folder = Path(sys.argv[1])
journal, tally = Journal(folder / "log", {MIN_BYTES}, {KEEP}), Tally()
identity = Identity.here(bundle=folder, sha256="0", interval_s=1.0, journal=folder / "log")
status = StatusFile(folder / STATUS_NAME, identity)
step = int(sys.argv[2])
while True:
    step += 1
    journal.write(decision(step))
    status.write(Phase.RUNNING, tally.observe(decision(step)), decision(step))
    if step == int(sys.argv[2]) + 1:
        print("writes", flush=True)
"""
"""A daemon without a kernel: it writes as fast as it can."""


def _killed(folder: Path, after_steps: int, after_s: float) -> int:
    """Run the writer, kill it, and return its process id."""
    words = [sys.executable, "-c", WRITER, str(folder), str(after_steps)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "writes\n"
        try:
            child.wait(after_s)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    return child.pid


def test_a_kill_at_any_moment_leaves_whole_lines_and_a_whole_status(tmp_path: Path) -> None:
    """After each kill the status is readable and tells the death, and at most a tail is torn."""
    chance = random.Random(20261128)
    last = 0
    for _ in range(KILLS):
        pid = _killed(tmp_path, last, chance.uniform(0.0, 0.05))
        status = read_status(tmp_path / STATUS_NAME)
        assert status.identity.pid == pid
        assert examine(tmp_path / STATUS_NAME).state is State.DIED
        steps = [one.step for one in read_decisions(tmp_path / "log")]
        assert steps == list(range(steps[0], steps[-1] + 1))
        assert status.last is not None
        assert 0 <= steps[-1] - status.last.step <= 1
        last = steps[-1]
    files = list((tmp_path / "log").iterdir())
    assert len(files) <= KEEP
    assert sum(path.stat().st_size for path in files) <= KEEP * MIN_BYTES
    assert (tmp_path / "log" / CURRENT) in files
    assert {path.name for path in tmp_path.iterdir()} <= {"log", STATUS_NAME, f"{STATUS_NAME}.part"}
