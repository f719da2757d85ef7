"""Random kdamonds documents: most are valid and odd, some are broken in a place or two.

A document is drawn as the plain mapping a user would write, so that the reader is fuzzed too. Valid
values are drawn where the kernel's rules have their corners (0, 1, the limits of 32 and 64 bits,
bounds that touch), sizes and times often with units.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from damosrl.damon import U32_MAX, Action, FilterType, GoalMetric, GoalTuner, Ops

Mapping = dict[str, Any]

MIB = 1 << 20
SPAN = 1 << 31
"""Addresses of most targets lie below this, where the emulated memory is."""

CORNERS = (0, 1, 2, 4095, 4096, 4097, 2**31, 2**32 - 1, 2**32, 2**32 + 300, 2**63, 2**64 - 1)
JUNK: tuple[Any, ...] = (
    None, True, -1, -(2**70), 2**64, 1e400, 0.5, "", "max", "4 GiB", "-5 ms", "5 parsecs", "9" * 40,
    "100 %", "3 samples", "2 aggr_intervals", "ü", "\x00", [], [1], {}, {"min": 1}, "paddr", "none",
)  # fmt: skip
"""What users and programs write by mistake, anywhere."""


def random_document(rng: np.random.Generator) -> Mapping:
    """Draw a document; about a third have been broken on purpose.

    Example:
        >>> sorted(random_document(np.random.default_rng(0)))
        ['kdamonds']
    """
    document = {"kdamonds": [_kdamond(rng) for _ in range(_few(rng, 1, 3))]}
    if rng.random() < 1 / 3:
        for _ in range(_few(rng, 1, 3)):
            _break(rng, document)
    return document


def _few(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _one(rng: np.random.Generator, *choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _number(rng: np.random.Generator, usual: int) -> int:
    """Draw a number: mostly small or log-uniform up to a usual size, sometimes a corner."""
    kind = rng.random()
    if kind < 0.1:
        return int(_one(rng, *CORNERS))
    if kind < 0.4:
        return _few(rng, 0, 5)
    return int(np.exp(rng.uniform(0.0, np.log(usual + 1)))) - 1


def _number32(rng: np.random.Generator, usual: int) -> int:
    """Draw a number of 32 bits."""
    return min(_number(rng, usual), U32_MAX)


def _word(rng: np.random.Generator, words: Iterable[str]) -> str:
    return str(_one(rng, *words))


def _kdamond(rng: np.random.Generator) -> Mapping:
    kdamond: Mapping = {"contexts": [_context(rng)]}
    if rng.random() < 0.2:
        kdamond["refresh_ms"] = _number32(rng, 2000)
    return kdamond


def _context(rng: np.random.Generator) -> Mapping:
    ops = _word(rng, Ops)
    context: Mapping = {
        "ops": ops,
        "targets": [_target(rng, ops) for _ in range(1 if ops == "paddr" else _few(rng, 1, 3))],
        "intervals": _intervals(rng),
        "schemes": [_scheme(rng, ops) for _ in range(_few(rng, 0, 3))],
    }
    if rng.random() < 0.7:
        low = _few(rng, 3, 20)
        context["nr_regions"] = {"min": low, "max": low + _number(rng, 100) % 200}
    if ops == "paddr" and rng.random() < 0.1:
        context["addr_unit"] = _one(rng, 1, 1, 2, 8, 512, 4096, 8192)
    if ops == "paddr" and rng.random() < 0.15:
        context["probes"] = [_probe(rng) for _ in range(_few(rng, 1, 4))]
    if rng.random() < 0.03:
        context["pause"] = True
    return context


def _target(rng: np.random.Generator, ops: str) -> Mapping:
    target: Mapping = {"pid": None if ops == "paddr" else _few(rng, 1, 3), "regions": []}
    if rng.random() < 0.1:
        return target
    borders = np.sort(rng.integers(0, SPAN, 2 * _few(rng, 1, 4)))
    if rng.random() < 0.7:
        borders = borders // 4096 * 4096
    if rng.random() < 0.05:
        borders = borders * (1 << 24)
    target["regions"] = [
        {"start": int(start), "end": int(end)}
        for start, end in zip(borders[::2], borders[1::2], strict=True)
    ]
    return target


def _intervals(rng: np.random.Generator) -> Mapping:
    sample = _one(rng, 0, 1, 1000, 5000, 5000, 5000, 20_000, "5 ms", "10 ms")
    samples = _one(rng, 1, 2, 3, 20, 20, 20, 20, 25, 100)
    base = {"5 ms": 5000, "10 ms": 10_000}.get(sample, sample)
    intervals: Mapping = {
        "sample_us": sample,
        "aggr_us": int(base) * samples,
        "ops_update_us": _one(rng, 0, 60_000_000, 1_000_000, int(base) * samples * 2, 1),
    }
    if rng.random() < 0.25:
        low = _number(rng, 5000)
        intervals["intervals_goal"] = {
            "access_bp": _number(rng, 10_000),
            "aggrs": _few(rng, 0, 4),
            "min_sample_us": min(low, int(base)),
            "max_sample_us": max(low, int(base)) + _number(rng, 20_000),
        }
    return intervals


def _range(rng: np.random.Generator, usual: int) -> Mapping:
    pair = sorted((_number(rng, usual), _number(rng, usual)))
    whole: Mapping = {"min": pair[0], "max": pair[1]}
    if rng.random() < 0.4:
        del whole["max"]
    return whole


def _scheme(rng: np.random.Generator, ops: str) -> Mapping:
    scheme: Mapping = {
        "action": _word(rng, Action),
        "access_pattern": {
            "sz_bytes": _range(rng, SPAN),
            "nr_accesses": _range(rng, 20),
            "age": _range(rng, 50),
        },
        "apply_interval_us": _one(rng, 0, 0, _number(rng, 500_000)),
        "target_nid": _few(rng, -1, 2),
    }
    if rng.random() < 0.8:
        scheme["quotas"] = _quota(rng, ops)
    if rng.random() < 0.2:
        marks = sorted(_number(rng, 1000) for _ in range(3))
        if rng.random() < 0.2:
            marks.reverse()
        scheme["watermarks"] = {
            "metric": _one(rng, "none", "free_mem_rate"),
            "interval_us": _number(rng, 200_000),
            **dict(zip(("low_permil", "mid_permil", "high_permil"), marks, strict=True)),
        }
    if rng.random() < 0.5:
        scheme["filters"] = [_filter(rng) for _ in range(_few(rng, 1, 4))]
    if rng.random() < 0.15:
        scheme["dests"] = [
            {"id": _few(rng, 0, 3), "weight": _number32(rng, 9)} for _ in range(_few(rng, 1, 3))
        ]
    if rng.random() < 0.1:
        scheme["max_nr_snapshots"] = _few(rng, 0, 4)
    return scheme


def _quota(rng: np.random.Generator, ops: str) -> Mapping:
    quota: Mapping = {
        "sz_bytes": _number(rng, SPAN),
        "reset_interval_ms": _number(rng, 1000),
        "weights": {
            name: _number32(rng, 1000) for name in ("sz_permil", "nr_accesses_permil", "age_permil")
        },
        "goal_tuner": _word(rng, GoalTuner),
    }
    if rng.random() < 0.3:
        quota["time_ms"] = _number(rng, 100)
    if rng.random() < 0.3:
        quota["fail_charge_num"], quota["fail_charge_denom"] = _number32(rng, 9), _number32(rng, 9)
    if rng.random() < 0.5:
        quota["goals"] = [_goal(rng, ops) for _ in range(_few(rng, 1, 2))]
    return quota


def _goal(rng: np.random.Generator, ops: str) -> Mapping:
    metric = GoalMetric(_word(rng, GoalMetric))
    if metric is GoalMetric.NODE_ELIGIBLE_MEM_BP and ops != "paddr":
        metric = GoalMetric.USER_INPUT
    goal: Mapping = {
        "metric": str(metric),
        "target_value": 1 + _number(rng, 10_000) % (2**64 - 1),
        "current_value": _number(rng, 20_000),
        "nid": _few(rng, 0, 2),
    }
    if metric.needs_memcg:
        goal["memcg_path"] = _one(rng, "/", "/app", "/a/b")
    return goal


def _filter(rng: np.random.Generator) -> Mapping:
    kind = FilterType(_word(rng, FilterType))
    condition: Mapping = {
        "filter_type": str(kind),
        "matching": bool(rng.random() < 0.5),
        "allow": bool(rng.random() < 0.5),
    }
    low, high = sorted((_number(rng, SPAN), _number(rng, SPAN)))
    if kind is FilterType.ADDR:
        condition["address_range"] = {"start": low, "end": high}
    elif kind is FilterType.TARGET:
        condition["damon_target_idx"] = _few(rng, 0, 3)
    elif kind is FilterType.MEMCG:
        condition["memcg_path"] = _one(rng, "/", "/app", "/a/b")
    elif kind is FilterType.HUGEPAGE_SIZE:
        condition["hugepage_size"] = [low, high]
    return condition


def _probe(rng: np.random.Generator) -> Mapping:
    kinds = [_one(rng, "anon", "memcg") for _ in range(_few(rng, 0, 2))]
    return {
        "filters": [
            {
                "filter_type": kind,
                "matching": bool(rng.random() < 0.5),
                "allow": bool(rng.random() < 0.5),
                **({"path": "/app"} if kind == "memcg" else {}),
            }
            for kind in kinds
        ],
        "weight": _one(rng, 0, 0, 1, 7, 2**31),
    }


def _break(rng: np.random.Generator, document: Mapping) -> None:
    """Spoil one place: a value becomes junk, a key is misspelt, dropped or added."""
    node: Any = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = _one(rng, *keys)
        child = node[key]
        if isinstance(child, dict | list) and child and rng.random() < 0.93:
            node = child
            continue
        kind = rng.random()
        if kind < 0.7 or isinstance(node, list):
            node[key] = _one(rng, *JUNK)
        elif kind < 0.8:
            del node[key]
        elif kind < 0.9:
            node[f"{key}s"] = node.pop(key)
        else:
            node["surprise"] = _one(rng, *JUNK)
        return
