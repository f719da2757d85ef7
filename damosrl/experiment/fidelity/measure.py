"""Run the scenarios in a guest of the VM lab, and bring their raw data home."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from damosrl.errors import VmError
from damosrl.experiment.fidelity.data import write_json
from damosrl.experiment.fidelity.in_guest import SCENARIOS
from damosrl.vm.compiler import compile_c
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.machine import GuestMachine

IN_GUEST = "/tmp/fidelity"  # noqa: S108  (the guest's own /tmp)
MODULE = "damosrl.experiment.fidelity.in_guest"
TIME_LIMIT_S = 400.0


def measure(lab: Lab, name: str, folder: Path, say: Callable[[str], None]) -> None:
    """Run every scenario; what is done is kept when a later one fails.

    Args:
        lab: Where guests live.
        name: The guest; it is booted for this, and left alone if it runs already.
        folder: Where the data goes.
        say: Takes one line for every scenario.

    Raises:
        VmError: The guest cannot be had, there is no C compiler, or a scenario failed.
    """
    with TemporaryDirectory() as scratch, _guest(lab, name) as guest:
        program = guest.put(compile_program(Path(scratch)))
        for scenario in SCENARIOS:
            say(f"measuring {scenario}")
            words = ["python", "-m", MODULE, program, IN_GUEST, scenario]
            done = guest.run(words, TIME_LIMIT_S)
            if done.status:
                last = " ".join(done.stderr.strip().splitlines()[-1:])
                raise VmError(f"scenario {scenario} failed in the guest", got=last)
            _take(guest, Path(scratch), folder)
        description = guest.describe()
        kernel = {"kernel": description["kernel"], "accelerated": bool(lab.uses_kvm)}
        write_json(folder / "guest.json", kernel)


def compile_program(folder: Path) -> Path:
    """Compile the program with known accesses.

    Raises:
        VmError: There is no C compiler, or it refused.
    """
    source = files("damosrl.experiment.fidelity.in_guest").joinpath("accesses.c")
    return compile_c(source, folder)


@contextmanager
def _guest(lab: Lab, name: str) -> Iterator[Guest]:
    running = Guest.find(lab, name)
    if running is not None:
        yield running
        return
    with Guest.boot(lab, GuestMachine.preset("two-tier"), name=name) as guest:
        yield guest


def _take(guest: Guest, scratch: Path, folder: Path) -> None:
    """Copy the files of the data; everybody may read them."""
    folder.mkdir(parents=True, exist_ok=True)
    found = guest.collect(IN_GUEST, scratch)
    for path in found.iterdir():
        if path.is_file():
            shutil.copyfile(path, folder / path.name)
