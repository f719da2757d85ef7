"""A scenario in a real guest, and what a guest must not be asked to import."""

import subprocess
import sys
from pathlib import Path

import pytest

from damosrl.experiment.fidelity.in_guest import SCENARIOS
from damosrl.experiment.fidelity.measure import IN_GUEST, MODULE, compile_program
from damosrl.experiment.fidelity.study import user_input_quotas
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.machine import GuestMachine


def test_the_guests_side_needs_no_compiler() -> None:
    """Neither numba nor matplotlib is imported there: either takes too long when emulated."""
    slow = "{'numba', 'matplotlib'} & {*sys.modules}"
    words = f"import {MODULE}.__main__, sys; sys.exit(bool({slow}))"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_every_scenario_has_published_data(guest_data: Path) -> None:
    """Each scenario's files are there, and nothing of another origin but the guest's name."""
    found = {path.name.partition(".")[0] for path in guest_data.iterdir()}
    assert found == {*SCENARIOS, "guest"}
    assert sum(path.stat().st_size for path in guest_data.iterdir()) < 1_000_000


@pytest.mark.vm
def test_quotas_of_a_guest_are_the_engines(tmp_path: Path) -> None:
    """A fresh run gives quotas that the engine gives too, however the guest's time stretches."""
    machine = GuestMachine.preset("two-tier")
    with Guest.boot(Lab.default(), machine, name="test-fidelity") as guest:
        program = guest.put(compile_program(tmp_path))
        done = guest.run(["python", "-m", MODULE, program, IN_GUEST, "user_input"], 300.0)
        assert done.status == 0, done.stderr
        data = guest.collect(IN_GUEST, tmp_path)
    result = user_input_quotas(data)
    assert result.meets
    assert len(result.guest) > 40
