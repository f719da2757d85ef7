"""``python -m damosrl.experiment.fidelity.in_guest PROGRAM OUT SCENARIO``, in the guest."""

import sys
from pathlib import Path

from damosrl.experiment.fidelity.in_guest import SCENARIOS
from damosrl.experiment.fidelity.in_guest.hot_set import record_moves, record_tuning
from damosrl.experiment.fidelity.in_guest.migration import record_demotion, record_promotion
from damosrl.experiment.fidelity.in_guest.quota import record_free_memory, record_user_input
from damosrl.experiment.fidelity.in_guest.watermarks import record_switching

RECORDERS = (
    record_moves,
    record_user_input,
    record_free_memory,
    record_promotion,
    record_demotion,
    record_tuning,
    record_switching,
)


def main(program: str, out: str, name: str) -> None:
    """Run one scenario, which writes its files."""
    folder = Path(out)
    folder.mkdir(exist_ok=True)
    dict(zip(SCENARIOS, RECORDERS, strict=True))[name](Path(program), folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
