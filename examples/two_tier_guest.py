"""Boots a kernel with two memory tiers, records a program there, and lets tuners drive it.

    damosrl vm build
    python examples/two_tier_guest.py --out results/guest

500 MiB lie idle in the fast tier, 300 MiB in the slow one, of which 100 MiB are written over and
over. For each tuner the pages of both programs are counted by node before and after. Ten minutes
on two cores; the emulated processor says what moves, never whether it pays.
"""

import argparse
import sys
import time
from pathlib import Path

from damosrl.errors import DamosrlError
from damosrl.experiment.fidelity.measure import compile_program
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.machine import GuestMachine

COUNT = (
    "for P in $(pgrep -x accesses); do grep -oE 'N[01]=[0-9]{4,}' /proc/$P/numa_maps; done"
    " | tr '\\n' ' '; grep -E 'pgmigrate_(success|fail)' /proc/vmstat | tr '\\n' ' '"
)
RECORDING = "/tmp/hot.damon"  # noqa: S108  the guest's own

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("results/guest"), help="folder to write")
parser.add_argument("--tuners", nargs="+", default=["pi", "consist"])
parser.add_argument("--steps", type=int, default=60)


def run(guest: Guest, *words: str, limit_s: float = 600.0) -> str:
    """Run a command in the guest; end with its message where it fails."""
    done = guest.run(words, limit_s)
    if done.status:
        sys.exit(done.stderr.strip() or done.stdout.strip())
    return done.stdout.strip()


def start(guest: Guest, program: str, *words: str) -> None:
    """Start the program, whose input stays open."""
    guest.start(["bash", "-c", f"(echo; sleep 3600) | {program} {' '.join(words)}"])


def drive(guest: Guest, program: str, options: argparse.Namespace) -> None:
    """Let each tuner drive a fresh pair of programs."""
    for tuner in options.tuners:
        start(guest, program, "500", "0")
        start(guest, program, "300", "1", "0:100:3600")
        time.sleep(10)
        print(f"{tuner}, pages by node before: {run(guest, 'bash', '-c', COUNT)}", flush=True)
        loop = ["examples/kernel_control_loop.py", f"--tuner={tuner}", f"--steps={options.steps}"]
        told = run(guest, "python", *loop)
        (options.out / f"{tuner}.txt").write_text(f"{told}\n", encoding="utf-8")
        print(f"{tuner}, pages by node after:  {run(guest, 'bash', '-c', COUNT)}", flush=True)
        print(told.splitlines()[-1], flush=True)
        run(guest, "bash", "-c", "pkill sleep; pkill accesses; true")
        time.sleep(2)


def record(guest: Guest, program: str, out: Path) -> None:
    """Record a program whose hot set moves."""
    watch = ["damosrl", "record", "--seconds", "20", "--out", RECORDING, "--quiet", "--"]
    print(run(guest, *watch, program, "-n", "256", "-1", "0:32:10", "128:32:10"), flush=True)
    guest.collect(RECORDING, out)


def main() -> None:
    """Boot, record, drive, power off."""
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    program = compile_program(options.out)
    with Guest.boot(Lab.default(), GuestMachine.preset("two-tier"), name="example") as guest:
        inside = guest.put(program)
        record(guest, str(inside), options.out)
        drive(guest, str(inside), options)
    print(f"damosrl report --recording {options.out / Path(RECORDING).name}")


try:
    main()
except DamosrlError as error:
    sys.exit(f"error: {error}")
