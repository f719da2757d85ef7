"""From training to a daemon at work, every command and its output in one transcript.

    python examples/rollout.py --out results/rollout
    python examples/rollout.py --out results/rollout-guest --where guest

The laboratory part trains, compares and exports by the command line. Then the bundle is put beside
the kernel's own `consist` loop: in a guest with two memory tiers (see `damosrl vm build`), or on an
emulated kernel, whose files are driven by the daemon's own code in emulated time. Both end with the
same picture, drawn from the daemons' journals. Writes transcript.md, journals and a picture.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from damosrl.daemon.decision import Mode
from damosrl.daemon.journal import Journal
from damosrl.emulator.presets import machine_config
from damosrl.emulator.workload.source import workload_source
from damosrl.errors import DamosrlError
from damosrl.experiment.fidelity.measure import compile_program
from damosrl.testing.emulated_daemon import emulated_daemon
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.machine import GuestMachine

MACHINE, WORKLOAD, SEED = "dram_cxl", "static_hot", 7
FEATURES = "fast_free,promoted,demoted,psi_some,fast_access_share,region_use"
COUNT = (
    "for P in $(pgrep -x accesses); do grep -oE 'N[01]=[0-9]{4,}' /proc/$P/numa_maps; done"
    " | tr '\\n' ' '; grep -E 'pgmigrate_(success|fail)' /proc/vmstat | tr '\\n' ' '"
)
EMULATED_PROCESSOR = "time_limit_s: 10\nguards: {own_cpu_percent: 200}\n"
"""An emulated processor is some ten times slower, and the daemon's own CPU time is a guard."""
INSIDE = Path("/tmp/rollout")  # noqa: S108  the guest's own

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", type=Path, default=Path("results/rollout"), help="folder to write")
parser.add_argument("--where", choices=("emulated", "guest"), default="emulated")
parser.add_argument("--trained", type=Path, metavar="RUN", help="a run of train, instead of one")
parser.add_argument("--timesteps", type=int, default=200_000, help="of the training")
parser.add_argument("--steps", type=int, default=120, help="decisions of each daemon")
parser.add_argument("--shadow-steps", type=int, default=20)


