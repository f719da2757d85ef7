"""From the files of a sysfs tree back to a document.

What this kernel has no file for has its default. Goals of target 0 are left out, as the kernel
leaves them out. The filters of a scheme come in the kernel's order: core, operations, old folder.
"""

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Dest,
    Document,
    Filter,
    FilterType,
    GoalMetric,
    GoalTuner,
    Intervals,
    IntervalsGoal,
    Kdamond,
    Ops,
    Probe,
    ProbeFilter,
    ProbeFilterType,
    Quota,
    QuotaGoal,
    Range,
    Scheme,
    Target,
    WatermarkMetric,
    Watermarks,
    Weights,
)
from damosrl.errors import KernelError
from damosrl.kernel.snapshot import Settings, count_path


class _View:
    """The settings below one folder."""

    def __init__(self, settings: Settings, prefix: str) -> None:
        self._settings = settings
        self._prefix = prefix

    def text(self, file: str, default: str = "") -> str:
        return self._settings.get(self._prefix + file, default)

    def number(self, file: str, default: int = 0) -> int:
        return int(self.text(file, str(default)))

    def flag(self, file: str) -> bool:
        return self.text(file, "N") == "Y"

    def range(self, folder: str) -> Range:
        return Range(self.number(f"{folder}/min"), self.number(f"{folder}/max"))

    def items(self, folder: str) -> list["_View"]:
        count = int(self._settings.get(count_path(self._prefix + folder), "0"))
        return [_View(self._settings, f"{self._prefix}{folder}/{at}/") for at in range(count)]


def document_of(settings: Settings) -> Document:
    """Return the document that a tree's settings stand for.

    Args:
        settings: From `damosrl.kernel.snapshot.read_settings`.

    Raises:
        DocumentError: The settings are unfinished, or could not be started.
        KernelError: A newer kernel's word, or no number where one must be.

    Example:
        >>> document_of({"kdamonds/nr_kdamonds": "0"})
        Document(kdamonds=())
    """
    try:
        return Document(tuple(_kdamond(item) for item in _View(settings, "").items("kdamonds")))
    except ValueError as error:
        raise KernelError(
            "the tree holds what no document can say", got=error, fix="stop and clear it"
        ) from error


def _kdamond(view: _View) -> Kdamond:
    contexts = tuple(_context(item) for item in view.items("contexts"))
    return Kdamond(contexts, view.number("refresh_ms"))


def _context(view: _View) -> Context:
    ops = Ops(view.text("operations", Ops.VADDR))
    return Context(
        ops=ops,
        targets=tuple(_target(item, ops) for item in view.items("targets")),
        attrs=_attrs(view),
        schemes=tuple(_scheme(item) for item in view.items("schemes")),
        addr_unit=view.number("addr_unit", 1),
        pause=view.flag("pause"),
        probes=tuple(_probe(item) for item in view.items("monitoring_attrs/probes")),
    )


def _attrs(view: _View) -> Attrs:
    times = "monitoring_attrs/intervals"
    goal = IntervalsGoal(
        *(
            view.number(f"{times}/intervals_goal/{name}")
            for name in ("access_bp", "aggrs", "min_sample_us", "max_sample_us")
        )
    )
    intervals = Intervals(
        view.number(f"{times}/sample_us"),
        view.number(f"{times}/aggr_us"),
        view.number(f"{times}/update_us"),
        goal,
    )
    bounds = "monitoring_attrs/nr_regions"
    return Attrs(intervals, view.number(f"{bounds}/min"), view.number(f"{bounds}/max"))


def _target(view: _View, ops: Ops) -> Target:
    return Target(
        pid=None if ops is Ops.PADDR else view.number("pid_target"),
        regions=tuple(
            AddressRange(item.number("start"), item.number("end")) for item in view.items("regions")
        ),
        obsolete=view.flag("obsolete_target"),
    )


def _probe(view: _View) -> Probe:
    filters = tuple(_probe_filter(item) for item in view.items("filters"))
    return Probe(filters, view.number("weight"))


def _probe_filter(view: _View) -> ProbeFilter:
    kind = ProbeFilterType(view.text("type"))
    path = view.text("path") if kind is ProbeFilterType.MEMCG else None
    return ProbeFilter(kind, view.flag("matching"), view.flag("allow"), path)


def _scheme(view: _View) -> Scheme:
    folders = ("core_filters", "ops_filters", "filters")
    return Scheme(
        action=Action(view.text("action")),
        access_pattern=AccessPattern(
            *(view.range(f"access_pattern/{name}") for name in ("sz", "nr_accesses", "age"))
        ),
        target_nid=view.number("target_nid", -1),
        apply_interval_us=view.number("apply_interval_us"),
        quota=_quota(view),
        watermarks=Watermarks(
            WatermarkMetric(view.text("watermarks/metric")),
            *(view.number(f"watermarks/{name}") for name in ("interval_us", "high", "mid", "low")),
        ),
        filters=tuple(_filter(item) for folder in folders for item in view.items(folder)),
        dests=tuple(Dest(item.number("id"), item.number("weight")) for item in view.items("dests")),
        max_nr_snapshots=view.number("stats/max_nr_snapshots"),
    )


def _quota(view: _View) -> Quota:
    weights = ("sz_permil", "nr_accesses_permil", "age_permil")
    goals = (_goal(item) for item in view.items("quotas/goals") if item.number("target_value"))
    return Quota(
        time_ms=view.number("quotas/ms"),
        sz_bytes=view.number("quotas/bytes"),
        reset_interval_ms=view.number("quotas/reset_interval_ms"),
        weights=Weights(*(view.number(f"quotas/weights/{name}") for name in weights)),
        goals=tuple(goals),
        goal_tuner=GoalTuner(view.text("quotas/goal_tuner", GoalTuner.CONSIST)),
        fail_charge_num=view.number("quotas/fail_charge_num"),
        fail_charge_denom=view.number("quotas/fail_charge_denom"),
    )


def _goal(view: _View) -> QuotaGoal:
    metric = GoalMetric(view.text("target_metric", GoalMetric.USER_INPUT))
    return QuotaGoal(
        metric,
        view.number("target_value"),
        view.number("current_value"),
        view.number("nid"),
        view.text("path") if metric.needs_memcg else None,
    )


def _filter(view: _View) -> Filter:
    kind = FilterType(view.text("type"))
    common = (kind, view.flag("matching"), view.flag("allow"))
    match kind:
        case FilterType.MEMCG:
            return Filter(*common, memcg_path=view.text("memcg_path"))
        case FilterType.ADDR:
            bounds = AddressRange(view.number("addr_start"), view.number("addr_end"))
            return Filter(*common, address_range=bounds)
        case FilterType.TARGET:
            return Filter(*common, damon_target_idx=view.number("damon_target_idx"))
        case FilterType.HUGEPAGE_SIZE:
            return Filter(*common, hugepage_size=Range(view.number("min"), view.number("max")))
        case _:
            return Filter(*common)
