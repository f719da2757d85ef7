"""The tuners of a run: short labels, and one fixed look each, safe for colour-blind readers.

The colours are Okabe and Ito's (2008) and Paul Tol's muted scheme (2021). Colour never stands
alone: every tuner has its own marker, and neighbours in hue differ in line dashes.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from damosrl.artifact import SUFFIX
from damosrl.experiment.report.inputs import Run


@dataclass(frozen=True)
class Look:
    """How one tuner is drawn.

    Args:
        colour: Hexadecimal RGB.
        marker: matplotlib marker.
        dash: Dash pattern in points ``(on, off, ...)``; empty for a solid line.
        width: Line width in points.
    """

    colour: str
    marker: str
    dash: tuple[float, ...] = ()
    width: float = 1.6


LOOKS = {
    "noop": Look("#7A7A7A", "X", (5, 2)),
    "oracle": Look("#111111", "*", (7, 2, 1.5, 2)),
    "random": Look("#A8A8A8", "x", (1.5, 1.5)),
    "static": Look("#8C6D31", "d", (1.5, 1.5)),
    "best_static": Look("#E69F00", "s", (), 2.0),
    "consist": Look("#56B4E9", "v", (3, 1.5)),
    "consist_warm": Look("#0072B2", "^", (), 2.0),
    "temporal": Look("#44AA99", "<", (5, 2)),
    "pi": Look("#009E73", "D"),
    "aimd": Look("#999933", "P", (3, 1.5)),
    "hysteresis": Look("#882255", ">", (5, 2)),
    "quantile": Look("#CC79A7", "p", (), 2.0),
    "tabular_q": Look("#332288", "h", (3, 1.5)),
    "ppo": Look("#D55E00", "o", (), 2.6),
}
"""Fixed for good, so that figures of different runs can be laid side by side. A task's own form of
a tuner, such as acma_best_static, looks like the one that it is named after."""

COLOURS = (
    "#661100", "#117733", "#6699CC", "#AA4499", "#B58900", "#DD6677", "#DDCC77", "#EE3377",
)  # fmt: skip
MARKERS = ("8", "H", "1", "4", "2", "3", "+", "|", "_")
DASHES = ((6.0, 2.0), (2.0, 1.0), (4.0, 1.5, 1.0, 1.5))
"""Of tuners from elsewhere. Eight have colours of their own; 72 differ in colour or marker."""


def is_policy(name: str) -> bool:
    """Tell whether a tuner's name is the path of a trained artifact, and not of a YAML."""
    path = "/" in name or "\\" in name or name.endswith(SUFFIX)
    return path and not _is_yaml(name)


def _is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def label(name: str, labels: dict[str, str] | None = None) -> str:
    """Return a short name for tables; a path keeps the folder that tells it apart.

    Example:
        >>> label("results/demo/train/artifact"), label("consist_warm")
        ('policy train', 'consist_warm')
    """
    if labels and name in labels:
        return labels[name]
    path = PurePath(name.replace("\\", "/"))
    if not is_policy(name):
        return path.name if _is_yaml(name) else name
    parts = [part for part in path.parts if part != "artifact"]
    return f"policy {parts[-1]}" if parts else "policy"


@dataclass(frozen=True)
class Cast:
    """Labels and looks of the tuners of one run.

    Args:
        labels: Short label by tuner name.
        looks: Look by tuner name.
    """

    labels: dict[str, str]
    looks: dict[str, Look]


def cast_of(run: Run) -> Cast:
    """Collect all tuners that a run's files name and give each its label and look."""
    names = list(run.summary.get("scores") or {})
    for table in (run.episodes, run.steps):
        if table is not None and table.has("tuner"):
            names.extend(table.names("tuner"))
    names = list(dict.fromkeys(names))
    given = run.summary.get("labels")
    given = {key: str(text) for key, text in given.items()} if isinstance(given, dict) else {}
    return Cast({name: label(name, given) for name in names}, _looks(names))


def _looks(names: Collection[str]) -> dict[str, Look]:
    looks = {name: LOOKS[name] for name in names if name in LOOKS}
    for name in sorted(names, key=lambda name: not is_policy(name)):
        if name not in looks:
            look = _akin(name)
            looks[name] = _spare(name, looks) if look is None or look in looks.values() else look
    return {name: looks[name] for name in names}


def _akin(name: str) -> Look | None:
    """Return the look of what a tuner is another form of; None if it is of no kind known here."""
    if is_policy(name):
        return LOOKS["ppo"]
    kind = PurePath(label(name)).stem
    return LOOKS.get(kind) or LOOKS.get(kind.partition("_")[2])


def _spare(name: str, taken: Mapping[str, Look]) -> Look:
    """Return a look that nobody has: the one that the name hashes to, or the next free one."""
    first = int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(COLOURS)
    used = set(taken.values())
    places = range(len(COLOURS) * len(MARKERS))
    rings = (place - place % len(COLOURS) + (first + place) % len(COLOURS) for place in places)
    looks = [_reserve(place) for place in rings]
    return next((look for look in looks if look not in used), looks[0])


def _reserve(place: int) -> Look:
    return Look(
        COLOURS[place % len(COLOURS)],
        MARKERS[place % len(MARKERS)],
        DASHES[(place + place // len(COLOURS)) % len(DASHES)],
    )
