"""SIGKILL at any moment leaves a complete configuration within the limits, or none."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.served import INTERVAL_S, served_kernel


def killed(folder: Path, kills: int) -> list[dict[str, Any]]:
    """Return what a fake kernel held after each kill, and how the last daemon ended."""
    with served_kernel(folder) as kernel:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.daemon.kills", "--bundle", str(kernel.bundle)),
                *("--kills", str(kills), "--seed", "2026", "--state-dir", str(kernel.state_dir)),
                *("--sysfs-root", str(folder / "kernel/sys")),
                *("--procfs-root", str(folder / "kernel/proc")),
                *("--config", str(kernel.config)),
                *("--reset-s", str(INTERVAL_S), "--latest-s", "1.0", "--settle-s", "0.2"),
            ],
            capture_output=True,
            text=True,
            timeout=60.0 + 30.0 * kills,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(found: list[dict[str, Any]], kills: int) -> None:
    """See that all kills left something sound, most of them something that runs."""
    *held, end = found
    assert len(held) == kills
    assert [told for told in held if told["faults"]] == []
    assert sum(len(told["running"]) == 2 for told in held) >= kills // 2
    assert end == {"end": 0, "restored": True}


def test_after_a_few_kills_everything_is_sound_and_restored(tmp_path: Path) -> None:
    """After a few kills everything is sound and restored."""
    check(killed(tmp_path, 6), 6)


@pytest.mark.slow
def test_after_200_kills_everything_is_sound_and_restored(tmp_path: Path) -> None:
    """After 200 kills everything is sound and restored."""
    check(killed(tmp_path, 200), 200)
