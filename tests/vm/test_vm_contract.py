"""A real kernel keeps the machine contract, as emulated machines do."""

from pathlib import Path

import pytest

from damosrl.experiment.fidelity.measure import compile_program
from damosrl.testing.machine_contract import CLAUSES
from damosrl.vm.guest import Guest

pytestmark = pytest.mark.vm


def test_a_real_kernel_keeps_the_contract(two_tier: Guest, tmp_path: Path) -> None:
    """Every clause, on kernel 7.3 with two tiers, memory moving."""
    program = two_tier.put(compile_program(tmp_path))
    words = ["python", "-m", "tests.vm.programs.contract", str(program)]
    done = two_tier.run(words, 900.0)
    assert done.status == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.split() == [clause.__name__ for clause in CLAUSES]
