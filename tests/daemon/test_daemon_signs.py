"""What a daemon's process tells systemd, Prometheus and its owner, seen from outside."""

import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from damosrl.cli import main
from damosrl.daemon.journal_reader import read_decisions
from tests.daemon.served import ServedKernel, served_kernel

MAX_RESIDENT_BYTES = 80 * 2**20


@pytest.fixture(name="kernel")
def _kernel(tmp_path: Path) -> Iterator[ServedKernel]:
    with served_kernel(tmp_path) as kernel:
        yield kernel


@pytest.fixture
def port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Listen where systemd would, as fast as it would; return what was heard."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def listen() -> None:
            while message := listener.recv(4096).decode():
                heard.append(message)

        thread = threading.Thread(target=listen)
        thread.start()
        yield heard
        listener.sendto(b"", str(tmp_path / "notify"))
        thread.join()


def _sample(text: str, name: str) -> float:
    (value,) = re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(value)


def test_systemd_hears_of_every_step(kernel: ServedKernel, told: list[str]) -> None:
    """Ready at the first decision, alive at each, reloading between, stopping at the end."""
    with kernel.daemon("--log-dir", str(kernel.folder / "log")) as daemon:
        daemon.await_steps(3)
        daemon.signal(signal.SIGHUP)
        daemon.await_steps(6)
        status, said = daemon.end()
        assert status == 0, said
    signs = [one for one in told if not one.startswith("STATUS=")]
    steps = sum(1 for _ in read_decisions(kernel.folder / "log"))
    assert signs[:2] == ["READY=1", "WATCHDOG=1"]
    assert steps - 1 <= signs.count("WATCHDOG=1") <= steps  # the last step may have been cut short
    reload = next(place for place, one in enumerate(signs) if one.startswith("RELOADING=1\n"))
    assert signs[reload + 1] == "READY=1"
    assert signs[-1] == "STOPPING=1"


def test_metrics_and_status_agree_within_the_memory_that_is_allowed(
    kernel: ServedKernel, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scrape and the status tell of the same process, which needs at most 80 MiB."""
    with kernel.daemon("--metrics", str(port)) as daemon:
        daemon.await_steps(10)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        assert main(["daemon", "status", "--state-dir", str(kernel.state_dir)]) == 0
        shown = capsys.readouterr().out
        assert f"process:    {daemon.process.pid}, since" in shown
        assert "daemon:     running, mode active" in shown
        assert _sample(text, "damosrl_decisions_total") >= 9
        assert _sample(text, 'damosrl_mode{mode="active"}') == 1
        resident = _sample(text, "process_resident_memory_bytes")
        assert 10 * 2**20 < resident <= MAX_RESIDENT_BYTES
        daemon.end()
    assert main(["daemon", "status", "--state-dir", str(kernel.state_dir)]) == 1
    assert capsys.readouterr().out.startswith("daemon:     ended, mode active")


def test_a_killed_daemon_is_told_as_dead(
    kernel: ServedKernel, capsys: pytest.CaptureFixture[str]
) -> None:
    """After SIGKILL the status says so, shows the last decision, and how to go back."""
    with kernel.daemon() as daemon:
        daemon.await_steps(2)
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.process.wait()
    assert main(["daemon", "status", "--state-dir", str(kernel.state_dir)]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("daemon:     died, mode active")
    assert "damosrl doctor --restore" in shown
    assert "demotion_quota" in shown
