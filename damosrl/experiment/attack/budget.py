"""An attacker's budget: the ranges of a workload, and patterns picked from them."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from damosrl.emulator.workload.parameters import Range, SizeRange, as_range, size_range
from damosrl.emulator.workload.source import SingleSource, workload_source
from damosrl.errors import ConfigError
from damosrl.knobs import Quantity, QuantitySet

DIGITS = 4
"""Significant digits of a pattern's numbers, so that a pattern is what its YAML says."""
UNITS = {"s": "s", "hz": "1/s", "share": "ratio", "ns": "ns"}
SIZE = "footprint"

Pattern = Mapping[str, float]
"""Chosen value by name of the choice."""


@dataclass(frozen=True)
class Budget:
    """What may be chosen, and what stays as it is.

    Args:
        workload: The workload's YAML, ranges included.
        choices: One quantity per range; its name is the range's place in the YAML.

    Example:
        >>> budget = read_budget({"access": {"kind": "pulses", "period_s": [10, 60]}})
        >>> budget.choices.names
        ('access.period_s',)
        >>> budget.pattern({"access.period_s": 20.0}, "mine")["access"]
        {'kind': 'pulses', 'period_s': 20.0}
    """

    workload: Mapping[str, Any]
    choices: QuantitySet

    def pattern(self, chosen: Pattern, name: str) -> dict[str, Any]:
        """Return the workload with every range replaced by what was chosen."""
        picked = copy.deepcopy(dict(self.workload)) | {"name": name, "randomize": "start"}
        for path, value in chosen.items():
            *parents, last = path.split(".")
            node = picked
            for part in parents:
                node = node[part]
            rounded = float(f"{value:.{DIGITS}g}")
            node[last] = int(rounded) if path == SIZE else rounded
        return picked


def read_budget(values: Mapping[str, Any]) -> Budget:
    """Read a budget: a workload of a synthetic kind, each range of which is a choice.

    Raises:
        ConfigError: It leaves nothing to choose, or allows no accesses.
        DamosrlError: It is no workload.
    """
    source = workload_source(values)
    if not isinstance(source, SingleSource) or not hasattr(source.access, "__dataclass_fields__"):
        raise ConfigError(
            "the attack's budget has no parameters",
            got=source.name,
            allowed="one synthetic workload, as conf/budget/default.yaml; no mix, no recording",
        )
    found = tuple(_choice(path, limits) for path, limits in _ranges(source))
    if not found:
        raise ConfigError(
            "the attack's budget is empty: it leaves nothing to choose",
            got="no range wider than 0",
            allowed="one at least, such as access.period_s: [4, 240]",
            fix="budget=default, or give a range",
        )
    rate = getattr(source.access, "mean_rate_hz", None)
    if rate is not None and as_range(rate).range[1] <= 0.0:
        raise ConfigError(
            "the attack's budget is zero: it allows no accesses",
            got=f"access.mean_rate_hz up to {as_range(rate).range[1]:g}",
            allowed="above 0 accesses per second per page",
            fix="raise it",
        )
    return Budget(values, QuantitySet(found))


def _ranges(source: SingleSource) -> Iterator[tuple[str, Range]]:
    """Find every range of a workload, with its place in the YAML."""
    setting = source.setting
    holders = (
        ("access.", source.access, [item.name for item in fields(source.access)]),  # type: ignore[arg-type]
        ("", setting, [SIZE, "fast_share"]),
        ("application.", setting.application, ["threads", "parallelism", "think_time_ns"]),
        ("start.", setting.start, ["fast_fill"]),
    )
    for prefix, holder, names in holders:
        for name in names:
            value = getattr(holder, name)
            if not isinstance(value, tuple | Range | SizeRange):
                continue
            limits = size_range(value, name) if name == SIZE else as_range(value)  # type: ignore[arg-type]
            if limits.range[0] < limits.range[1]:
                yield f"{prefix}{name}", limits


def _choice(path: str, limits: Range) -> Quantity:
    unit = "bytes" if path == SIZE else UNITS.get(path.rpartition("_")[2], "")
    low, high = limits.range
    return Quantity(
        path, unit, low, high, f"{path} of the pattern.", limits.scale, default=limits.nominal
    )
