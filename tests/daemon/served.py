"""A daemon in a process of its own, on a fake kernel of real files."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from damosrl.artifact import Deployment, save_artifact
from damosrl.daemon.status import STATUS_NAME, Status
from damosrl.damon import Document, Stats
from damosrl.kernel.decode import document_of
from damosrl.kernel.roots import Roots
from damosrl.kernel.snapshot import read_settings
from damosrl.policy import ControllerPolicy
from damosrl.safety import safety_config
from damosrl.testing.backend import GivenNumbers
from damosrl.testing.fake_host import FakeHost
from damosrl.testing.fake_tree import FIRST_PID, FakeTree
from damosrl.testing.serve import serve
from damosrl_tasks.tiering.task import kernel_task

INTERVAL_S = 0.2
PATIENCE_S = 300.0
LEFT_OPEN = 40
"""Kdamonds that may be started in one test; each gets its CPU time renewed."""


class ServedKernel:
    """A fake kernel in a folder, and daemons on it.

    Args:
        folder: Of everything.
        tree: What answers.
    """

    def __init__(self, folder: Path, tree: FakeTree) -> None:
        self.folder = folder
        self.tree = tree
        self.state_dir = folder / "state"
        self.bundle = write_bundle(folder / "pi.damosrl")
        self.config = folder / "daemon.yaml"
        self.config.write_text("time_limit_s: 60\n", encoding="utf-8")  # for busy test machines

    @property
    def switch(self) -> Path:
        """The kill-switch."""
        return self.state_dir / "stop"

    def command(self, *words: str) -> list[str]:
        """Return the daemon's command line."""
        kernel = self.folder / "kernel"
        return [
            *(sys.executable, "-m", "damosrl.cli", "daemon", str(self.bundle)),
            *("--sysfs-root", str(kernel / "sys"), "--procfs-root", str(kernel / "proc")),
            *("--state-dir", str(self.state_dir), "--config", str(self.config), *words),
        ]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a daemon to its end."""
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    @contextlib.contextmanager
    def daemon(self, *words: str) -> Iterator["RunningDaemon"]:
        """Start a daemon; it is killed at the end if it lives."""
        process = subprocess.Popen(self.command(*words), stderr=subprocess.PIPE, text=True)
        try:
            yield RunningDaemon(self, process)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    def document(self) -> Document:
        """Return what the kernel holds now."""
        return document_of(read_settings(self.tree, self.tree.roots.damon))

    def texts(self) -> dict[str, str]:
        """Return every setting of the kernel."""
        return read_settings(self.tree, self.tree.roots.damon)

    def status(self) -> Status:
        """Return the daemon's status file."""
        return msgspec.json.decode((self.state_dir / STATUS_NAME).read_bytes(), type=Status)


class RunningDaemon:
    """A daemon's process.

    Args:
        kernel: What it drives.
        process: The process.
    """

    def __init__(self, kernel: ServedKernel, process: "subprocess.Popen[str]") -> None:
        self.kernel = kernel
        self.process = process

    def await_status(self, wanted: Callable[[Status], bool]) -> Status:
        """Wait until the status of this process is as wanted, and return it."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            with contextlib.suppress(FileNotFoundError):
                status = self.kernel.status()
                if status.identity.pid == self.process.pid and wanted(status):
                    return status
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise TimeoutError(f"the daemon never got there: {self.end()[1]}")

    def await_steps(self, count: int) -> Status:
        """Wait for so many decisions."""
        return self.await_status(lambda status: status.counters.steps >= count)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.process.pid, number)

    def end(self) -> tuple[int, str]:
        """Ask it to end; return exit status and what it said."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        said = self.process.communicate(timeout=PATIENCE_S)[1]
        return self.process.returncode, said


def write_bundle(path: Path, interval_s: float = INTERVAL_S, **parameters: Any) -> Path:
    """Write a bundle of the PI controller; by default it decides five times a second."""
    settings = {"decision_interval_s": interval_s, "apply_s": interval_s}
    deployment = Deployment(task_settings=settings, safety=asdict(safety_config("default")))
    path.unlink(missing_ok=True)
    return save_artifact(
        path,
        ControllerPolicy("pi", parameters),
        spec=kernel_task(settings, 2).spec,
        algorithm="controller",
        deployment=deployment,
    )


@contextlib.contextmanager
def served_kernel(folder: Path) -> Iterator[ServedKernel]:
    """Serve a fake kernel of two tiers, whose kdamonds work, while the block lasts."""
    numbers = GivenNumbers()
    numbers.stats_of = {index: (Stats(1, 2, 1, 1),) for index in (0, 1)}
    numbers.effective_of = {0: (5,), 1: (6,)}
    roots = Roots(sysfs=Path("/sys"), procfs=Path("/proc"))
    tree = FakeTree(roots, backend=numbers)
    host = FakeHost(roots, tree.set_host)
    done = threading.Event()

    def work() -> None:
        spent_us = 0
        while not done.wait(0.1):
            spent_us += 1000
            for pid in range(FIRST_PID, FIRST_PID + LEFT_OPEN):
                host.set_cpu_time(pid, spent_us)

    (folder / "kernel").mkdir()
    worker = threading.Thread(target=work, daemon=True)
    with serve(tree, folder / "kernel"):
        worker.start()
        try:
            yield ServedKernel(folder, tree)
        finally:
            done.set()
            worker.join()
