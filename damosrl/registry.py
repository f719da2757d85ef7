"""Tuners, searches and learners by name: the way from configuration to code.

A choice of ``conf/agent`` names its class by ``_target_``. Only classes of the agents package and
of packages that register themselves under the entry point group ``damosrl.agents`` are built:
a configuration file cannot run arbitrary code.
"""

import inspect
from collections.abc import Mapping
from dataclasses import is_dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from damosrl.artifact import MANIFEST, SUFFIX, Artifact, PolicyTuner, load_artifact
from damosrl.config import choices, load_choice, load_yaml, typed
from damosrl.errors import ArtifactError, ConfigError, DamosrlError, UnknownNameError
from damosrl.learner import Learner
from damosrl.policy import ControllerPolicy
from damosrl.search import Search
from damosrl.tuner import Tuner

Named = str | Path | Mapping[str, Any]
"""A name, the path of an artifact or of a YAML, or a mapping with ``_target_``."""

Agent = Named | Artifact
"""What a tuner is made of: also an artifact in memory."""

GROUP = "agent"
ENTRY_POINT_GROUP = "damosrl.agents"
OWN_PACKAGE = "damosrl_agents"
HOW_TO_USE = {
    Tuner: "compare it",
    Search: "use `damosrl tune`",
    Learner: "use `damosrl train`, then give the artifact's path",
}


def agent_names() -> list[str]:
    """Return the names that can be asked for: choices of conf/agent and entry points."""
    return sorted({*choices(GROUP), *_entry_points()})


def make_tuner(agent: Agent, **overrides: Any) -> Tuner:
    """Build a tuner.

    Args:
        agent: A name, the path of an artifact (or of a run folder that holds one), the path of
            a YAML, a mapping with ``_target_``, or an artifact in memory.
        **overrides: Parameters to change.

    Raises:
        UnknownNameError: No such name or parameter; the nearest is named.
        ArtifactError: The artifact cannot be used.
        ConfigError: A parameter is wrong, or the name is no tuner.

    Example:
        >>> make_tuner("pi", free_target_percent=3.0).quota_loop
        <QuotaLoop.DIRECT: 'direct'>
    """
    if not isinstance(agent, Artifact):
        path = artifact_path(agent)
        if path is None:
            tuner: Tuner = _make(Tuner, agent, overrides)
            return tuner
        agent = load_artifact(path)
    if overrides:
        raise ConfigError("a trained policy has no parameters", got=", ".join(overrides))
    return artifact_tuner(agent)


def artifact_tuner(artifact: Artifact) -> Tuner:
    """Return a tuner that acts by an artifact's policy, of any kind.

    A controller is found by its name among the choices of conf/agent and the registered entry
    points only, so no bundle can name code of its own.

    Raises:
        ArtifactError: The controller is unknown here, takes other parameters, or runs on another
            quota loop than the bundle says.

    Example:
        >>> def decide(artifact: Artifact, observation: Any) -> Any:
        ...     tuner = artifact_tuner(artifact)
        ...     tuner.reset(artifact.spec, seed=0)
        ...     return tuner.act(observation)
    """
    policy = artifact.policy
    if not isinstance(policy, ControllerPolicy):
        return PolicyTuner(artifact)
    try:
        known = agent_names()
        if policy.name not in known:
            raise UnknownNameError("controller", policy.name[:60], known)
        tuner: Tuner = _make(Tuner, policy.name, policy.parameters)
    except DamosrlError as error:
        raise ArtifactError("the bundle's controller cannot be built", got=error) from error
    if tuner.quota_loop != artifact.deployment.quota_loop:
        raise ArtifactError(
            f"{policy.name} runs on another quota loop than the bundle says",
            got=artifact.deployment.quota_loop,
            allowed=tuner.quota_loop,
        )
    return tuner


def make_search(agent: Named, **overrides: Any) -> Search:
    """Build a search method; arguments and errors as of `make_tuner`, without artifacts."""
    search: Search = _make(Search, agent, overrides)
    return search