class Transcript:
    """Runs commands as a user would, and keeps what they print.

    Args:
        folder: Where ``transcript.md`` goes.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "transcript.md"
        self._path.write_text("", encoding="utf-8")

    def say(self, text: str) -> None:
        """Add a paragraph."""
        print(text, flush=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n\n")

    def shown(self, command: str, output: str) -> None:
        """Add a command and its output."""
        self.say(f"```\n$ {command}\n{output.strip()}\n```")

    def damosrl(self, *words: object) -> None:
        """Run a command of ours; end where it fails."""
        told = [str(word) for word in words]
        command = [sys.executable, "-m", "damosrl.cli", *told]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        self.shown(f"damosrl {' '.join(told)}", done.stdout + done.stderr)
        if done.returncode:
            sys.exit(done.returncode)


def laboratory(
    transcript: Transcript, out: Path, run: Path | None, timesteps: int
) -> dict[str, Path]:
    """Train, compare, export; return the bundles that are put beside each other."""
    transcript.say("## In the laboratory")
    if run is None:
        run = out / "train"
        training = ["agent=ppo", f"timesteps={timesteps}", "evaluation.seeds=2", "seed=1"]
        transcript.damosrl("train", *training, f"out={run}", "--quiet")
    tuners = f"tuners=[{run / 'artifact'},best_static,consist_warm,consist]"
    where = [f"machine={MACHINE}", f"workloads=[{WORKLOAD},rec_phases]", "seeds=3", "steps=120"]
    transcript.damosrl("compare", tuners, *where, f"out={out / 'compare'}")
    bundles = {name: out / f"{name}.damosrl" for name in ("policy", "consist")}
    transcript.damosrl("export", run, "--format", "bundle", "--out", bundles["policy"])
    transcript.damosrl("export", run, "--format", "onnx", "--out", out / "policy.onnx")
    transcript.damosrl("export", run, "--format", "tree", "--out", out / "tree")
    nodes = ["--node", "0-4G", "--node", "4G-8G"]
    transcript.damosrl("export", run, "--format", "damo", *nodes, "--out", out / "policy.json")
    transcript.damosrl("explain", out / "policy.json")
    transcript.damosrl("export", "consist", "--format", "bundle", "--out", bundles["consist"])
    return bundles


Drive = Callable[[str, Path, Mode, int], None]


def emulated(transcript: Transcript, out: Path) -> Drive:
    """Return what drives an emulated kernel by a bundle."""
    config = machine_config(MACHINE)

    def drive(name: str, bundle: Path, mode: Mode, steps: int) -> None:
        workload = workload_source(WORKLOAD).draw(np.random.default_rng(SEED))
        journal = Journal(out / name)
        with (
            tempfile.TemporaryDirectory() as state_dir,
            emulated_daemon(
                bundle, config, workload, seed=SEED, state_dir=Path(state_dir), mode=mode
            ) as daemon,
        ):
            before = daemon.slowdown
            for _ in range(steps):
                journal.write(daemon.step())
            after = daemon.slowdown
        journal.close()
        transcript.say(f"{name}: slowdown against all-fast memory {before:.3f}, then {after:.3f}")

    return drive


def in_guest(transcript: Transcript, out: Path, guest: Guest) -> Drive:
    """Return what drives the guest's kernel by a bundle."""
    program = guest.put(compile_program(out))
    config = out / "daemon.yaml"
    config.write_text(EMULATED_PROCESSOR, encoding="utf-8")
    told = guest.put(config)

    def run(*words: str) -> str:
        done = guest.run(words, 1800.0)
        if done.status:
            sys.exit(done.stderr.strip() or done.stdout.strip())
        return done.stdout.strip()

    def start(*words: str) -> None:
        guest.start(["bash", "-c", f"(echo; sleep 3600) | {program} {' '.join(words)}"])

    def drive(name: str, bundle: Path, mode: Mode, steps: int) -> None:
        start("500", "0")
        start("300", "1", "0:100:3600")
        before, earlier = run("bash", "-c", COUNT), ""
        while before != earlier or not before.startswith("N"):  # until all is allocated
            time.sleep(5)
            before, earlier = run("bash", "-c", COUNT), before
        state = INSIDE / name
        words = ["daemon", guest.put(bundle), "--state-dir", str(state), "--steps", str(steps)]
        words += ["--config", told, *(["--shadow"] if mode is Mode.SHADOW else [])]
        run("python", "-m", "damosrl.cli", *words, "--quiet")
        after = run("bash", "-c", COUNT)
        transcript.shown(
            f"damosrl {' '.join(words)}   # in the guest",
            f"pages by node before: {before}\npages by node after:  {after}",
        )
        guest.collect(str(state / "journal"), out / name)
        run("bash", "-c", "pkill sleep; pkill accesses; true")
        time.sleep(2)

    return drive


def rollout(
    transcript: Transcript,
    out: Path,
    bundles: dict[str, Path],
    drive: Drive,
    steps: tuple[int, int],
) -> None:
    """Shadow first, then at the wheel, then the kernel's own loop; draw all three."""
    shadow_steps, active_steps = steps
    transcript.say("## At work")
    drive("shadow", bundles["policy"], Mode.SHADOW, shadow_steps)
    drive("policy", bundles["policy"], Mode.ACTIVE, active_steps)
    drive("consist", bundles["consist"], Mode.ACTIVE, active_steps)
    words = [word for name in ("policy", "consist", "shadow") for word in ("--journal", out / name)]
    transcript.damosrl("report", *words, "--features", FEATURES, "--out", out / "report")
    transcript.say((out / "report/journal.md").read_text(encoding="utf-8"))


def main() -> None:
    """Train, compare, export, roll out."""
    options = parser.parse_args()
    out = options.out
    out.mkdir(parents=True)
    transcript = Transcript(out)
    bundles = laboratory(transcript, out, options.trained, options.timesteps)
    steps = (options.shadow_steps, options.steps)
    if options.where == "emulated":
        rollout(transcript, out, bundles, emulated(transcript, out), steps)
        return
    with Guest.boot(Lab.default(), GuestMachine.preset("two-tier"), name="rollout") as guest:
        rollout(transcript, out, bundles, in_guest(transcript, out, guest), steps)


try:
    main()
except DamosrlError as error:
    sys.exit(f"error: {error}")
