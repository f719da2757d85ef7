"""damo 3.4.3 on our recording, in a guest: its command line writes to DAMON even when it asks.

It is test-only: DAMO_PYTHON names a Python that has it, if this one has not.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from damosrl.experiment.fidelity.measure import compile_program
from damosrl.vm.channel import IN_GUEST
from damosrl.vm.guest import Guest

pytestmark = pytest.mark.vm

WHERE = """
import importlib.metadata, importlib.util
found = importlib.util.find_spec("damo")
if found and importlib.metadata.version("damo") == "3.4.3":
    print(found.submodule_search_locations[0])
"""
DAMO = "import sys; sys.path.insert(0, sys.argv.pop(1)); from damo.damo import main; main()"
RECORD = ("python", "-m", "damosrl.cli", "record", "--state-dir", "/tmp/state-damo")  # noqa: S108
OUT = "/tmp/damo.damon"  # noqa: S108  the guest's own /tmp
ROWS, COLUMNS = 6, 40


@pytest.fixture
def damo(two_tier: Guest) -> str:
    """Return the folder of damo's package in the guest."""
    python = os.environ.get("DAMO_PYTHON", sys.executable)
    found = subprocess.run([python, "-c", WHERE], check=True, capture_output=True, text=True)
    if not found.stdout.strip():
        pytest.skip("damo 3.4.3 is not installed; DAMO_PYTHON may name a Python that has it")
    shutil.copytree(
        found.stdout.strip(), two_tier.folder / "exchange/damo-3.4.3/damo", dirs_exist_ok=True
    )
    return f"{IN_GUEST}/damo-3.4.3"


def test_damo_draws_a_heatmap_of_our_recording(two_tier: Guest, damo: str, tmp_path: Path) -> None:
    """As many rows and columns as asked for, with hot places, over the time that was recorded."""
    program = [two_tier.put(compile_program(tmp_path)), "-n", "64", "-1", "0:16:1000"]
    recorded = two_tier.run([*RECORD, "--seconds", "8", "--out", OUT, "--", *program], 200.0)
    assert recorded.status == 0, recorded.stderr
    words = ("report", "heatmap", "--input", OUT, "--resol", str(ROWS), str(COLUMNS))
    drawn = two_tier.run(["python", "-c", DAMO, damo, *words], 200.0)
    assert drawn.status == 0, drawn.stderr
    lines = re.sub(r"\x1b\[[0-9;]*m", "", drawn.stdout).splitlines()
    rows = [line for line in lines if re.fullmatch(rf"\d{{{COLUMNS}}}", line)]
    assert len(rows) == ROWS
    assert any(int(row) for row in rows)
    seconds = re.search(r"y-axis: time .*\(([\d.]+) s\)", drawn.stdout)
    assert seconds is not None
    assert 5.0 <= float(seconds[1]) <= 12.0
