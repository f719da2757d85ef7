"""The status file, and what `damosrl daemon status` makes of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.cli import main
from damosrl.daemon.decision import Decision, Mode
from damosrl.daemon.health import State, examine, judge
from damosrl.daemon.status import (
    STATUS_NAME,
    Identity,
    Phase,
    Status,
    StatusFile,
    read_status,
    since_boot_s,
    this_boot,
)
from damosrl.daemon.tally import Counters, Tally
from damosrl.errors import ConfigError
from tests.daemon.decisions import DECISIONS, decision
from tests.daemon.full_disk import files_end_at


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    """Return the identity of this test as a daemon."""
    return Identity.here(
        bundle=tmp_path / "bundle", sha256="ab12", interval_s=1.0, journal=tmp_path / "log"
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the status file is."""
    return tmp_path / STATUS_NAME


def _status(identity: Identity, age_s: float = 0.0, phase: Phase = Phase.RUNNING) -> Status:
    return Status(
        identity=identity,
        phase=phase,
        written_s=since_boot_s() - age_s,
        counters=Counters(steps=1),
        last=decision(),
    )


def _ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


@given(last=st.none() | DECISIONS, phase=st.sampled_from(Phase))
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(
    last: Decision | None, phase: Phase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every status comes back equal."""
    path = tmp_path_factory.mktemp("state") / STATUS_NAME
    identity = Identity.here(bundle=Path("b"), sha256="0", interval_s=0.5, journal=Path("l"))
    tally = Tally()
    counters = tally.observe(last) if last else tally.counters
    before_s = since_boot_s()
    StatusFile(path, identity).write(phase, counters, last)
    status = read_status(path)
    assert (status.identity, status.phase, status.last) == (identity, phase, last)
    assert status.counters == counters
    assert before_s <= status.written_s <= since_boot_s()


def test_the_file_is_the_owners(path: Path, identity: Identity) -> None:
    """Nobody but the daemon's user reads it."""
    StatusFile(path, identity).write(Phase.STARTING, Counters(), None)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_counted(path: Path, identity: Identity) -> None:
    """A status that cannot be written leaves the one before, and is counted; nothing is raised."""
    file = StatusFile(path, identity)
    file.write(Phase.STARTING, Counters(), None)
    with files_end_at(100):
        file.write(Phase.RUNNING, Counters(), decision())
    assert file.failures == 1
    assert read_status(path).phase is Phase.STARTING


@pytest.mark.parametrize(
    ("age_s", "interval_s", "state"),
    [
        (0.1, 1.0, State.RUNNING),
        (2.9, 1.0, State.RUNNING),
        (3.5, 1.0, State.HANGING),
        (1.0, 0.1, State.RUNNING),
        (2.5, 0.1, State.HANGING),
        (140.0, 60.0, State.RUNNING),
    ],
)
def test_a_late_step_is_told(
    identity: Identity, age_s: float, interval_s: float, state: State
) -> None:
    """A daemon hangs when it is three intervals late, and at least two seconds."""
    status = _status(msgspec.structs.replace(identity, interval_s=interval_s), age_s)
    health = judge(status, since_boot_s(), this_boot())
    assert health.state is state
    assert bool(health.advice) == (state is State.HANGING)


def test_a_process_that_is_gone_is_told(identity: Identity) -> None:
    """A daemon that was killed has died, however new its file is."""
    gone = msgspec.structs.replace(identity, pid=_ended_process())
    health = judge(_status(gone), since_boot_s(), this_boot())
    assert health.state is State.DIED
    assert "doctor --restore" in health.advice


def test_another_process_of_the_number_is_told(identity: Identity) -> None:
    """A number that was given to a later process does not make the daemon live."""
    reused = msgspec.structs.replace(identity, start_ticks=identity.start_ticks - 1)
    assert judge(_status(reused), since_boot_s(), this_boot()).state is State.DIED


def test_an_orderly_end_is_told(identity: Identity) -> None:
    """A daemon that ended in order is told from one that died."""
    gone = msgspec.structs.replace(identity, pid=_ended_process())
    status = _status(gone, phase=Phase.ENDED)
    assert judge(status, since_boot_s(), this_boot()).state is State.ENDED


def test_an_earlier_boot_is_told(identity: Identity) -> None:
    """After a boot the file says nothing about now, and has no age."""
    health = judge(_status(identity), since_boot_s(), "another boot")
    assert health.state is State.REBOOTED
    assert health.age_s is None


def test_no_file_is_told(path: Path) -> None:
    """Where no daemon has run, the answer says so."""
    assert examine(path).state is State.NONE


@given(cut=st.integers(0, 600), garbage=st.binary(max_size=30))
@settings(max_examples=80, deadline=None)
def test_a_damaged_file_is_told(
    cut: int, garbage: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A cut or overwritten file is damaged; nothing is made of its parts."""
    path = tmp_path_factory.mktemp("state") / STATUS_NAME
    identity = Identity.here(bundle=Path("b"), sha256="0", interval_s=1.0, journal=Path("l"))
    StatusFile(path, identity).write(Phase.RUNNING, Counters(), decision())
    path.write_bytes(path.read_bytes()[:cut] + garbage)
    health = examine(path)
    assert health.state is State.DAMAGED
    assert health.status is None


def test_a_file_that_is_a_folder_is_a_users_error(path: Path) -> None:
    """What cannot be read is refused with what to do."""
    path.mkdir()
    with pytest.raises(ConfigError, match="state-dir"):
        examine(path)


def _said(path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(["daemon", "status", "--state-dir", str(path.parent), *words])
    return status, capsys.readouterr().out


def test_the_command_explains_the_last_decision(
    path: Path, identity: Identity, capsys: pytest.CaptureFixture[str]
) -> None:
    """State, mode, cause, guards, what was asked, what is in force and why: all are printed."""
    tally = Tally()
    last = decision(
        7, mode=Mode.FALLBACK, reason="telemetry is stale", guards=("memory pressure 31 %",)
    )
    StatusFile(path, identity).write(Phase.RUNNING, tally.observe(last, 3), last)
    status, text = _said(path, capsys)
    assert status == 0
    lines = text.splitlines()
    assert lines[0].startswith("daemon:     running, mode fallback, last sign of life 0.")
    assert f"process:    {os.getpid()}, since {identity.started}" in lines
    assert "why:        telemetry is stale" in lines
    assert "guards:     memory pressure 31 %" in lines
    assert "outside:    25% of the features, of the range seen" in lines
    assert "promotion_quota  4e+08  2e+08     slew" in lines
    assert "free_target      2      2" in lines
    assert "hot_share  -" in lines
    assert "fall-backs: telemetry is stale: 1" in lines
    assert lines[-3].endswith("dropped log lines 3")


def test_the_command_prints_json(
    path: Path, identity: Identity, capsys: pytest.CaptureFixture[str]
) -> None:
    """--json gives state, age and the whole file to programs."""
    StatusFile(path, identity).write(Phase.STARTING, Counters(), None)
    status, text = _said(path, capsys, "--json")
    data = json.loads(text)
    assert status == 0
    assert data["state"] == "starting"
    assert 0 <= data["age_s"] < 5
    assert data["status"]["identity"]["bundle_sha256"] == "ab12"


def test_the_command_fails_without_a_daemon(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing lives, the exit status is 1 and the text says which file is missing."""
    status, text = _said(path, capsys)
    assert status == 1
    assert text == (
        f"daemon:     none\nadvice:     no daemon has run here: {path} does not exist\n"
    )


def test_the_command_tells_an_end(
    path: Path, identity: Identity, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an orderly end the exit status is 1 and the last decision is still shown."""
    StatusFile(path, identity).write(Phase.ENDED, Counters(steps=1), decision(refused="EBUSY"))
    status, text = _said(path, capsys)
    assert status == 1
    assert text.startswith("daemon:     ended")
    assert "refused by the kernel: EBUSY" in text
