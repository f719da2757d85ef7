"""`--format damo`: one kdamonds document in place of a policy that adapts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from damosrl.damon.documents import to_json
from damosrl.errors import ExportError
from damosrl.experiment.export.meeting import Met, Plays, meet
from damosrl.experiment.export.source import Source
from damosrl.experiment.modules import address_range
from damosrl.export.damo_document import kernel_loop, nodes_at, steady_document
from damosrl.export.new_file import require_new, write_new
from damosrl.export.observations import probe_observations
from damosrl.export.words import said
from damosrl.kernel.files import OsFiles
from damosrl.kernel.host.nodes import Node, memory_nodes
from damosrl.kernel.roots import Roots
from damosrl.knobs import FloatArray, Quantity
from damosrl.registry import make_tuner
from damosrl.safety import safety_config

PROBES = 256
"""Observations on which a tuner that never answers otherwise counts as static."""


NO_ADAPTATION = (
    "one document cannot adapt: where the spread is wide, a bundle in the daemon does better"
)


@dataclass(frozen=True)
class DamoRequest:
    """What a document is asked for.

    Args:
        plays: Where the policy is run to find its steady state.
        warm_up: Decisions at the start of each episode that do not count.
        nodes: ``START-END`` of node 0, 1, ...; empty reads those of the machine below.
        sysfs: Where that machine's sysfs is.
        loop: Loop of the kernel, if the user chose.
    """

    plays: Plays
    warm_up: int
    nodes: tuple[str, ...]
    sysfs: Path
    loop: str | None

    def __post_init__(self) -> None:
        if not 0 <= self.warm_up < self.plays.steps:
            raise ExportError(
                "the warm-up leaves nothing to measure",
                got=f"--warm-up {self.warm_up} of --steps {self.plays.steps}",
                allowed="0 .. steps - 1",
            )


def export_damo(source: Source, out: Path, request: DamoRequest) -> list[str]:
    """Write the document of a policy's steady state, with the goals of a kernel loop.

    Args:
        source: The policy.
        out: Where to; must not exist.
        request: Where the steady state is taken, and where nodes lie.

    Returns:
        Lines that say which knobs it holds, and how far they vary over workloads.

    Raises:
        DamosrlError: The path exists, nodes do not fit, or a workload cannot be used.
    """
    require_new(out)
    nodes = _nodes(request)
    tuner = make_tuner(source.artifact)
    loop = kernel_loop(tuner.quota_loop, request.loop)
    steady_document(source.artifact, source.artifact.spec.knobs.defaults(), loop, nodes)
    knobs, lines = _steady_state(source, request)  # that nodes fit is known before time is spent
    document = steady_document(source.artifact, knobs, loop, nodes)
    write_new(out, to_json(document).encode())
    if tuner.warm_up_s > 0.0:
        lines.append("no warm start: the kernel's loop begins where a cold kernel begins")
    return [
        *lines,
        f"quotas are caps; under them the kernel's {loop} loop goes on alone"
        + ("" if loop is tuner.quota_loop else f" (the policy: {tuner.quota_loop})"),
        "nodes: " + ", ".join(_node_words(node) for node in nodes),
    ]


def _nodes(request: DamoRequest) -> Sequence[Node]:
    if request.nodes:
        return nodes_at([address_range(text) for text in request.nodes])
    return memory_nodes(OsFiles(), Roots(sysfs=request.sysfs))


def _steady_state(source: Source, request: DamoRequest) -> tuple[FloatArray, list[str]]:
    """Return physical knobs ``(k,)`` and lines that tell where they come from."""
    items = source.artifact.spec.knobs.items
    static = _static_knobs(source)
    if static is not None:
        lines = [f"  {item.name}: {said(item, v)}" for item, v in zip(items, static, strict=True)]
        return static, ["static: the same knobs whatever is observed", *lines]
    met = meet(source.artifact, request.plays, "running the policy")
    late = met.knobs[:, request.warm_up :]
    medians: FloatArray = np.median(late, axis=(1, 2))
    chosen: FloatArray = np.median(late, axis=(0, 1, 2))
    head = (
        f"median of the applied knobs after {request.warm_up} decisions, over {len(medians)} "
        f"workloads, {request.plays.seeds} seeds, {request.plays.steps} decisions each:"
    )
    spread = [
        _spread_line(item, chosen[place], late[..., place], medians[:, place], met)
        for place, item in enumerate(items)
    ]
    return chosen, [head, *spread, NO_ADAPTATION]


def _static_knobs(source: Source) -> FloatArray | None:
    """Return the knobs of a tuner that never changes them, inside the limits; else None."""
    spec = source.artifact.spec
    tuner = make_tuner(source.artifact)
    tuner.reset(spec, 0)
    seen = probe_observations(len(spec.observation), np.random.default_rng(0))[-PROBES:]
    actions = np.stack([tuner.act(row) for row in seen])
    if (actions != actions[0]).any():
        return None
    knobs = spec.knobs.to_physical(actions[0].astype(np.float64))
    limits = safety_config(dict(source.world.safety)).limits
    for place, name in enumerate(spec.knobs.names):
        knobs[place] = np.clip(knobs[place], *limits.get(name, (-np.inf, np.inf)))
    return knobs


def _spread_line(
    item: Quantity, chosen: float, late: FloatArray, medians: FloatArray, met: Met
) -> str:
    low, high = int(np.argmin(medians)), int(np.argmax(medians))
    tenth, ninetieth = np.quantile(late, (0.1, 0.9))
    return (
        f"  {item.name}: {said(item, chosen)}; workloads' medians "
        f"{said(item, medians[low])} ({met.workloads[low]}) .. "
        f"{said(item, medians[high])} ({met.workloads[high]}); "
        f"80 % of decisions {said(item, tenth)} .. {said(item, ninetieth)}"
    )


def _node_words(node: Node) -> str:
    return f"{node.nid} at " + " and ".join(
        f"{span.start:#x}-{span.end:#x}" for span in node.ranges
    )
