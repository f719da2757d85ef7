"""What does not fit together is refused before anything is written, with all that is missing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from damosrl.artifact import Deployment, assemble, save_artifact
from damosrl.daemon.setting_up import Bundle, notes_on, same_monitoring
from damosrl.daemon.settings import DaemonSettings
from damosrl.errors import ArtifactError, UnknownNameError
from damosrl.knobs import Quantity, QuantitySet
from damosrl.policy import ControllerPolicy
from damosrl.task import TaskSpec
from damosrl.testing.sample_policies import sample_network
from damosrl_tasks.tiering.task import kernel_task
from tests.daemon.rig import tiering_artifact

SPEC = kernel_task({}, 2).spec


def bundle(path: Path, nodes: int = 2) -> Bundle:
    """Return a bundle as the daemon is given it."""
    return Bundle(path, None, DaemonSettings(), None, nodes)


def saved(folder: Path, spec: TaskSpec = SPEC, **task_settings: float) -> Path:
    """Save a random network for a task."""
    policy = sample_network(np.random.default_rng(1), spec, normalised=False)
    deployment = Deployment(task_settings=dict(task_settings))
    name = f"{len(list(folder.iterdir()))}.damosrl"
    return save_artifact(
        folder / name, policy, spec=spec, algorithm="random", deployment=deployment
    )


def test_all_that_a_machine_cannot_offer_is_listed(tmp_path: Path) -> None:
    """All that a machine cannot offer is listed."""
    extra = Quantity("numa_faults", "1/s", 0.0, 1.0, "Something this kernel does not tell.")
    knobs = list(SPEC.knobs.items)
    knobs[2] = replace(knobs[2], high=80.0)
    spec = TaskSpec(
        SPEC.task,
        QuantitySet((*SPEC.observation.items, extra)),
        QuantitySet(tuple(knobs)),
        5.0,
    )
    with pytest.raises(ArtifactError) as refusal:
        bundle(saved(tmp_path, spec)).pilot()
    for word in ("numa_faults", "hot_threshold", "decision interval"):
        assert word in str(refusal.value)


def test_a_task_that_nobody_has_is_named_with_the_nearest(tmp_path: Path) -> None:
    """A task that nobody has is named with the nearest."""
    spec = replace(SPEC, task="tiering-v9")
    with pytest.raises(UnknownNameError, match="tiering-v0"):
        bundle(saved(tmp_path, spec)).pilot()


def test_a_history_of_frames_fits_and_is_shown_newest_first(tmp_path: Path) -> None:
    """A history of frames fits and is shown newest first."""
    spec = replace(SPEC, observation=SPEC.observation.framed(3))
    policy = sample_network(np.random.default_rng(1), spec, normalised=False)
    path = save_artifact(
        tmp_path / "x", policy, spec=spec, algorithm="random", deployment=Deployment(frames=3)
    )
    assert len(bundle(path).pilot().artifact.spec.observation) == 3 * len(SPEC.observation)


def test_only_a_trained_policy_is_told_to_lack_a_training_range() -> None:
    """A controller has met nothing that it could be beyond, so nothing is said to be missing."""
    controller = tiering_artifact()
    network = assemble(
        sample_network(np.random.default_rng(1), SPEC, normalised=False),
        spec=SPEC,
        algorithm="random",
        deployment=controller.deployment,
    )
    assert not [note for note in notes_on(controller) if "training range" in note]
    assert [note for note in notes_on(network) if "training range" in note]


def test_a_run_folder_will_do(tmp_path: Path) -> None:
    """A run folder will do."""
    policy = sample_network(np.random.default_rng(1), SPEC, normalised=False)
    save_artifact(tmp_path / "run/artifact", policy, spec=SPEC, algorithm="random")
    assert bundle(tmp_path / "run").pilot().artifact.algorithm == "random"


def test_a_reload_cannot_change_the_monitoring(tmp_path: Path) -> None:
    """A reload cannot change the monitoring."""
    old, same = (bundle(saved(tmp_path)).pilot() for _ in range(2))
    same_monitoring(old, same)
    other = bundle(saved(tmp_path, hysteresis_ratio=0.25)).pilot()
    with pytest.raises(ArtifactError, match="restart the daemon"):
        same_monitoring(old, other)


def test_a_controller_needs_only_what_it_reads(tmp_path: Path) -> None:
    """A controller needs only what it reads."""
    path = save_artifact(tmp_path / "pi", ControllerPolicy("pi"), spec=SPEC, algorithm="pi")
    assert bundle(path).pilot().needs == {"nodes"}
    assert bundle(saved(tmp_path)).pilot().needs > {"nodes", "snapshot", "pressure"}
