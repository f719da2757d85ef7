"""The folders of DAMON's sysfs by kernel version, as tables (semantics 4.1, 4.4).

Written down apart from `damosrl.kernel.layout` on purpose: the fake tree checks the client, and
`damosrl.testing.tree_check` checks this table against a kernel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from damosrl.testing.fake_files import I32_MAX, I32_MIN, U32_MAX, Parse, flag, number, text, word

OLD = "6.12"
ULONG = number()
INT = number(I32_MIN, I32_MAX)
U32 = number(0, U32_MAX)
QUOTA = number(always_einval=True)
PID = number(I32_MIN, I32_MAX, always_einval=True)

Words = Mapping[str, str]
"""First kernel by word."""

ACTIONS: Words = dict.fromkeys(
    (
        *("willneed", "cold", "pageout", "hugepage", "nohugepage", "lru_prio", "lru_deprio"),
        *("migrate_hot", "migrate_cold", "stat"),
    ),
    OLD,
) | {"collapse": "7.2"}
METRICS: Words = {
    "user_input": OLD,
    "some_mem_psi_us": OLD,
    "node_mem_used_bp": "6.16",
    "node_mem_free_bp": "6.16",
    "node_memcg_used_bp": "6.19",
    "node_memcg_free_bp": "6.19",
    "active_mem_bp": "7.0",
    "inactive_mem_bp": "7.0",
    "node_eligible_mem_bp": "7.2",
}
CORE_TYPES: Words = {"addr": OLD, "target": OLD}
OPS_TYPES: Words = dict.fromkeys(("anon", "memcg", "young"), OLD) | dict.fromkeys(
    ("active", "hugepage_size", "unmapped"), "6.15"
)
COMMANDS: Words = dict.fromkeys(
    (
        *("on", "off", "commit", "commit_schemes_quota_goals"),
        *("update_schemes_stats", "update_schemes_effective_quotas"),
        *("update_schemes_tried_bytes", "update_schemes_tried_regions"),
        "clear_schemes_tried_regions",
    ),
    OLD,
) | {"update_tuned_intervals": "6.15"}


@dataclass(frozen=True, slots=True)
class File:
    """One file: default, what it takes (a parser, words by kernel, None: read only), since when."""

    default: str
    takes: Parse | Words | None
    since: str = OLD


@dataclass(frozen=True, slots=True)
class Numbered:
    """Numbered folders made by a count file.

    Args:
        folder: What each holds.
        highest: Largest count.
        since: First kernel.
    """

    folder: "Layout"
    highest: int = I32_MAX
    since: str = OLD


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of folder: files by path in it, and counted folders by path."""

    files: Mapping[str, File] = field(default_factory=dict)
    children: Mapping[str, Numbered] = field(default_factory=dict)


def _numbers(names: str, takes: Parse, since: str = OLD, default: str = "0") -> dict[str, File]:
    return {name: File(default, takes, since) for name in names.split()}


def _flags(names: str, since: str = OLD) -> dict[str, File]:
    return {name: File("N", flag, since) for name in names.split()}


REGION = Layout(_numbers("start end", ULONG))
TARGET = Layout(
    {"pid_target": File("0", PID), **_flags("obsolete_target", "6.19")},
    {"regions": Numbered(REGION)},
)
PROBE_FILTER = Layout(
    {
        "type": File("anon", word("anon", "memcg")),
        **_flags("matching allow"),
        "path": File("", text),
    }
)
PROBE = Layout(_numbers("weight", U32, "7.3"), {"filters": Numbered(PROBE_FILTER)})
GOAL = Layout(
    {
        "target_metric": File("user_input", METRICS),
        **_numbers("target_value current_value", ULONG),
        **_numbers("nid", INT, "6.16"),
        "path": File("", text, "6.19"),
    }
)
DEST = Layout(_numbers("id", INT) | _numbers("weight", U32))


def _filter(types: Words) -> Numbered:
    files = {
        "type": File("anon", types),
        **_flags("matching"),
        **_flags("allow", "6.14"),
        "memcg_path": File("", text),
        **_numbers("addr_start addr_end", ULONG),
        **_numbers("min max", ULONG, "6.15"),
        **_numbers("damon_target_idx", INT),
    }
    return Numbered(Layout(files), since=OLD if types not in (CORE_TYPES, OPS_TYPES) else "6.15")


SCHEME = Layout(
    {
        "action": File("stat", ACTIONS),
        **_numbers("target_nid", INT, default="-1"),
        **_numbers("apply_interval_us", ULONG),
        **{
            f"access_pattern/{kind}/{end}": File("0", ULONG)
            for kind in ("sz", "nr_accesses", "age")
            for end in ("min", "max")
        },
        **_numbers("quotas/ms quotas/bytes quotas/reset_interval_ms", QUOTA),
        "quotas/effective_bytes": File("0", None),
        "quotas/goal_tuner": File("consist", word("consist", "temporal"), "7.1"),
        **_numbers("quotas/fail_charge_num quotas/fail_charge_denom", U32, "7.2"),
        **{
            f"quotas/weights/{kind}_permil": File("0", number(0, U32_MAX, always_einval=True))
            for kind in ("sz", "nr_accesses", "age")
        },
        "watermarks/metric": File("none", word("none", "free_mem_rate")),
        **{
            f"watermarks/{name}": File("0", ULONG) for name in ("interval_us", "high", "mid", "low")
        },
        **{
            f"stats/{name}": File("0", None)
            for name in ("nr_tried", "sz_tried", "nr_applied", "sz_applied", "qt_exceeds")
        },
        "stats/sz_ops_filter_passed": File("0", None, "6.14"),
        "stats/nr_snapshots": File("0", None, "7.0"),
        **_numbers("stats/max_nr_snapshots", ULONG, "7.0"),
        "tried_regions/total_bytes": File("0", None),
    },
    {
        "quotas/goals": Numbered(GOAL),
        "core_filters": _filter(CORE_TYPES),
        "ops_filters": _filter(OPS_TYPES),
        "filters": _filter({**CORE_TYPES, **OPS_TYPES}),
        "dests": Numbered(DEST, since="6.17"),
    },
)
CONTEXT = Layout(
    {
        "avail_operations": File("vaddr\nfvaddr\npaddr", None),
        "operations": File("vaddr", word("vaddr", "fvaddr", "paddr")),
        "addr_unit": File("1", number(1, always_einval=True), "6.18"),
        **_flags("pause", "7.2"),
        **{
            f"monitoring_attrs/intervals/{name}_us": File(default, ULONG)
            for name, default in (("sample", "5000"), ("aggr", "100000"), ("update", "60000000"))
        },
        **{
            f"monitoring_attrs/intervals/intervals_goal/{name}": File("0", ULONG, "6.15")
            for name in ("access_bp", "aggrs", "min_sample_us", "max_sample_us")
        },
        "monitoring_attrs/nr_regions/min": File("10", ULONG),
        "monitoring_attrs/nr_regions/max": File("1000", ULONG),
    },
    {
        "monitoring_attrs/probes": Numbered(PROBE, 4, "7.2"),
        "targets": Numbered(TARGET),
        "schemes": Numbered(SCHEME),
    },
)
KDAMOND = Layout(
    {
        "state": File("off", COMMANDS),
        "pid": File("-1", None),
        "refresh_ms": File("0", U32, "6.17"),
    },
    {"contexts": Numbered(CONTEXT, 1)},
)
ADMIN = Layout(children={"kdamonds": Numbered(KDAMOND)})
