"""The daemon does not know its task: proactive reclaim is driven by the same code."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from damosrl.artifact import Deployment, save_artifact
from damosrl.config import load_choice
from damosrl.daemon.decision import Mode
from damosrl.emulator.presets import machine_config
from damosrl.emulator.workload.source import workload_source
from damosrl.kernel_tasks import task_factory
from damosrl.policy import ControllerPolicy
from damosrl.safety import safety_config
from damosrl.testing.emulated_daemon import emulated_daemon

TASK_KEYS = {"name", "env", "usual"}
"""Of a choice of conf/task; the rest is the task's own."""


def test_idle_memory_is_paged_out_by_a_rule_in_a_bundle(tmp_path: Path) -> None:
    """What was idle for half a minute leaves memory, within the limits that the bundle carries."""
    choice = load_choice("task", "reclaim")
    settings = {key: value for key, value in choice.items() if key not in TASK_KEYS}
    spec = task_factory("reclaim-v0")(settings, 1).spec
    deployment = Deployment(task_settings=settings, safety=asdict(safety_config("reclaim")))
    bundle = save_artifact(
        tmp_path / "cold.damosrl",
        ControllerPolicy("cold_age"),
        spec=spec,
        algorithm="controller",
        deployment=deployment,
    )
    workload = workload_source("idle_half").draw(np.random.default_rng(1))
    config = machine_config("ample_zram")
    with emulated_daemon(bundle, config, workload, seed=1, state_dir=tmp_path / "state") as daemon:
        free = [daemon.step() for _ in range(20)]
    assert {decision.mode for decision in free} == {Mode.ACTIVE}
    first, last = free[0].features["free"], free[-1].features["free"]
    assert first is not None
    assert last is not None
    assert last > first + 5.0