def make_learner(agent: Named, **overrides: Any) -> Learner:
    """Build a learning algorithm; arguments and errors as of `make_tuner`, without artifacts."""
    learner: Learner = _make(Learner, agent, overrides)
    return learner


def _make(kind: Any, agent: Named, overrides: Mapping[str, Any]) -> Any:
    target, values = _description(agent)
    name = (
        str(agent)
        if isinstance(agent, (str, Path))
        else getattr(target, "__qualname__", str(target))
    )
    built = _build(target, {**values, **overrides}, f"agent {name}")
    if isinstance(built, kind):
        return built
    uses = [how for protocol, how in HOW_TO_USE.items() if isinstance(built, protocol)]
    raise ConfigError(
        f"{name} is no {kind.__name__.lower()}",
        got=type(built).__name__,
        fix=uses[0] if uses else "see CONTRIBUTING.md for the protocols",
    )


def _description(agent: Named) -> tuple[Any, dict[str, Any]]:
    """Return the class or function to call and its arguments."""
    if isinstance(agent, Mapping):
        values = dict(agent)
    elif str(agent).endswith((".yaml", ".yml")):
        values = load_yaml(Path(agent))
    elif str(agent) in choices(GROUP):
        values = load_choice(GROUP, str(agent))
    elif str(agent) in _entry_points():
        return _entry_points()[str(agent)].load(), {}
    elif "/" in str(agent):
        raise ConfigError(
            f"{agent} holds no trained policy",
            allowed=f"a folder with {MANIFEST}, a {SUFFIX} file, or a run folder with artifact/",
            fix="check the path",
        )
    else:
        raise UnknownNameError("tuner", str(agent), agent_names())
    target = values.pop("_target_", None)
    if not isinstance(target, str):
        raise ConfigError(
            "an agent's configuration has no _target_",
            got=target,
            fix=f"name its class, such as _target_: {OWN_PACKAGE}.controllers.pi.PI",
        )
    return _import_target(target), values


def _import_target(target: str) -> Any:
    module_name, _, attribute = target.rpartition(".")
    allowed = {OWN_PACKAGE, *(point.module.split(".")[0] for point in _entry_points().values())}
    if module_name.split(".")[0] not in allowed:
        raise ConfigError(
            "_target_ lies outside the packages that may be used",
            got=target,
            allowed=", ".join(sorted(allowed)),
            fix=f"register the package under the entry point group {ENTRY_POINT_GROUP}",
        )
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "_target_ cannot be imported", got=target, fix=f"check it: {error}"
        ) from error
    if not callable(getattr(module, attribute, None)):
        names = [name for name, value in vars(module).items() if inspect.isclass(value)]
        raise UnknownNameError(f"class in {module_name}", attribute, names)
    return getattr(module, attribute)


def _build(target: Any, values: Mapping[str, Any], where: str) -> object:
    if isinstance(target, type) and is_dataclass(target):
        return typed(target, values, where)
    parameters = inspect.signature(target).parameters
    if not any(item.kind is inspect.Parameter.VAR_KEYWORD for item in parameters.values()):
        for name in values:
            if name not in parameters:
                raise UnknownNameError(f"key in {where}", name, parameters)
    try:
        built: object = target(**values)
    except TypeError as error:
        raise ConfigError(f"{where} is wrong", got=error) from error
    return built


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def artifact_path(agent: Named) -> Path | None:
    """Return the bundle that a path means, a folder or a file; None if it means none.

    Args:
        agent: A bundle's path, or that of a run folder that holds one in ``artifact/``.
    """
    if isinstance(agent, Mapping) or (isinstance(agent, str) and agent in agent_names()):
        return None
    path = Path(agent)
    if path.suffix == SUFFIX and path.is_file():
        return path
    for folder in (path, path / "artifact"):
        if (folder / MANIFEST).exists():
            return folder
    return None
