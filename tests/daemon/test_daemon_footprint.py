"""What the daemon loads, and how much memory it takes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from damosrl.artifact import Deployment, save_artifact
from damosrl.testing.sample_policies import sample_network, sample_tree
from damosrl_tasks.tiering.task import kernel_task
from tests.daemon.served import write_bundle

SCRIPT = """
import json, sys
from pathlib import Path
import damosrl.daemon.command
from damosrl.daemon.setting_up import Bundle
from damosrl.daemon.settings import DaemonSettings
pilot = Bundle(Path(sys.argv[1]), None, DaemonSettings(), None, 2).pilot()
status = Path("/proc/self/status").read_text()
peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
print(json.dumps({"modules": sorted(sys.modules), "peak_kib": int(peak.split()[1])}))
"""
FORBIDDEN = {
    *("torch", "numba", "llvmlite", "hydra", "omegaconf", "gymnasium", "stable_baselines3"),
    *("matplotlib", "optuna", "scipy", "sklearn", "onnx", "rich", "plotly", "prometheus_client"),
    *("damosrl.emulator", "damosrl.experiment", "damosrl_envs"),
}


@pytest.mark.parametrize("kind", ["controller", "network", "tree"])
def test_a_daemon_needs_numpy_and_little_memory(tmp_path: Path, kind: str) -> None:
    """No learning, compiling or configuring library is loaded, and memory stays below 80 MiB."""
    bundle, spec = tmp_path / "x.damosrl", kernel_task({}, 2).spec
    rng = np.random.default_rng(1)
    if kind == "controller":
        write_bundle(bundle)
    else:
        policy = (
            sample_tree(rng, spec, splits=200)
            if kind == "tree"
            else sample_network(rng, spec, hidden=64, normalised=True)
        )
        save_artifact(bundle, policy, spec=spec, algorithm=kind, deployment=Deployment())
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(bundle)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert not FORBIDDEN & set(found["modules"])
    assert found["peak_kib"] < 80 * 1024
