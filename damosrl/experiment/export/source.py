"""What is exported: a policy, the conditions it was trained under, and what it is held to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from damosrl.artifact import MANIFEST, SUFFIX, Artifact, Deployment, assemble, load_artifact
from damosrl.config import choices, load_choice, load_yaml, typed
from damosrl.errors import ConfigError, ExportError, RunFolderError, UnknownNameError
from damosrl.experiment.compose import compose
from damosrl.experiment.export.reference import Reference, own_reference, trained_reference
from damosrl.experiment.folder import COMMAND, CONFIG
from damosrl.experiment.provenance import versions
from damosrl.experiment.rollout import make_environments
from damosrl.experiment.settings import (
    SUMMARY,
    CompareSettings,
    TrainSettings,
    TuneSettings,
    WorkloadSpec,
    World,
    world_of,
)
from damosrl.experiment.train import ARTIFACT, CHECKPOINTS
from damosrl.experiment.tune import BEST_FILE
from damosrl.policy import ControllerPolicy
from damosrl.registry import GROUP, agent_names, make_tuner

TARGET = "_target_"


@dataclass(frozen=True)
class Source:
    """A policy to export.

    Args:
        label: What it is called in messages.
        artifact: The policy as a bundle in memory, whatever it came from.
        reference: What every export of it is compared with.
        world: Machine, task, reward, safety and monitor of its training.
        workload: What it was trained on; the default training mix if nothing is known.
    """

    label: str
    artifact: Artifact
    reference: Reference
    world: World
    workload: WorkloadSpec


def read_source(text: str, task: str | None = None) -> Source:
    """Find what a word of the command line means.

    Args:
        text: The folder of a train or tune run, an artifact (folder or file), a tuner's name in
            conf/agent, or the path of such a YAML.
        task: Choice of conf/task or path of a YAML, for a tuner that comes alone.

    Raises:
        RunFolderError: There is nothing, or a run without a policy.
        UnknownNameError: No such tuner; the nearest is named.
        DamosrlError: What is there cannot be used.

    Example:
        >>> read_source("pi").artifact.policy.name  # doctest: +SKIP
        'pi'
    """
    path = Path(text)
    if text in agent_names():
        parameters = load_choice(GROUP, text) if text in choices(GROUP) else {}
        return _alone(text, parameters, task)
    if text.endswith((".yaml", ".yml")):
        return _alone(text, load_yaml(path), task)
    if task is not None:
        raise ConfigError(
            "a trained policy keeps its task", got=f"--task {task}", fix="leave --task out"
        )
    if (path / CONFIG).is_file():
        return _run(path)
    if (path / MANIFEST).is_file() or (path.is_file() and text.endswith(SUFFIX)):
        return _artifact(path)
    if "/" in text or path.exists():
        raise RunFolderError(
            "there is nothing to export",
            got=path,
            allowed=f"a run folder of train or tune, a folder with {MANIFEST}, a {SUFFIX} file, "
            "or a tuner's name",
            fix="check the path",
        )
    raise UnknownNameError("tuner, run or artifact", text, agent_names())


def _run(path: Path) -> Source:
    if (path / ARTIFACT / MANIFEST).is_file():
        return _train_run(path)
    if (path / BEST_FILE).is_file():
        settings = typed(TuneSettings, load_yaml(path / CONFIG), str(path / CONFIG))
        best = load_yaml(path / BEST_FILE)
        told = {"command": _command(path), "search": _summary(path).get("best")}
        return _controller(str(path), best, world_of(settings), settings.workload, told)
    raise RunFolderError(
        "the run holds no policy",
        got=path,
        allowed=f"a train run with {ARTIFACT}/, or a tune run with {BEST_FILE}",
        fix="an interrupted run is finished by resume=DIR; a comparison has no policy of its own",
    )


def _train_run(path: Path) -> Source:
    settings = typed(TrainSettings, load_yaml(path / CONFIG), str(path / CONFIG))
    artifact = load_artifact(path / ARTIFACT)
    reference = trained_reference(artifact, settings.agent, path / CHECKPOINTS)
    return Source(str(path), artifact, reference, world_of(settings), settings.workload)


def _artifact(path: Path) -> Source:
    artifact = load_artifact(path)
    usual, deployment, provenance = _usual(), artifact.deployment, artifact.provenance
    default = world_of(usual)
    told = provenance.get("config", provenance)
    world = World(
        machine=told.get("machine") or default.machine,
        task=deployment.task_settings or default.task,
        reward=told.get("reward") or default.reward,
        safety=deployment.safety or default.safety,
        monitor=default.monitor,
    )
    workload = told.get("workload") or usual.train_workload
    return Source(str(path), artifact, own_reference(artifact), world, workload)


def _alone(label: str, values: Mapping[str, Any], task: str | None) -> Source:
    """Wrap a tuner that comes from no run, in the world that its task usually has."""
    usual = _usual(task)
    return _controller(label, values, world_of(usual), usual.train_workload, {})


def _controller(
    label: str,
    values: Mapping[str, Any],
    world: World,
    workload: WorkloadSpec,
    told: Mapping[str, Any],
) -> Source:
    """Wrap a tuner of conf/agent; its parameters are all written down."""
    agent = label if label in agent_names() else dict(values)
    tuner = make_tuner(agent)
    if tuner.sees_ground_truth:
        raise ExportError(
            f"{label} cannot be deployed",
            got="it sees the machine's true access rates, which no kernel tells",
            fix="choose another tuner",
        )
    name = label if label in agent_names() else _choice_of(str(values.get(TARGET)))
    parameters = {**load_choice(GROUP, name), **values} if name in choices(GROUP) else {}
    parameters.pop(TARGET, None)
    env: Any = make_environments(world, 1, workload, steps=1).unwrapped
    artifact = assemble(
        ControllerPolicy(name, parameters),
        spec=env.task_spec,
        algorithm=name,
        deployment=Deployment(
            task_settings=dict(world.task), safety=dict(world.safety), quota_loop=tuner.quota_loop
        ),
        provenance={
            "versions": versions(),
            "machine": dict(world.machine),
            "workload": workload,
            "reward": dict(world.reward),
            **told,
        },
    )
    return Source(label, artifact, own_reference(artifact, agent), world, workload)


def _choice_of(target: str) -> str:
    """Return the choice of conf/agent that builds a class; of several the one of its name."""
    fitting = [name for name in choices(GROUP) if load_choice(GROUP, name).get(TARGET) == target]
    if fitting:
        own_name = target.rpartition(".")[2].lower()
        return own_name if own_name in fitting else fitting[0]
    raise ConfigError(
        "a bundle names a tuner by its choice in conf/agent, and none builds this class",
        got=target,
        fix="add conf/agent/NAME.yaml with this _target_, and export NAME",
    )


def _usual(task: str | None = None) -> CompareSettings:
    """Return what a comparison takes where nothing else is asked for."""
    words = [] if task is None else [f"task={task}"]
    return typed(CompareSettings, compose("compare", words), "compare")


def _summary(path: Path) -> dict[str, Any]:
    """Return summary.json; nothing if the run ended before it was measured."""
    return load_yaml(path / SUMMARY) if (path / SUMMARY).is_file() else {}


def _command(path: Path) -> str:
    return (path / COMMAND).read_text("utf-8").strip() if (path / COMMAND).is_file() else ""
