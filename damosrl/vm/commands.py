"""The vm commands of the command line."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from damosrl.errors import VmError
from damosrl.vm.build import build as build_lab
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.machine import GuestMachine


def build(parsed: argparse.Namespace) -> int:
    """Build what guests boot from."""
    build_lab(_lab(parsed), parsed.kernel, _say)
    return 0


def boot(parsed: argparse.Namespace) -> int:
    """Boot a guest that stays until ``vm stop``."""
    guest = _boot(parsed)
    print(f"guest {parsed.name} runs {guest.describe()['kernel']}")
    return 0


def run(parsed: argparse.Namespace) -> int:
    """Run a command or a script in a guest, booting one for it if none runs."""
    if bool(parsed.words) == bool(parsed.script):
        raise VmError(
            "nothing (or two things) to run", fix="write `vm run -- COMMAND`, or --script FILE.py"
        )
    if parsed.script and not Path(parsed.script).is_file():
        raise VmError("there is no such script", got=parsed.script)
    with _guest(parsed) as guest:
        words = parsed.words or ["python", guest.put(Path(parsed.script))]
        status = _stream(guest, words)
        for path in parsed.collect:
            _say(f"collected {guest.collect(path, Path(parsed.to))}")
    return status


def shell(parsed: argparse.Namespace) -> int:
    """Read lines and run each in the guest; every line starts in the same folder."""
    with _guest(parsed) as guest:
        for line in _lines():
            status = _stream(guest, ["/bin/bash", "-c", line])
            if status:
                _say(f"[status {status}]")
    return 0


def status(parsed: argparse.Namespace) -> int:
    """List guests, running or dead, and kernels that were built."""
    lab = _lab(parsed)
    for name, version in lab.built().items():
        print(f"kernel {name}: {version}")
    for name in lab.guests():
        guest = Guest.find(lab, name)
        print(f"guest {name}: {guest.describe()['kernel'] if guest else 'does not run'}")
    return 0


def stop(parsed: argparse.Namespace) -> int:
    """Power a guest off."""
    guest = Guest.find(_lab(parsed), parsed.name)
    if guest is None:
        raise VmError("no guest of this name runs", got=parsed.name, fix="see `damosrl vm status`")
    guest.stop()
    return 0


def _lab(parsed: argparse.Namespace) -> Lab:
    return Lab(Path(parsed.lab).expanduser().resolve()) if parsed.lab else Lab.default()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _boot(parsed: argparse.Namespace) -> Guest:
    machine = GuestMachine.preset(parsed.machine)
    return Guest.boot(_lab(parsed), machine, name=parsed.name, kernel=parsed.kernel)


@contextmanager
def _guest(parsed: argparse.Namespace) -> Iterator[Guest]:
    """Give the running guest, or one booted for this command only."""
    running = Guest.find(_lab(parsed), parsed.name)
    if running is not None:
        yield running
        return
    with _boot(parsed) as guest:
        yield guest


def _stream(guest: Guest, words: Sequence[str]) -> int:
    command = guest.start(words)
    try:
        return command.wait(None, sys.stdout.buffer, sys.stderr.buffer).status
    except KeyboardInterrupt:
        command.signal("INT")
        _say(f"interrupted {shlex.join(words)}")
        raise


def _lines() -> Iterator[str]:
    while True:
        try:
            line = input("guest# " if sys.stdin.isatty() else "")
        except EOFError:
            return
        if line.strip() == "exit":
            return
        if line.strip():
            yield line
