"""A policy that is a program: its name and its numbers, never its code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from damosrl.errors import ArtifactError


@dataclass(frozen=True, slots=True)
class ControllerPolicy:
    """A tuner of this package, or of one that registered itself, with its parameters.

    `damosrl.registry.artifact_tuner` builds it. Only names are resolved, so that a bundle cannot
    bring code along.

    Args:
        name: A choice of ``conf/agent`` or the name of an entry point; no path.
        parameters: What the choice is built with, plain data. Those left out keep the values of
            the choice, so give all: the choice may change, the policy should not.

    Raises:
        ArtifactError: A parameter is no plain data, or its name is reserved.

    Example:
        >>> ControllerPolicy("pi", {"free_target_percent": 3.0}).name
        'pi'
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if any(not isinstance(key, str) or key.startswith("_") for key in self.parameters):
            raise ArtifactError(
                "a controller's parameter has no usable name",
                got=", ".join(map(repr, self.parameters))[:80],
                allowed="names of parameters",
                fix="leave out _target_: the name says it",
            )
        try:
            json.dumps(dict(self.parameters), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ArtifactError(
                "a controller's parameters cannot be written as JSON",
                got=error,
                allowed="plain data",
            ) from error
