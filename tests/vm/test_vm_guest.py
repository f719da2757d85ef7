"""Real guests: hardware as described, commands, files, and boots that fail."""

import json
from pathlib import Path

import pytest

from damosrl.cli import main
from damosrl.errors import VmError
from damosrl.experiment.fidelity.measure import compile_program
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.machine import GuestMachine

pytestmark = pytest.mark.vm

TIERS = "cat /sys/devices/virtual/memory_tiering/memory_tier*/nodelist"


def _shell(guest: Guest, text: str) -> str:
    return guest.run(["/bin/bash", "-c", text], 120.0).stdout


def test_two_nodes_lie_in_two_tiers(two_tier: Guest) -> None:
    """The stated latencies put the node without processors into a lower tier."""
    assert _shell(two_tier, TIERS).split() == ["0", "1"]
    assert _shell(two_tier, "cat /sys/devices/system/node/has_cpu").strip() == "0"


def test_nodes_have_the_memory_and_distance_described(two_tier: Guest) -> None:
    """Node sizes come out within a tenth (the kernel keeps some), distances exactly."""
    for node in (0, 1):
        folder = f"/sys/devices/system/node/node{node}"
        total_kib = int(_shell(two_tier, f"grep MemTotal {folder}/meminfo").split()[-2])
        assert 0.9 * 1024 <= total_kib / 1024 <= 1024
    distances = _shell(two_tier, "cat /sys/devices/system/node/node0/distance")
    assert distances.split() == ["10", "30"]


def test_damon_is_there_and_free(two_tier: Guest) -> None:
    """The admin folder exists and no kdamond runs."""
    damon = "/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds"
    assert two_tier.run(["cat", damon]).stdout.strip() == "0"


def test_the_project_can_be_imported(two_tier: Guest) -> None:
    """Commands see the host's Python, its packages and the project."""
    done = two_tier.run(["python", "-c", "import damosrl; print(damosrl.__name__)"])
    assert (done.stdout, done.status) == ("damosrl\n", 0)


def test_status_and_both_outputs_come_back(two_tier: Guest) -> None:
    """A command's exit status, output and error output are its own."""
    done = two_tier.run(["/bin/bash", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.stdout, done.stderr, done.status) == ("out\n", "err\n", 7)


def test_the_hosts_files_cannot_be_written(two_tier: Guest) -> None:
    """The mount is read-only, whoever tries."""
    done = two_tier.run(["touch", "/usr/damosrl-was-here"])
    assert done.status == 1
    assert "Read-only file system" in done.stderr
    assert not Path("/usr/damosrl-was-here").exists()


def test_a_background_command_can_be_ended(two_tier: Guest) -> None:
    """A signal reaches the command and its children."""
    command = two_tier.start(["/bin/bash", "-c", "echo up; sleep 1000; echo never"])
    while not two_tier.run(["pgrep", "-x", "sleep"]).stdout:
        assert command.status is None
    command.signal("TERM")
    assert command.wait(30.0).status == 128 + 15
    assert two_tier.run(["pgrep", "-x", "sleep"]).stdout == ""


def test_a_command_out_of_time_is_killed(two_tier: Guest) -> None:
    """Nothing is left running after the time limit."""
    with pytest.raises(VmError, match="longer than 1 s"):
        two_tier.run(["sleep", "2000"], timeout_s=1.0)
    assert two_tier.run(["pgrep", "-x", "sleep"]).stdout == ""


def test_files_go_in_and_come_out(two_tier: Guest, tmp_path: Path) -> None:
    """What was put can be read there; what was written there can be collected."""
    source = tmp_path / "words.txt"
    source.write_text("fast\nslow\n")
    there = two_tier.put(source)
    _shell(two_tier, f"mkdir /tmp/result && tac {there} > /tmp/result/back.txt")
    copied = two_tier.collect("/tmp/result", tmp_path / "out")  # noqa: S108
    assert (copied / "back.txt").read_text() == "slow\nfast\n"


def test_the_known_accesses_follow_their_schedule(two_tier: Guest, tmp_path: Path) -> None:
    """Phases follow one another, and each names the bytes it touched."""
    program = two_tier.put(compile_program(tmp_path))
    words = [program, "-n", "64", "-1", "0:8:0.3", "32:16:0.3"]
    fill, first, second = map(json.loads, two_tier.run(words).stdout.splitlines())
    assert fill["end"] - fill["start"] == 64 << 20
    assert (first["start"], first["end"] - first["start"]) == (fill["start"], 8 << 20)
    assert second["start"] - fill["start"] == 32 << 20
    assert fill["end_ns"] <= first["start_ns"] < first["end_ns"] <= second["start_ns"]
    assert first["passes"] >= 1


def test_three_nodes_lie_in_three_tiers(three_tier: Guest) -> None:
    """Each latency makes a tier of its own; two guests run side by side."""
    assert sorted(_shell(three_tier, TIERS).split()) == ["0", "1", "2"]


def test_a_second_guest_of_a_name_is_refused(two_tier: Guest) -> None:
    """The running guest is not disturbed."""
    with pytest.raises(VmError, match="runs already"):
        Guest.boot(Lab.default(), GuestMachine.preset("two-tier"), name=two_tier.folder.name)
    assert two_tier.run(["true"]).status == 0


def test_the_command_line_passes_the_status_on(
    two_tier: Guest, capfd: pytest.CaptureFixture[str]
) -> None:
    """`vm run` uses the running guest, streams its output and ends with its status."""
    words = ["vm", "run", "--name", two_tier.folder.name, "--", "/bin/bash", "-c", "uname; exit 3"]
    assert main(words) == 3
    assert capfd.readouterr().out == "Linux\n"


def test_a_kernel_that_panics_is_reported_with_its_console() -> None:
    """Both tries fail; the error says what the kernel said."""
    with pytest.raises(VmError, match=r"ended while it booted.*Kernel panic"):
        Guest.boot(
            Lab.default(),
            GuestMachine.preset("two-tier"),
            name="test-panic",
            arguments=["rdinit=/none", "init=/none"],
        )
    assert Guest.find(Lab.default(), "test-panic") is None
