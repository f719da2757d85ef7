"""What this kernel's DAMON can do, by the files it shows (semantics 4.4).

Most files lie below a kdamond, a context or a scheme, and show only while somebody has configured
one. What cannot be seen is unknown, not absent; nothing is configured to find out.
"""

from dataclasses import dataclass
from pathlib import Path

from damosrl.damon.features import NEWEST, OLDEST
from damosrl.kernel.doctor.finding import Finding, Machine, State
from damosrl.kernel.doctor.kernel import release, version_of
from damosrl.kernel.file_errors import FileError
from damosrl.kernel.tried import numbered

CONTEXT = "kdamonds/*/contexts/*"
SCHEME = f"{CONTEXT}/schemes/*"


@dataclass(frozen=True, slots=True)
class Feature:
    """A file whose presence shows a feature.

    Args:
        name: What it is called in reports.
        path: Below the ``admin`` folder; each ``*`` is a numbered folder.
        since: First mainline kernel that has it.
    """

    name: str
    path: str
    since: str


FEATURES = (
    Feature("apply_interval", f"{SCHEME}/apply_interval_us", "6.7"),
    Feature("quota_goals", f"{SCHEME}/quotas/goals", "6.8"),
    Feature("effective_quotas", f"{SCHEME}/quotas/effective_bytes", "6.9"),
    Feature("migration", f"{SCHEME}/target_nid", "6.11"),
    Feature("ops_filter_statistics", f"{SCHEME}/stats/sz_ops_filter_passed", "6.14"),
    Feature(
        "intervals_goal", f"{CONTEXT}/monitoring_attrs/intervals/intervals_goal/access_bp", "6.15"
    ),
    Feature("filter_layers", f"{SCHEME}/core_filters", "6.15"),
    Feature("goal_nodes", f"{SCHEME}/quotas/goals/*/nid", "6.16"),
    Feature("refresh", "kdamonds/*/refresh_ms", "6.17"),
    Feature("migration_dests", f"{SCHEME}/dests", "6.17"),
    Feature("addr_unit", f"{CONTEXT}/addr_unit", "6.18"),
    Feature("goal_cgroups", f"{SCHEME}/quotas/goals/*/path", "6.19"),
    Feature("obsolete_targets", f"{CONTEXT}/targets/*/obsolete_target", "6.19"),
    Feature("snapshot_limit", f"{SCHEME}/stats/max_nr_snapshots", "7.0"),
    Feature("goal_tuner", f"{SCHEME}/quotas/goal_tuner", "7.1"),
    Feature("pause", f"{CONTEXT}/pause", "7.2"),
    Feature("fail_charge", f"{SCHEME}/quotas/fail_charge_num", "7.2"),
    Feature("probes", f"{CONTEXT}/monitoring_attrs/probes", "7.2"),
    Feature("probe_weights", f"{CONTEXT}/monitoring_attrs/probes/*/weight", "7.3"),
)
"""By first kernel."""

OPERATIONS = ("vaddr", "fvaddr", "paddr")


def features_found(machine: Machine) -> dict[str, bool | None]:
    """Return for each of `FEATURES` and `OPERATIONS` whether it is there; None where unknown."""
    root = machine.roots.damon
    found = {item.name: _presence(machine, root, item.path) for item in FEATURES}
    return found | _operations(machine, root)


def features(machine: Machine) -> Finding:
    """Sum up what is there, absent and unknown."""
    found = features_found(machine)
    absent = [name for name, present in found.items() if present is False]
    unknown = [name for name, present in found.items() if present is None]
    told = f"{len(found) - len(absent) - len(unknown)} of {len(found)} seen"
    if absent:
        told += f"; absent: {', '.join(absent)}"
    if not unknown:
        return Finding(State.OK, told)
    return Finding(
        State.OK,
        f"{told}; not told: {', '.join(unknown)}",
        f"files show while a kdamond is configured, and none is made to look; {_expected(machine)}",
    )


def _presence(machine: Machine, folder: Path, pattern: str) -> bool | None:
    """Look for a pattern below a folder; unknown where there is no numbered folder to look in."""
    head, star, rest = pattern.partition("/*/")
    if not machine.files.exists(folder / head):
        return False
    if not star:
        return True
    below = (_presence(machine, item, rest) for item in _numbered(machine, folder / head))
    known = [answer for answer in below if answer is not None]
    return any(known) if known else None


def _numbered(machine: Machine, folder: Path) -> list[Path]:
    """Return the numbered folders; none where they may not be seen."""
    try:
        return numbered(machine.files, folder)
    except FileError:
        return []


def _operations(machine: Machine, root: Path) -> dict[str, bool | None]:
    lists = [
        machine.text(context / "avail_operations")
        for kdamond in _numbered(machine, root / "kdamonds")
        for context in _numbered(machine, kdamond / "contexts")
    ]
    told = next((text.split() for text in lists if text is not None), None)
    return {name: None if told is None else name in told for name in OPERATIONS}


def _expected(machine: Machine) -> str:
    version = version_of(release(machine) or "")
    if version is None:
        return f"see the version for what {OLDEST} to {NEWEST} have"
    later = [item.name for item in FEATURES if (version_of(item.since) or version) > version]
    name = f"{version[0]}.{version[1]}"
    return (
        f"mainline {name} has all but {', '.join(later)}" if later else f"mainline {name} has all"
    )
