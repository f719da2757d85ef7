"""`--format tree`: rules that people read, and the bundle that follows them."""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from msgspec import structs

from damosrl.artifact import Artifact, ObservedRange, save_artifact
from damosrl.errors import ExportError
from damosrl.experiment.export.distil import (
    ROUNDS,
    SEEDS_APART,
    Distilled,
    distil,
    tree_artifact,
)
from damosrl.experiment.export.meeting import Plays
from damosrl.experiment.export.score_loss import ScoreLoss, score_loss
from damosrl.experiment.export.source import Source
from damosrl.export.new_file import require_new
from damosrl.export.tree_fit import TreeSize
from damosrl.export.tree_rules import depth_of, leaves_of, rules
from damosrl.policy import PolicyNetwork

RULES, BUNDLE = "rules.md", "tree.damosrl"


def export_tree(source: Source, out: Path, plays: Plays, size: TreeSize, command: str) -> list[str]:
    """Distil a policy into a tree; write a folder with its rules and its bundle.

    Args:
        source: The policy; a network.
        out: The folder; must not exist.
        plays: Episodes of each round.
        size: Bounds of the tree.
        command: The command line, for the provenance.

    Returns:
        Lines that say how well the tree agrees, and what it costs.

    Raises:
        ExportError: The policy is no network, scikit-learn is missing, or the path exists.
        DamosrlError: A workload cannot be used.
    """
    require_new(out)
    network = source.artifact.policy
    if not isinstance(network, PolicyNetwork):
        raise ExportError(
            "only a network is distilled into a tree",
            got=type(network).__name__,
            fix="use --format bundle, which takes every policy",
        )
    found = distil(source.artifact, network, plays, size)
    student = tree_artifact(source.artifact, found.tree)
    apart = replace(plays, seed_base=plays.seed_base + (ROUNDS + 1) * SEEDS_APART)
    loss = score_loss(source.artifact, student, apart, source.workload)
    lines = _lines(found, loss, source)
    _write(out, source, student, found, loss, lines, command)
    return lines


def _lines(found: Distilled, loss: ScoreLoss, source: Source) -> list[str]:
    tree = found.tree
    head = (
        f"tree of {source.label}: depth {depth_of(tree)}, {leaves_of(tree)} leaves, taught on "
        f"{len(found.observations):,} observations in {ROUNDS} rounds"
    )
    return [
        head,
        "held out, met by the policy: " + found.on_policy.lines()[0],
        *found.on_policy.lines()[1:],
        "held out, met by the tree: " + found.on_tree.lines()[0],
        *found.on_tree.lines()[1:],
        loss.line(),
    ]


def _write(
    out: Path,
    source: Source,
    student: Artifact,
    found: Distilled,
    loss: ScoreLoss,
    lines: list[str],
    command: str,
) -> None:
    """Write the folder beside its place and rename it there."""
    told = {
        "command": command,
        "distilled_from": source.artifact.content_sha256,
        "rounds": ROUNDS,
        "observations": len(found.observations),
        "agreement_on_policy_episodes": found.on_policy.plain(),
        "agreement_on_tree_episodes": found.on_tree.plain(),
        **loss.plain(),
    }
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    except OSError as error:
        raise ExportError(
            f"cannot write {out}", got=error.strerror, fix="give --out elsewhere"
        ) from error
    try:
        save_artifact(
            partial / BUNDLE,
            student.policy,
            spec=student.spec,
            algorithm=student.algorithm,
            action_kind=student.action_kind,
            deployment=structs.replace(
                student.deployment, observed=ObservedRange.of(found.observations)
            ),
            provenance={**_without_scores(student), "exported": told},
        )
        (partial / RULES).write_text(_page(source, student, found, lines), encoding="utf-8")
        partial.chmod(0o755)
        partial.rename(out)
    except OSError as error:
        raise ExportError(f"cannot write {out}", got=error.strerror) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _without_scores(student: Artifact) -> dict[str, Any]:
    """Return the provenance of the policy; its scores stand beside those of the tree."""
    return {key: value for key, value in student.provenance.items() if key != "scores"}


def _page(source: Source, student: Artifact, found: Distilled, lines: list[str]) -> str:
    text = rules(found.tree, student.spec, student.action_kind, found.observations)
    features = "\n".join(
        f"* `{item.name}` ({item.unit}): {item.meaning}"
        for place, item in enumerate(student.spec.observation.items)
        if (found.tree.feature[found.tree.left >= 0] == place).any()
    )
    head = "\n".join(lines)
    return (
        f"# Rules of {source.label}\n\nA decision tree in place of the policy; `{BUNDLE}` beside "
        f"this page follows it.\nThe safety limits of the deployment come after it.\n\n"
        f"```text\n{head}\n```\n\n## Rules\n\n```text\n{text}```\n\n"
        f"## What is asked about\n\n{features}\n"
    )
