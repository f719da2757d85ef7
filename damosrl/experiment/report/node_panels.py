"""The panels of machines whose knobs carry their node: a quota and a threshold per border."""

import re
from collections.abc import Callable

from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.panels import Panel, quota_panel, scaled
from damosrl.experiment.report.table import Table

_USED = re.compile(r"node(\d+)_used_bytes")
_KNOB = re.compile(r"knob_node(\d+)_(promotion_quota|demotion_quota|hot_threshold)")


def used_columns(steps: Table) -> list[str]:
    """Return the columns of memory in use, by node."""
    matches = [match for match in map(_USED.fullmatch, steps.columns) if match]
    return [match[0] for match in sorted(matches, key=lambda match: int(match[1]))]


def tier_names(run: Run, nodes: int) -> list[str]:
    """Return what the run's machine calls its nodes, else their numbers."""
    machine = run.config.get("machine", {})
    tiers = machine.get("tiers", []) if isinstance(machine, dict) else []
    names = [str(tier.get("name", "")) for tier in tiers[:nodes] if isinstance(tier, dict)]
    return names if len(names) == nodes else [f"node {node}" for node in range(nodes)]


def node_panels(run: Run) -> list[Panel]:
    """Return the panels of every border's knobs, uppermost first; none where knobs are shared.

    Quotas stand in pairs, up and down over the same border; the last node's may go to swap. Hot
    thresholds follow.
    """
    if run.steps is None:
        return []
    columns = list(run.steps.columns)
    nodes = len(used_columns(run.steps)) or 1 + max(map(_node_of, columns))
    names = tier_names(run, nodes)
    found = sorted(filter(None, map(_KNOB.fullmatch, columns)), key=_order)
    makers: dict[str, Callable[[str, int, list[str]], Panel]] = {
        "promotion_quota": _promotion,
        "demotion_quota": _demotion,
        "hot_threshold": _threshold,
    }
    return [makers[match[2]](match[0], int(match[1]), names) for match in found]


def _node_of(column: str) -> int:
    match = _KNOB.fullmatch(column)
    return int(match[1]) if match else -1


def _order(match: re.Match[str]) -> tuple[bool, int, bool]:
    """Thresholds last; a border's promotion, which carries its lower node, before its demotion."""
    node, knob = int(match[1]), match[2]
    border = node if knob == "demotion_quota" else node - 1
    return knob == "hot_threshold", border, knob == "demotion_quota"


def _promotion(source: str, node: int, names: list[str]) -> Panel:
    return quota_panel(f"Promotion quota, {names[node]} to {names[node - 1]}", source)


def _demotion(source: str, node: int, names: list[str]) -> Panel:
    below = names[node + 1] if node + 1 < len(names) else "swap"
    return quota_panel(f"Demotion quota, {names[node]} to {below}", source)


def _threshold(source: str, node: int, names: list[str]) -> Panel:
    title = f"Hot threshold of {names[node]}"
    return Panel(title, "% of the largest rate", scaled(source, 1.0), source, shown=(0.0, 100.0))
