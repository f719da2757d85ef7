"""The lab's folder, and guests that are no more."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from damosrl.cli import main
from damosrl.errors import VmError
from damosrl.process import Process
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab


def test_a_kernel_that_was_not_built_is_named_with_the_command(tmp_path: Path) -> None:
    """The message is the way out."""
    with pytest.raises(VmError, match=r"got newest.*damosrl vm build --kernel newest"):
        Lab(tmp_path).boot_files()


def test_what_was_built_is_found_again(tmp_path: Path) -> None:
    """Both names are kept, each with its release."""
    Lab(tmp_path).remember("newest", "7.3.4")
    Lab(tmp_path).remember("6.12", "6.12.117")
    assert Lab(tmp_path).boot_files("newest").kernel == tmp_path / "kernels/7.3.4/vmlinuz"
    assert Lab(tmp_path).built() == {"newest": "7.3.4", "6.12": "6.12.117"}


@pytest.mark.parametrize("name", ["", "../other", "a/b", "a b"])
def test_a_name_cannot_leave_the_lab(name: str, tmp_path: Path) -> None:
    """Names become folders."""
    with pytest.raises(VmError, match="guest's name"):
        Lab(tmp_path).guest(name)


def _state(folder: Path, process: Process) -> None:
    folder.mkdir(parents=True)
    processes = [{"pid": process.pid, "start_ticks": process.start_ticks}]
    (folder / "state.json").write_text(json.dumps({"kernel": "7.3", "processes": processes}))


def test_a_guest_is_found_only_while_its_process_lives(tmp_path: Path) -> None:
    """Neither an ended process nor another one of its number is the guest."""
    lab, mine = Lab(tmp_path), Process.of(os.getpid())
    ended = subprocess.Popen(["true"])
    ended.wait()
    _state(lab.guest("alive"), mine)
    _state(lab.guest("reused"), Process(mine.pid, mine.start_ticks - 1))
    _state(lab.guest("ended"), Process(ended.pid, -1))
    assert [name for name in lab.guests() if Guest.find(lab, name)] == ["alive"]


def test_stopping_what_does_not_run_is_a_users_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, status 2."""
    assert main(["vm", "stop", "--lab", str(tmp_path)]) == 2
    assert "no guest of this name runs: got default" in capsys.readouterr().err


def test_running_nothing_is_a_users_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No guest is booted to find that out."""
    assert main(["vm", "run", "--lab", str(tmp_path)]) == 2
    assert "vm run -- COMMAND" in capsys.readouterr().err
