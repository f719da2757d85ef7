"""``python -m damosrl.experiment.fidelity.in_guest PROGRAM OUT SCENARIO ...``, in the guest."""

import sys
from pathlib import Path

from damosrl.experiment.fidelity.in_guest.hot_set import record_moves, record_tuning
from damosrl.experiment.fidelity.in_guest.migration import record_demotion, record_promotion
from damosrl.experiment.fidelity.in_guest.quota import record_free_memory, record_user_input
from damosrl.experiment.fidelity.in_guest.watermarks import record_switching

SCENARIOS = {
    "hot_set": record_moves,
    "user_input": record_user_input,
    "node_free": record_free_memory,
    "promotion": record_promotion,
    "demotion": record_demotion,
    "intervals": record_tuning,
    "watermarks": record_switching,
}


def main(program: str, out: str, *names: str) -> None:
    """Run scenarios; each writes its own files."""
    folder = Path(out)
    folder.mkdir(exist_ok=True)
    for name in names:
        SCENARIOS[name](Path(program), folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
