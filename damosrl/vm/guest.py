"""A guest: boot it, run commands in it, stop it."""

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from damosrl.errors import VmError
from damosrl.process import Process
from damosrl.vm import qmp
from damosrl.vm.channel import IN_GUEST, Channel, Command, Result
from damosrl.vm.cxl import require_cxl
from damosrl.vm.lab import BootFiles, Lab
from damosrl.vm.machine import GuestMachine
from damosrl.vm.packages import HOST_PROGRAMS, call, missing_host_packages
from damosrl.vm.processes import spawn
from damosrl.vm.qemu import CONSOLE, QMP, SHARES, has_kvm, qemu_words, virtiofsd_words

BOOT_TIMEOUT_S = 90.0
CONSOLE_LINES = 5
MAX_FOLDER_BYTES = 90
"""A socket's path may have 107 bytes."""
PASSED_ON = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "TERM")
"""Variables of the host that commands in a guest see too."""

_TMP = Path("/tmp")  # noqa: S108  (hidden in the guest by a folder of its own)


@dataclass(frozen=True, slots=True)
class Guest:
    """A running guest. The host's files are mounted read-only; /tmp is the guest's own.

    Args:
        folder: Its console, sockets and exchange folder.
        processes: QEMU first, then its file servers.

    Example:
        >>> def nodes(lab: Lab) -> str:
        ...     with Guest.boot(lab, GuestMachine.preset("two-tier")) as guest:
        ...         return guest.run(["cat", "/sys/devices/system/node/online"]).stdout
    """

    folder: Path
    processes: tuple[Process, ...]

    @classmethod
    def boot(
        cls,
        lab: Lab,
        machine: GuestMachine,
        *,
        name: str = "default",
        kernel: str = "newest",
        arguments: Sequence[str] = (),
        timeout_s: float = BOOT_TIMEOUT_S,
    ) -> "Guest":
        """Boot a guest and wait until it takes commands; one failure is tried again.

        Args:
            lab: Where kernels are and guests live.
            machine: Its hardware.
            name: Guests of different names run side by side.
            kernel: A name of `damosrl.vm.lab.KERNELS`.
            arguments: More words for the kernel's command line.
            timeout_s: Time limit of each try.

        Raises:
            VmError: Such a guest runs, the lab is not built, QEMU is too old for the machine, or
                both tries failed; the message then ends with the console's last lines.
        """
        if cls.find(lab, name) is not None:
            raise VmError(
                "a guest of this name runs already",
                got=name,
                fix=f"`damosrl vm stop --name {name}`, or another --name",
            )
        if missing_host_packages():
            raise VmError("QEMU is not installed", fix="run `damosrl vm build`")
        if machine.cxl_mib:
            require_cxl(call([str(HOST_PROGRAMS["qemu-system-x86"]), "--version"], 20.0))
        files, folder = lab.boot_files(kernel), lab.guest(name)
        if len(str(folder)) > MAX_FOLDER_BYTES:
            raise VmError("the guest's folder has too long a path", got=folder, fix="give --lab")
        try:
            return cls._try(folder, machine, files, arguments, timeout_s, kvm=bool(lab.uses_kvm))
        except VmError:
            return cls._try(folder, machine, files, arguments, timeout_s, kvm=bool(lab.uses_kvm))

    @classmethod
    def boots_with_kvm(cls, lab: Lab, kernel: str, timeout_s: float = 20.0) -> bool:
        """Try whether hardware virtualisation works; some hosts offer it and hang."""
        if not has_kvm():
            return False
        folder, machine = lab.guest(f"trial-{os.getpid()}"), GuestMachine.preset("two-tier")
        try:
            cls._try(folder, machine, lab.boot_files(kernel), (), timeout_s, kvm=True).stop()
        except VmError:
            return False
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return True

    @classmethod
    def find(cls, lab: Lab, name: str = "default") -> "Guest | None":
        """Return the running guest of this name; what a dead one left is no guest."""
        file = lab.guest(name) / "state.json"
        if not file.exists():
            return None
        processes = tuple(Process(**each) for each in json.loads(file.read_text())["processes"])
        guest = cls(lab.guest(name), processes)
        return guest if guest.alive else None

    @classmethod
    def _try(
        cls,
        folder: Path,
        machine: GuestMachine,
        files: BootFiles,
        arguments: Sequence[str],
        timeout_s: float,
        *,
        kvm: bool,
    ) -> "Guest":
        _prepare(folder)
        processes = [spawn(virtiofsd_words(tag, folder), folder) for tag in SHARES]
        end = time.monotonic() + timeout_s
        try:
            _await_sockets(folder, processes, end)
            words = qemu_words(machine, files, kvm=kvm, arguments=arguments)
            processes.insert(0, spawn(words, folder))
            guest = cls(folder, tuple(processes))
            guest._await_ready(end, timeout_s)
            guest._save(machine, files)
        except BaseException:  # Ctrl-C too leaves nothing behind
            for process in processes:
                process.end()
            raise
        return guest

    @property
    def alive(self) -> bool:
        """Whether the guest runs."""
        return self.processes[0].alive

    @property
    def channel(self) -> Channel:
        """The way commands go."""
        return Channel(self.folder / "exchange", lambda: self.alive)

    @property
    def control(self) -> Path:
        """QEMU's control socket, see `damosrl.vm.qmp`."""
        return self.folder / QMP

    def held_bytes(self) -> int:
        """Return the host's memory behind the guest: shared pages of QEMU's process.

        All of a guest's memory is shared with its file servers, and nothing else of QEMU is.

        Raises:
            VmError: The guest has ended.
        """
        try:
            status = Path(f"/proc/{self.processes[0].pid}/status").read_text()
        except OSError as error:
            raise VmError("the guest has ended", got=error.strerror) from error
        line = next(line for line in status.splitlines() if line.startswith("RssShmem:"))
        return 1024 * int(line.split()[1])

    def describe(self) -> dict[str, object]:
        """Return what was written down at boot: kernel release, machine, processes."""
        return dict(json.loads((self.folder / "state.json").read_text()))

    def start(self, words: Sequence[str], *, cwd: Path | None = None) -> Command:
        """Start a command in the background.

        Args:
            words: Program and arguments, as on the host.
            cwd: Working folder; the current one by default.
        """
        return self.channel.start(words, cwd=cwd or Path.cwd(), environment=_environment())

    def run(self, words: Sequence[str], timeout_s: float = 600.0) -> Result:
        """Run a command and return what it printed and its status.

        Raises:
            VmError: It took too long (it is killed), or the guest ended.
        """
        return self.start(words).wait(timeout_s)

    def put(self, source: Path) -> str:
        """Copy a file to the guest and return its path there."""
        target = self.folder / "exchange/files" / source.name
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(source, target)
        return f"{IN_GUEST}/files/{source.name}"

    def collect(self, path: str, target: Path) -> Path:
        """Copy a file or folder of the guest into a folder of the host.

        Raises:
            VmError: The guest has no such path.
        """
        place = f"collected-{time.time_ns():x}"
        words = 'mkdir "$1" && cp -rL "$0" "$1"'
        done = self.run(["/bin/bash", "-c", words, path, f"{IN_GUEST}/{place}"])
        if done.status:
            raise VmError("the guest has no such file", got=path)
        target.mkdir(parents=True, exist_ok=True)
        copied = target / Path(path).name
        found = self.folder / "exchange" / place
        shutil.copytree(found, target, dirs_exist_ok=True)
        shutil.rmtree(found)
        return copied

    def stop(self, timeout_s: float = 15.0) -> None:
        """Power the guest off; one that does not follow is ended."""
        (self.folder / "exchange/poweroff").touch()
        if not self.processes[0].wait(timeout_s):
            try:
                qmp.execute(self.control, "quit")
            except VmError:
                self.processes[0].end()
        for process in self.processes:
            process.wait(2.0)
            process.end()
        (self.folder / "state.json").unlink(missing_ok=True)

    def console(self, lines: int = CONSOLE_LINES) -> list[str]:
        """Return the console's last lines, after the kernel's own reason if it panicked."""
        file = self.folder / CONSOLE
        text = file.read_text(errors="replace") if file.exists() else ""
        told = [line.strip() for line in text.splitlines() if line.strip()]
        reasons = [line for line in told[:-lines] if "Kernel panic" in line]
        return reasons[:1] + told[-lines:]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _save(self, machine: GuestMachine, files: BootFiles) -> None:
        state = {
            "kernel": files.version,
            "machine": asdict(machine),
            "processes": [asdict(process) for process in self.processes],
        }
        (self.folder / "state.json").write_text(json.dumps(state, indent=2) + "\n")

    def _await_ready(self, end: float, timeout_s: float) -> None:
        while not (self.folder / "exchange/ready").exists():
            late = time.monotonic() > end
            if late or not self.alive:
                console = " | ".join(self.console()) or "nothing"
                what = f"was not ready after {timeout_s:g} s" if late else "ended while it booted"
                raise VmError(f"the guest {what}", got=f"on its console: {console}")
            time.sleep(0.03)


