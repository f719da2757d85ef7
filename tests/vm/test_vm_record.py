"""`damosrl record` on a real kernel: what it keeps, what it leaves, and how it refuses."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from damosrl.damon.recorded import RecordedSnapshot
from damosrl.damon.recording import read_recording
from damosrl.experiment.fidelity.measure import compile_program
from damosrl.vm.channel import Command, Result
from damosrl.vm.guest import Guest

pytestmark = pytest.mark.vm

MIB = 1 << 20
STATE = ("--state-dir", "/tmp/state-record")  # noqa: S108  the guest's own /tmp
DAMOSRL = ("python", "-m", "damosrl.cli")
TREE = "/sys/kernel/mm/damon/admin/kdamonds"
LEFT = f"cat {TREE}/nr_kdamonds; ls /sys/kernel/tracing/instances"
SEGMENTS = ("-n", "96", "-1", "0:16:20", "64:16:1000")


def _shell(guest: Guest, text: str) -> str:
    return guest.run(["/bin/bash", "-c", text], 120.0).stdout


def _record(guest: Guest, *words: str) -> Result:
    return guest.run([*DAMOSRL, "record", *STATE, *words], 200.0)


def _started(guest: Guest, *words: str) -> Command:
    """Start a recording and wait until its kdamond runs."""
    recording = guest.start([*DAMOSRL, "record", *STATE, *words])
    while _shell(guest, f"cat {TREE}/0/state") != "on\n":
        assert recording.status is None
        time.sleep(0.5)
    return recording


@pytest.fixture(scope="module")
def program(two_tier: Guest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path, in the guest, of the program with known accesses."""
    return two_tier.put(compile_program(tmp_path_factory.mktemp("program")))


@pytest.fixture
def sleeper(two_tier: Guest) -> Iterator[str]:
    """Give the process id of a program that does nothing for long."""
    pid = _shell(two_tier, "sleep 1000 >/dev/null 2>&1 & echo $!").strip()
    yield pid
    _shell(two_tier, f"kill {pid}")


@contextmanager
def _while_set(guest: Guest, command: str, undo: str) -> Iterator[None]:
    _shell(guest, command)
    try:
        yield
    finally:
        _shell(guest, undo)


def _hot_bytes(snapshot: RecordedSnapshot) -> int:
    return int((snapshot.end - snapshot.start)[snapshot.nr_accesses > 0].sum())


@pytest.mark.parametrize("method", ["trace", "tried_regions"])
def test_a_program_is_recorded_as_it_behaves(
    two_tier: Guest, program: str, tmp_path: Path, method: str
) -> None:
    """The working set is the hot segment; the file is private; nothing is left behind."""
    out = f"/tmp/{method}.damon"  # noqa: S108
    done = _record(
        two_tier, "--seconds", "12", "--method", method, "--out", out, "--", program, *SEGMENTS
    )
    assert done.status == 0, done.stderr
    copied = two_tier.collect(out, tmp_path)
    hot = [_hot_bytes(snapshot) for snapshot in read_recording(copied).snapshots]
    assert 12 * MIB <= np.median(hot) <= 24 * MIB
    assert _shell(two_tier, f"stat -c %a {out}").strip() == "600"
    assert _shell(two_tier, LEFT) == "0\n"


def test_a_process_that_ends_ends_the_recording(two_tier: Guest, sleeper: str) -> None:
    """What was seen is kept."""
    recording = _started(two_tier, "--pid", sleeper, "--out", "/tmp/ended.damon")  # noqa: S108
    time.sleep(3.0)
    _shell(two_tier, f"kill {sleeper}")
    done = recording.wait(60.0)
    assert done.status == 0, done.stderr
    assert "what was watched has ended" in done.stderr
    assert _shell(two_tier, LEFT) == "0\n"


def test_a_killed_recorder_is_cleaned_up_after(two_tier: Guest, sleeper: str) -> None:
    """The next recording says how; restoring stops the kdamond and empties the tracer."""
    recording = _started(two_tier, "--pid", sleeper, "--out", "/tmp/killed.damon")  # noqa: S108
    recording.signal("KILL")
    recording.wait(60.0)
    left, instance = _shell(two_tier, LEFT).splitlines()
    assert (left, instance.partition("-")[0]) == ("1", "damosrl")
    refused = _record(two_tier, "--pid", sleeper, "--out", "/tmp/next.damon")  # noqa: S108
    assert refused.status == 2
    assert "damosrl doctor --restore" in refused.stderr
    restored = two_tier.run([*DAMOSRL, "doctor", "--restore", *STATE], 120.0)
    assert restored.status == 0, restored.stderr
    assert _shell(two_tier, LEFT) == "0\n"


@pytest.mark.parametrize("module", ["damon_reclaim", "damon_stat"])
def test_a_module_that_holds_damon_is_named(two_tier: Guest, sleeper: str, module: str) -> None:
    """One line, status 2, and the module goes on."""
    enabled = f"/sys/module/{module}/parameters/enabled"
    with _while_set(two_tier, f"echo Y > {enabled}", f"echo N > {enabled}"):
        done = _record(two_tier, "--pid", sleeper, "--out", "/tmp/busy.damon")  # noqa: S108
        assert _shell(two_tier, f"cat {enabled}") == "Y\n"
    _is_refusal(done, f"DAMON is in use by {module}")


def test_a_full_disk_is_told_and_all_is_restored(two_tier: Guest, sleeper: str) -> None:
    """The recording cannot be written; no part of it stays."""
    folder = shlex.quote("/tmp/small")  # noqa: S108
    fill = f"mkdir {folder} && mount -t tmpfs -o size=4k none {folder} && echo full > {folder}/fill"
    with _while_set(two_tier, fill, f"umount {folder}"):
        done = _record(two_tier, "--pid", sleeper, "--seconds", "2", "--out", f"{folder}/a.damon")
        assert _shell(two_tier, f"ls {folder}") == "fill\n"
    _is_refusal(done, "No space left on device")
    assert _shell(two_tier, LEFT) == "0\n"


def test_tracefs_that_is_not_mounted_gives_the_command(two_tier: Guest, sleeper: str) -> None:
    """Asked for tracepoints, it says how to mount it."""
    tracefs = "/sys/kernel/tracing"
    with _while_set(two_tier, f"umount -l {tracefs}", f"mount -t tracefs nodev {tracefs}"):
        done = _record(two_tier, "--pid", sleeper, "--method", "trace", "--out", "/tmp/t.damon")  # noqa: S108
    _is_refusal(done, f"mount -t tracefs nodev {tracefs}")


def test_a_process_that_is_not_there_is_refused(two_tier: Guest) -> None:
    """The message has its number."""
    done = _record(two_tier, "--pid", "4000000", "--out", "/tmp/none.damon")  # noqa: S108
    _is_refusal(done, "no such process: got pid 4000000")


def _is_refusal(done: Result, text: str) -> None:
    assert done.status == 2, done.stderr
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
