"""A policy bundle in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from damosrl.artifact.deployment import Deployment
from damosrl.artifact.fit import spec_differences
from damosrl.artifact.signature import Signature
from damosrl.policy import AnyPolicy
from damosrl.task import TaskSpec

ActionKind = Literal["absolute", "relative", "discrete"]


@dataclass(frozen=True)
class Artifact:
    """A policy and all that is needed to run it. `damosrl.registry.artifact_tuner` makes it act.

    Args:
        spec: The task it was trained for: features and knobs with units and ranges.
        policy: A network, a tree, or the name of a controller with its parameters.
        algorithm: What made it, such as ``PPO``.
        action_kind: What its actions mean to the environment.
        deployment: The conditions it was trained under.
        provenance: Where it comes from: command, configuration, versions, seeds, scores.
        content_sha256: Digest over all of the above, 64 hexadecimal digits.
        schema_version: Of the bundle it was read from.
        signature: Who vouches for the hash; only `damosrl.artifact.signing.verify` tells whether
            that is true. None if it is not signed.

    Example:
        >>> def problems(artifact: Artifact, offered: TaskSpec) -> list[str]:
        ...     return artifact.missing_from(offered)
    """

    spec: TaskSpec
    policy: AnyPolicy
    algorithm: str
    action_kind: ActionKind
    deployment: Deployment
    provenance: Mapping[str, Any]
    content_sha256: str
    schema_version: int
    signature: Signature | None = None

    def missing_from(self, offered: TaskSpec) -> list[str]:
        """Return all that an offered task lacks or has otherwise than the one trained for.

        One line each; empty if the policy can be used.
        """
        return spec_differences(self.spec, offered)