def _prepare(folder: Path) -> None:
    """Make the guest's folder anew; what an earlier guest left is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "exchange").mkdir(parents=True)
    keep = sorted(path for path in _needed() if _TMP in path.parents)
    (folder / "exchange/keep").write_text("".join(f"{path}\n" for path in keep))


def _needed() -> set[Path]:
    """Folders that programs in the guest need: where we are, Python and its packages."""
    places = [Path.cwd(), Path(sys.prefix), *map(Path, os.environ.get("PYTHONPATH", "").split(":"))]
    return {place.resolve() for place in places if place.is_dir()}


def _environment() -> dict[str, str]:
    passed = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    programs = f"{Path(sys.executable).parent}:{passed.get('PATH', '/usr/bin:/bin')}"
    own = {"HOME": "/tmp/home", "DAMOSRL_CACHE_DIR": f"{IN_GUEST}/cache"}  # noqa: S108
    return passed | own | {"PATH": programs, "PYTHONDONTWRITEBYTECODE": "1"}


def _await_sockets(folder: Path, servers: Sequence[Process], end: float) -> None:
    while not all((folder / f"{tag}.sock").exists() for tag in SHARES):
        if time.monotonic() > end or not all(server.alive for server in servers):
            log = (folder / "virtiofsd.log").read_text(errors="replace").strip().splitlines()
            raise VmError("the file server does not start", got=" ".join(log[-1:]) or None)
        time.sleep(0.02)
