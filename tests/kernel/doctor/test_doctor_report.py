"""The whole report, its texts, and the command."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from damosrl.cli import main
from damosrl.kernel.client import DamonClient
from damosrl.kernel.doctor.finding import Machine, State
from damosrl.kernel.doctor.report import CHECKS, examine
from damosrl.kernel.doctor.text import plain, table
from damosrl.kernel.files import OsFiles
from damosrl.kernel.lock import state_file
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session
from damosrl.kernel.snapshot import read_settings
from damosrl.testing.fake_host import FakeHost
from damosrl.testing.fake_tree import FakeTree
from damosrl.testing.serve import serve
from tests.kernel.doctor.conftest import Refusing
from tests.kernel.documents import physical


def test_a_machine_without_faults_is_usable(machine: Machine, host: FakeHost) -> None:
    """All checks are ok once there is swap."""
    host.add_swap()
    report = examine(machine)
    assert {check.finding.state for check in report.checks} == {State.OK}
    assert report.usable
    assert report.kernel == "7.3.4"


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EIO, errno.EBUSY])
@pytest.mark.parametrize("root", ["sysfs", "procfs", "tracefs", "cgroupfs"])
def test_no_unreadable_root_stops_the_report(
    machine: Machine, files: Refusing, root: str, number: int
) -> None:
    """Every check still answers, whatever the kernel refuses."""
    files.refuse(getattr(machine.roots, root), number)
    report = examine(machine)
    assert [check.name for check in report.checks] == [name for name, _, _ in CHECKS]
    assert any(check.finding.state is not State.OK for check in report.checks)


@pytest.mark.parametrize("text", ["", "\x00\xff", "-1", "9" * 5000, "a b c d e f\n" * 9])
def test_garbage_in_any_file_stops_no_check(
    machine: Machine, host: FakeHost, tree: FakeTree, text: str
) -> None:
    """All host files hold nonsense; every check answers, and nothing is called fine by it."""
    for path in tree.texts():
        if not f"/{path}".startswith(str(machine.roots.damon)) and "/module/" not in path:
            host.put(Path(f"/{path}"), text)
    report = examine(machine)
    states = {check.name: check.finding.state for check in report.checks}
    assert len(states) == len(CHECKS)
    assert states["kernel"] is State.WARNING
    assert states["pressure"] is State.WARNING
    assert states["control_groups"] is State.MISSING


def test_a_needed_thing_that_cannot_be_told_is_not_relied_on(
    machine: Machine, files: Refusing
) -> None:
    """Who uses DAMON is unknown: then it is not said to be usable."""
    files.refuse(machine.roots.damon / "kdamonds", errno.EIO)
    report = examine(machine)
    assert not report.usable
    assert "users (missing)" in report.summary


def test_only_needed_things_make_it_unusable(machine: Machine, files: Refusing) -> None:
    """Without pressure DAMON can be controlled, without DAMON it cannot; the rest still works."""
    files.refuse(machine.roots.procfs / "pressure")
    assert examine(machine).usable
    files.refuse(machine.roots.damon)
    report = examine(machine)
    assert not report.usable
    assert report.summary.startswith("not usable: damon (missing); still works: train")


def test_the_plain_text_has_one_line_for_each_check(machine: Machine) -> None:
    """Logs can be searched by line; the last line sums up."""
    report = examine(machine)
    lines = plain(report).splitlines()
    assert len(lines) == len(CHECKS) + 1
    assert lines[0] == "ok      kernel: 7.3.4"
    assert "fix: as root: `modprobe zram`" in plain(report)
    assert lines[-1] == report.summary


def test_the_table_keeps_to_the_terminal(machine: Machine) -> None:
    """Long texts are wrapped under their column; colours are as asked."""
    report = examine(machine)
    lines = table(report, columns=80, colours=False).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(" " * 25 + "fix: ") for line in lines)
    assert "\x1b" not in "".join(lines)
    assert "\x1b[33mwarning\x1b[0m  swap" in table(report, columns=80, colours=True)


Doctor = Callable[..., int]


@pytest.fixture
def served() -> FakeTree:
    """Return a tree with a host around it, for `serve`."""
    tree = FakeTree(Roots())
    FakeHost(Roots(), tree.set_host)
    return tree


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Return the command on roots below a folder."""
    roots = ("--sysfs-root", str(tmp_path / "sys"), "--procfs-root", str(tmp_path / "proc"))

    def run(*words: str) -> int:
        return main(["doctor", *roots, "--state-dir", str(tmp_path / "state"), *words])

    return run


