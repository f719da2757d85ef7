"""The schemas of ``manifest.json``: version 2, which is written, and version 1, which is read."""

from typing import Annotated, Any

import msgspec

from damosrl.artifact.bundle import ActionKind
from damosrl.artifact.deployment import Deployment
from damosrl.artifact.layout import MAX_LAYERS
from damosrl.knobs import Quantity
from damosrl.policy import ActivationName, OutputMap

Activations = Annotated[
    tuple[ActivationName, ...], msgspec.Meta(min_length=1, max_length=MAX_LAYERS)
]


class NetworkPart(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="network"
):
    """A `PolicyNetwork` without its arrays."""

    activations: Activations
    output: OutputMap
    choices: tuple[int, ...]
    normaliser_limit: float | None


class TreePart(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="tree"
):
    """A `PolicyTree` without its arrays."""

    observation_size: int


class ControllerPart(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="controller"
):
    """A `ControllerPolicy`; it has no arrays."""

    name: str
    parameters: dict[str, Any]


PolicyPart = NetworkPart | TreePart | ControllerPart


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Version 2, without its leading keys ``format`` and ``version``.

    ``content_sha256`` covers all other keys, and through ``weights_sha256`` the weights.
    """

    task: str
    decision_interval_s: float
    observation: tuple[Quantity, ...]
    knobs: tuple[Quantity, ...]
    action_kind: ActionKind
    algorithm: str
    policy: PolicyPart
    deployment: Deployment
    provenance: dict[str, Any]
    weights_sha256: str
    content_sha256: str


class NetworkOfVersion1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The only kind of policy that version 1 knew."""

    activations: Activations
    output: OutputMap
    choices: tuple[int, ...]
    normaliser_limit: float | None


class ManifestOfVersion1(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Version 1; its ``limits`` are the choice of conf/safety that was in force."""

    task: str
    decision_interval_s: float
    observation: tuple[Quantity, ...]
    knobs: tuple[Quantity, ...]
    action_kind: ActionKind
    network: NetworkOfVersion1
    algorithm: str
    limits: dict[str, Any]
    provenance: dict[str, Any]
    weights_sha256: str
    manifest_sha256: str

    def as_version_2(self) -> Manifest:
        """Return the same in version 2; what version 1 did not say stays at its default."""
        return Manifest(
            task=self.task,
            decision_interval_s=self.decision_interval_s,
            observation=self.observation,
            knobs=self.knobs,
            action_kind=self.action_kind,
            algorithm=self.algorithm,
            policy=NetworkPart(**msgspec.structs.asdict(self.network)),
            deployment=Deployment(safety=self.limits),
            provenance=self.provenance,
            weights_sha256=self.weights_sha256,
            content_sha256=self.manifest_sha256,
        )
