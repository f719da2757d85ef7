"""A tree taught by a policy on the observations that both of them meet.

The second round follows DAgger (Ross, Gordon and Bagnell, 2011): the tree plays, the policy says
what it would have done, and a new tree learns from both rounds. A tree taught by the policy's own
episodes alone would never see where its mistakes lead.
"""

from dataclasses import dataclass, replace

import numpy as np

from damosrl.artifact import Artifact, assemble
from damosrl.experiment.export.meeting import Plays, meet
from damosrl.export.agreement import Agreement, agreement
from damosrl.export.tree_fit import TreeSize, fit_tree
from damosrl.knobs import Float32Array
from damosrl.policy import PolicyNetwork, PolicyTree

ROUNDS = 2
SEEDS_APART = 1_000
"""Between the seeds of one round and those of the next."""


@dataclass(frozen=True)
class Distilled:
    """A tree and how it was taught.

    Args:
        tree: The tree.
        observations: What it was taught on, ``(n, d)``.
        on_policy: Agreement on fresh episodes that the policy played.
        on_tree: Agreement on fresh episodes that the tree played.
    """

    tree: PolicyTree
    observations: Float32Array
    on_policy: Agreement
    on_tree: Agreement


def distil(artifact: Artifact, policy: PolicyNetwork, plays: Plays, size: TreeSize) -> Distilled:
    """Teach a tree.

    Args:
        artifact: The bundle of the policy.
        policy: The policy itself.
        plays: Episodes of a round; each round has seeds of its own.
        size: Bounds of the tree.

    Raises:
        ExportError: scikit-learn is not installed.
        DamosrlError: A workload or machine cannot be used.
    """
    player, tree = artifact, None
    seen = np.zeros((0, policy.observation_size), np.float32)
    for number in range(ROUNDS):
        title = "the policy plays" if tree is None else "the tree plays"
        seen = np.concatenate([seen, _observations(player, _round(plays, number), title)])
        tree = fit_tree(seen, policy.act(seen), size, plays.seed_base)
        player = tree_artifact(artifact, tree)
    if tree is None:
        raise AssertionError("a tree is taught in every round")
    fresh = _round(plays, ROUNDS)
    names = artifact.spec.knobs.names

    def held_out(of: Artifact) -> Agreement:
        met = _observations(of, fresh, "held-out episodes")
        return agreement(names, policy.act(met), tree.act(met))

    return Distilled(tree, seen, held_out(artifact), held_out(player))


def tree_artifact(artifact: Artifact, tree: PolicyTree) -> Artifact:
    """Return a bundle with a tree in the place of the policy."""
    return assemble(
        tree,
        spec=artifact.spec,
        algorithm=f"tree of {artifact.algorithm}",
        action_kind=artifact.action_kind,
        deployment=artifact.deployment,
        provenance=artifact.provenance,
    )


def _round(plays: Plays, number: int) -> Plays:
    return replace(plays, seed_base=plays.seed_base + number * SEEDS_APART)


def _observations(agent: Artifact, plays: Plays, title: str) -> Float32Array:
    met = meet(agent, plays, title).observations
    return met.reshape(-1, met.shape[-1])
