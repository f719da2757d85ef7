"""The systemd unit: understood by systemd, closed as far as it goes, and able to run the daemon."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from damosrl.cli import _find, _parser
from damosrl.daemon.install.choices import Choices
from damosrl.daemon.install.defaults import switches_text
from damosrl.daemon.install.unit import SETTINGS, WATCHDOG_S, unit_text

PROGRAM = Path("/usr/bin/env")
CHOICES = {
    "plain": Choices(PROGRAM),
    "account": Choices(PROGRAM, user="damosrl"),
    "port": Choices(PROGRAM, metrics_port=9184),
    "file": Choices(PROGRAM, metrics_file=Path("/var/lib/node_exporter/damosrl.prom")),
    "home": Choices(PROGRAM, bundle=Path("/home/anna/bundle")),
}
EXPOSURE = {"plain": 10, "account": 10, "port": 20, "file": 10, "home": 12}
"""Most that ``systemd-analyze security`` may say, in tenths; 0 is closed, 100 is open."""
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def _settings(choices: Choices) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit_text(choices).splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@needs_systemd
@pytest.mark.parametrize("name", CHOICES)
def test_systemd_understands_the_unit(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say, and the unit is hardly exposed."""
    unit = tmp_path / "damosrl.service"
    unit.write_text(unit_text(CHOICES[name]))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    secure = ["security", "--offline=true", f"--threshold={EXPOSURE[name]}", str(unit)]
    judged = subprocess.run(
        ["systemd-analyze", "--no-pager", *secure], capture_output=True, text=True, check=False
    )
    assert judged.returncode == 0, judged.stdout


def test_root_has_no_capability_and_others_one() -> None:
    """Root owns the kernel's files; another account may pass their permissions, and no more."""
    assert _settings(CHOICES["plain"])["CapabilityBoundingSet"] == [""]
    other = _settings(CHOICES["account"])
    assert other["User"] == ["damosrl"]
    assert other["CapabilityBoundingSet"] == other["AmbientCapabilities"] == ["CAP_DAC_OVERRIDE"]


def test_there_is_no_network_without_a_port() -> None:
    """Without a port there is no network; with one, that port on loopback and nothing else."""
    closed = _settings(CHOICES["plain"])
    assert closed["PrivateNetwork"] == ["yes"]
    assert closed["RestrictAddressFamilies"] == ["AF_UNIX"]
    served = _settings(CHOICES["port"])
    assert "PrivateNetwork" not in served
    assert served["IPAddressDeny"] == ["any"]
    assert served["IPAddressAllow"] == ["localhost"]
    assert served["SocketBindAllow"] == ["ipv4:tcp:9184"]


def test_what_may_be_written_is_named() -> None:
    """All is read-only but DAMON, the tracer's instances, and the folder of a metrics file."""
    plain = _settings(CHOICES["plain"])
    assert plain["ProtectSystem"] == ["strict"]
    kernel = ["-/sys/kernel/mm/damon", "-/sys/kernel/tracing/instances"]
    assert plain["ReadWritePaths"] == kernel
    assert _settings(CHOICES["file"])["ReadWritePaths"] == [*kernel, "-/var/lib/node_exporter"]


def test_homes_are_hidden_unless_they_are_needed() -> None:
    """A bundle in a home leaves homes readable, never writable."""
    assert _settings(CHOICES["plain"])["ProtectHome"] == ["yes"]
    assert _settings(CHOICES["home"])["ProtectHome"] == ["read-only"]


def test_the_watchdog_outlives_a_hanging_kernel() -> None:
    """A kernel that hangs for ten seconds is no reason to end the daemon."""
    assert _settings(CHOICES["plain"])["WatchdogSec"] == [str(WATCHDOG_S)]
    assert WATCHDOG_S > 5 * 10


@pytest.mark.parametrize(
    ("name", "options"),
    [("plain", ""), ("port", ""), ("file", ""), ("plain", "--canary 10"), ("plain", "--quiet")],
)
def test_the_way_in_is_a_command_of_ours(name: str, options: str) -> None:
    """What systemd starts, with the options that are installed, is read by our command line."""
    choices = CHOICES[name]
    variables = dict(
        line.split("=", 1) for line in shlex.split(switches_text(choices), comments=True)
    )
    line = _settings(choices)["ExecStart"][0]
    line = line.replace("${DAMOSRL_BUNDLE}", shlex.quote(variables["DAMOSRL_BUNDLE"]))
    line = line.replace("$DAMOSRL_OPTIONS", options or variables["DAMOSRL_OPTIONS"])
    program, *words = shlex.split(line)
    command, rest = _find(words)
    parsed = _parser(command).parse_intermixed_args(rest)
    assert (program, command.name) == (str(PROGRAM), "daemon")
    assert parsed.bundle == str(choices.bundle)
    assert parsed.config == f"/{SETTINGS}"
    assert parsed.shadow == (options == "")
    if not options:
        assert parsed.metrics == (choices.metrics_port and str(choices.metrics_port))
        assert parsed.metrics_file == (choices.metrics_file and str(choices.metrics_file))


def test_the_way_out_is_a_command_of_ours() -> None:
    """What systemd runs after a crash is read by our own command line, with the same state."""
    settings = _settings(CHOICES["plain"])
    program, *words = shlex.split(settings["ExecStopPost"][0])
    command, rest = _find(words)
    parsed = _parser(command).parse_args(rest)
    assert (program, command.name, parsed.restore) == (str(PROGRAM), "doctor", True)
    assert f"--state-dir {parsed.state_dir}" in settings["ExecStart"][0]
    assert settings["RuntimeDirectoryPreserve"] == ["yes"]


def test_numpy_runs_without_writable_code() -> None:
    """What MemoryDenyWriteExecute forbids, neither NumPy nor the metrics need (PR_SET_MDWE)."""
    code = (
        "import ctypes, errno, sys;"
        "libc = ctypes.CDLL(None, use_errno=True);"
        "denied = libc.prctl(65, 1, 0, 0, 0) == 0;"
        "denied or sys.exit(77 if ctypes.get_errno() == errno.EINVAL else 1);"
        "import numpy as np, msgspec, sdnotify, damosrl.daemon.metrics, damosrl.kernel.client;"
        "import damosrl.policy, damosrl.artifact;"
        "a = np.ones((64, 64), np.float32); print(float((a @ a).sum()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    if result.returncode == 77:
        pytest.skip("this kernel has no PR_SET_MDWE")
    assert (result.returncode, result.stdout) == (0, "262144.0\n"), result.stderr
