"""`--format bundle`: an artifact that has been held to the trained policy."""

from pathlib import Path

from damosrl.artifact import Artifact, assemble, save_artifact
from damosrl.experiment.export.reference import played
from damosrl.experiment.export.source import Source
from damosrl.export.new_file import require_new
from damosrl.export.parity import Actor, Parity
from damosrl.policy import ControllerPolicy


def export_bundle(source: Source, out: Path, command: str) -> list[str]:
    """Write an artifact, one file if the path ends in ``.damosrl``, else a folder.

    Args:
        source: The policy.
        out: Where to; must not exist.
        command: The command line, for the provenance.

    Returns:
        Lines that say what was written and how near it is.

    Raises:
        ParityError: The bundle acts otherwise; nothing is written.
        DamosrlError: It cannot be written.
    """
    require_new(out)
    parity = source.reference.parity(source.artifact, bundled(source.artifact)).require()
    artifact = _with_export(source, command, parity)
    save_artifact(
        out,
        artifact.policy,
        spec=artifact.spec,
        algorithm=artifact.algorithm,
        action_kind=artifact.action_kind,
        deployment=artifact.deployment,
        provenance=artifact.provenance,
    )
    return [str(parity), f"content hash: {artifact.content_sha256}"]


def bundled(artifact: Artifact) -> Actor:
    """Return what a bundle does once it has been written and read."""
    if isinstance(artifact.policy, ControllerPolicy):
        return played(artifact, artifact.spec)
    return artifact.policy.act


def _with_export(source: Source, command: str, parity: Parity) -> Artifact:
    """Return the artifact; its provenance says how it was exported."""
    artifact = source.artifact
    exported = {
        "command": command,
        "parity": {
            "with": parity.reference,
            "observations": parity.observations,
            "largest_difference_normalised": parity.largest,
        },
    }
    return assemble(
        artifact.policy,
        spec=artifact.spec,
        algorithm=artifact.algorithm,
        action_kind=artifact.action_kind,
        deployment=artifact.deployment,
        provenance={**artifact.provenance, "exported": exported},
    )
