"""`damosrl fidelity`: measure in a guest if asked for, compare, draw."""

import sys
from argparse import Namespace
from pathlib import Path

from damosrl.errors import ConfigError
from damosrl.experiment.fidelity.figures import draw
from damosrl.experiment.fidelity.measure import measure
from damosrl.experiment.fidelity.publish import write_numbers
from damosrl.experiment.fidelity.study import run_study
from damosrl.vm.lab import Lab

LEAST_SEEDS = 3


def run(given: Namespace) -> int:
    """Run `damosrl fidelity`.

    Raises:
        ConfigError: There are too few seeds, or no data and none is to be measured.
        VmError: The guest cannot be had, or a scenario failed there.
        RecordingError: The data is damaged.
    """
    out = Path(given.out)
    data = Path(given.guest_data) if given.guest_data else out / "guest"
    if given.seeds < LEAST_SEEDS:
        raise ConfigError("too few seeds", got=given.seeds, allowed=f">= {LEAST_SEEDS}")
    if not given.measure and not data.is_dir():
        raise ConfigError("there is no guest's data", got=data, fix="add --measure")
    if given.measure:
        lab = Lab(Path(given.lab).expanduser().resolve()) if given.lab else Lab.default()
        measure(lab, given.name, data, _say)
    study = run_study(data, range(1, given.seeds + 1), _say)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    write_numbers(study, data, out)
    for drawing in draw(study):
        (out / "figures" / f"{drawing.name}.png").write_bytes(drawing.png)
    print(out / "fidelity.json")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
