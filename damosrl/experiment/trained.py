"""What training leaves behind: a policy, the conditions it is made for, and what it is worth."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml

from damosrl.artifact import (
    Artifact,
    Deployment,
    ObservedRange,
    PolicyTuner,
    assemble,
    save_artifact,
)
from damosrl.experiment.folder import COMMAND, OVERRIDES, RunFolder
from damosrl.experiment.provenance import versions
from damosrl.experiment.rollout import make_environments
from damosrl.experiment.settings import TrainSettings, kept, world_of
from damosrl.policy import PolicyNetwork
from damosrl.task import TaskSpec


def trained_artifact(
    settings: TrainSettings, algorithm: str, network: PolicyNetwork, spec: TaskSpec
) -> Artifact:
    """Return a policy fresh from training, before anything is known about it.

    Args:
        settings: Of the training run.
        algorithm: What trained it.
        network: The policy.
        spec: The task it was trained for.
    """
    return assemble(
        network,
        spec=spec,
        algorithm=algorithm,
        action_kind=settings.task.get("action", "absolute"),
        deployment=Deployment(task_settings=settings.task, safety=settings.safety),
    )


def keep_artifact(
    path: Path, artifact: Artifact, settings: TrainSettings, summary: dict[str, Any]
) -> None:
    """Write the bundle of a training run, with what the policy met and how it was scored.

    Args:
        path: Where to, in the run's folder.
        artifact: The policy fresh from training.
        settings: Of the training run.
        summary: Of its evaluation.

    Raises:
        ArtifactError: It cannot be written.
    """
    observed = observed_range(artifact, settings)
    save_artifact(
        path,
        artifact.policy,
        spec=artifact.spec,
        algorithm=artifact.algorithm,
        action_kind=artifact.action_kind,
        deployment=msgspec.structs.replace(artifact.deployment, observed=observed),
        provenance=_provenance(RunFolder(path.parent), settings, summary),
    )


def observed_range(artifact: Artifact, settings: TrainSettings) -> ObservedRange:
    """Let a policy drive the training machines for one episode; return what it meets.

    That is what a daemon compares with: the policy itself at the wheel, not its exploration.

    Args:
        artifact: The policy.
        settings: Of the training run: machines, workload, length of an episode, seed.
    """
    env: Any = make_environments(
        world_of(settings),
        settings.num_envs,
        settings.workload,
        steps=settings.steps,
        quota_loop=artifact.deployment.quota_loop,
        action="absolute",
        autoreset="disabled",
    ).unwrapped
    tuner = PolicyTuner(artifact)
    tuner.reset(env.task_spec, settings.seed)
    observation, _ = env.reset(seed=settings.seed)
    seen = [observation]
    for _ in range(settings.steps):
        observation, *_ = env.step(tuner.act(observation))
        seen.append(observation)
    env.close()
    return ObservedRange.of(np.concatenate(seen))


def _provenance(
    folder: RunFolder, settings: TrainSettings, summary: dict[str, Any]
) -> dict[str, Any]:
    evaluation = settings.evaluation
    return {
        "command": folder.file(COMMAND).read_text("utf-8").strip(),
        "overrides": yaml.safe_load(folder.file(OVERRIDES).read_text("utf-8")),
        "config": kept(settings),
        "versions": versions(),
        "seeds": {
            "training": settings.seed,
            "evaluation": [evaluation.seed_base, evaluation.seed_base + evaluation.seeds - 1],
        },
        "workloads": list(summary["workloads"]),
        "scores": summary["scores"],
        "score_rule": summary["notes"]["score"],
    }