def test_the_command_prints_json(
    doctor: Doctor, served: FakeTree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs get states, fixes and features; exit status 0 says that DAMON can be controlled."""
    with serve(served, tmp_path):
        assert doctor("--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["usable"], data["kernel"]) == (True, "7.3.4")
    assert data["features"]["pause"] is None
    swap = next(check for check in data["checks"] if check["name"] == "swap")
    assert set(swap) == {"name", "needed", "state", "found", "why", "fix"}
    assert (swap["state"], swap["needed"]) == ("warning", False)


def test_the_command_fails_where_others_use_damon_and_changes_nothing(
    doctor: Doctor, served: FakeTree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, the user named, and no write."""
    DamonClient(served.roots, served).start(physical())
    with serve(served, tmp_path):
        before = (served.texts(), list(served.writes))
        assert doctor() == 1
        assert (served.texts(), served.writes) == before
    assert "in use by kdamond 0" in capsys.readouterr().out


def test_the_command_without_damon_fails(
    doctor: Doctor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No DAMON is exit status 1 and a report, not an error."""
    for name in ("sys", "proc"):
        (tmp_path / name).mkdir()
    assert doctor() == 1
    assert "missing damon" in capsys.readouterr().out


def test_the_command_refuses_roots_that_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped root is the user's mistake: exit status 2 and one line."""
    assert main(["doctor", "--sysfs-root", str(tmp_path / "absent")]) == 2
    error = capsys.readouterr().err
    assert "is no folder" in error
    assert len(error.splitlines()) == 1


def test_the_command_restores_what_a_killed_session_left(
    doctor: Doctor, served: FakeTree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kdamond of ours ends, the tree is as before; a second time there is nothing to do."""
    found = read_settings(served, served.roots.damon)
    with serve(served, tmp_path):
        state = _killed_session(Roots(tmp_path / "sys", tmp_path / "proc"), tmp_path / "state")
        assert doctor() == 0
        assert "was killed before it restored" in capsys.readouterr().out
        assert doctor("--restore") == 0
        assert "restored" in capsys.readouterr().out
        assert not state.exists()
        assert doctor("--restore") == 0
        assert "nothing to restore" in capsys.readouterr().out
    assert read_settings(served, served.roots.damon) == found


def test_restoring_removes_what_a_killed_process_left_in_the_tracer(
    doctor: Doctor, served: FakeTree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trace instance of a process that lives no more is removed and named."""
    stale = tmp_path / "sys/kernel/tracing/instances/damosrl-4000001"
    with serve(served, tmp_path):
        stale.mkdir(parents=True)
        (tmp_path / "proc/self").mkdir(parents=True, exist_ok=True)
        assert doctor("--restore") == 0
    assert "removed from the tracer: damosrl-4000001" in capsys.readouterr().out
    assert not stale.exists()


def test_restoring_prints_no_json(
    doctor: Doctor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that exclude each other are refused."""
    for name in ("sys", "proc"):
        (tmp_path / name).mkdir()
    assert doctor("--restore", "--json") == 2
    assert "leave --json out" in capsys.readouterr().err


def _killed_session(roots: Roots, state_dir: Path) -> Path:
    """Leave a tree as a killed session does: configured, running, its state saved."""
    path = state_file(state_dir, roots.damon, "json")
    with Session(roots, OsFiles(), state_dir):
        left = json.loads(path.read_text(encoding="utf-8"))
    client = DamonClient(roots, OsFiles())
    client.start(physical())
    left["kdamonds"] = [client.kdamond_pid(0)]
    path.write_text(json.dumps(left), encoding="utf-8")
    return path
