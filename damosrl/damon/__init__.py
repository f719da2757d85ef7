"""The vocabulary of DAMON and DAMOS: immutable values, checked by the kernel's own rules."""

from damosrl.damon.attrs import Attrs, Intervals, IntervalsGoal
from damosrl.damon.checks import U32_MAX, U64_MAX
from damosrl.damon.context import Context, Ops, Target
from damosrl.damon.filters import Filter, FilterLayer, FilterType
from damosrl.damon.kdamond import Document, Kdamond
from damosrl.damon.pattern import AccessPattern, kept_bounds
from damosrl.damon.probes import Probe, ProbeFilter, ProbeFilterType
from damosrl.damon.quota import NEVER, GoalMetric, GoalTuner, Quota, QuotaGoal, Weights
from damosrl.damon.ranges import AddressRange, Range
from damosrl.damon.region import Region
from damosrl.damon.scheme import Action, Dest, Scheme
from damosrl.damon.stats import Stats
from damosrl.damon.watermarks import WatermarkMetric, Watermarks

__all__ = [
    "NEVER",
    "U32_MAX",
    "U64_MAX",
    "AccessPattern",
    "Action",
    "AddressRange",
    "Attrs",
    "Context",
    "Dest",
    "Document",
    "Filter",
    "FilterLayer",
    "FilterType",
    "GoalMetric",
    "GoalTuner",
    "Intervals",
    "IntervalsGoal",
    "Kdamond",
    "Ops",
    "Probe",
    "ProbeFilter",
    "ProbeFilterType",
    "Quota",
    "QuotaGoal",
    "Range",
    "Region",
    "Scheme",
    "Stats",
    "Target",
    "WatermarkMetric",
    "Watermarks",
    "Weights",
    "kept_bounds",
]
