"""Machines by name: tiers with their latency curves, and what one run of the emulator costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from damosrl.config import described, typed
from damosrl.damon.features import NEWEST
from damosrl.damon.units import parse_bp, parse_size
from damosrl.emulator.releases import is_legacy
from damosrl.errors import MachineError

UPPER_FILL = 0.6
"""Least share of the upper tiers in use that relative capacities leave room for."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One kind of memory.

    Args:
        name: What people call it.
        curve_gbps: Loads of the loaded-latency table, GB/s, ascending; the last one is the peak.
        curve_ns: Mean latency at those loads; of a page fault for ``kind: swap``.
        kind: ``memory`` is a node with its own monitor; ``swap`` is where reclaim puts pages.
        capacity: ``auto`` (relative to the workload, see `capacities`), a share of the
            footprint ("60 %"), or a size ("64 GiB").
        cost_per_gib: Price relative to DRAM.
        fault_p99_ns: 99th percentile of an unloaded fault; swap only.
        store_ns: Time to write a page in direct reclaim; swap only.
        compression: Size of a page over what it takes in memory when it is swapped; 0 is a disk,
            where it takes none; swap only.
        incompressible: What becomes of pages that do not compress: kept ``raw`` in memory (zram),
            or ``refuse``, so that they stay where they are (zswap without a device); swap only.
    """

    name: str
    curve_gbps: tuple[float, ...]
    curve_ns: tuple[float, ...]
    kind: Literal["memory", "swap"] = "memory"
    capacity: str = "auto"
    cost_per_gib: float = 1.0
    fault_p99_ns: float = 0.0
    store_ns: float = 0.0
    compression: float = 0.0
    incompressible: Literal["raw", "refuse"] = "raw"

    def __post_init__(self) -> None:
        if len(self.curve_gbps) != len(self.curve_ns) or len(self.curve_gbps) < 2:
            raise MachineError(
                f"latency curve of tier {self.name} is no table",
                got=f"{len(self.curve_gbps)} loads, {len(self.curve_ns)} latencies",
                allowed="as many latencies as loads, two at least",
            )
        if np.any(np.diff(self.curve_gbps) <= 0) or np.any(np.diff(self.curve_ns) < 0):
            raise MachineError(
                f"latency curve of tier {self.name} falls",
                allowed="loads ascending, latencies not descending",
                fix="sort the points by load; min must not lie above max",
            )
        if self.curve_gbps[0] < 0 or self.curve_ns[0] <= 0:
            raise MachineError(
                f"latency curve of tier {self.name} starts below zero",
                got=f"{self.curve_gbps[0]} GB/s, {self.curve_ns[0]} ns",
                allowed="load >= 0, latency > 0",
            )
        if not (self.compression == 0.0 or 1.0 <= self.compression < np.inf):
            raise MachineError(
                f"compression of tier {self.name} is no ratio",
                got=self.compression,
                allowed="0 for a disk, or >= 1",
            )
        _check_capacity(self.name, self.capacity)

    @property
    def idle_latency_ns(self) -> float:
        """Latency without load."""
        return self.curve_ns[0]

    @property
    def bandwidth_gbps(self) -> float:
        """Peak bandwidth."""
        return self.curve_gbps[-1]


def _check_capacity(name: str, capacity: str) -> None:
    if capacity == "auto":
        return
    value = parse_bp(capacity) if capacity.endswith("%") else parse_size(capacity)
    if capacity.lstrip().startswith("-") or value <= 0:
        raise MachineError(
            f"capacity of tier {name} is not positive",
            got=capacity,
            allowed="'auto', a share of the footprint such as '60 %', a size such as '64 GiB'",
            fix="give the tier some memory or leave it out",
        )


@dataclass(frozen=True, slots=True)
class MachineConfig:
    """A machine: its tiers, fastest first, and what moving and watching memory costs.

    Args:
        name: Name of the choice.
        tiers: Memory tiers, then at most one swap tier.
        page_move_us: CPU time to migrate a 4 KiB page.
        region_check_us: CPU time of a kdamond per region and sample.
        cpus: Processors that the application's threads run on.
        granule: Finest piece of memory the extent map tells apart ("2 MiB": huge pages).
        spare: Memory beyond the footprint, as a share, where capacities are relative.
        sleep_overshoot: Real length of a sampling interval over the one asked for.
        tick_s: Time step of application and pressure.
        pingpong_window_s: Memory moved back within this time counts as returned.
        max_extents: Extents a machine may have.
        latency_probe: Telemetry carries the mean latency.
        kswapd: A thread per node keeps memory free above the kernel's watermarks, demoting to the
            next node or to swap (`damosrl.emulator.kswapd`).
        kernel: Kernel whose DAMON the machine runs, "7.3" or "6.12"; see
            `damosrl.emulator.releases` for what is different.
    """

    name: str
    tiers: tuple[Tier, ...]
    page_move_us: float = 1.0
    region_check_us: float = 0.1
    cpus: int = 4
    granule: str = "2 MiB"
    spare: float = 0.06
    sleep_overshoot: float = 1.0
    tick_s: float = 1.0
    pingpong_window_s: float = 30.0
    max_extents: int = 65536
    latency_probe: bool = True
    kswapd: bool = False
    kernel: str = NEWEST

    def __post_init__(self) -> None:
        is_legacy(self.kernel)
        kinds = [tier.kind for tier in self.tiers]
        if kinds[:1] != ["memory"] or "swap" in kinds[:-1]:
            raise MachineError(
                f"tiers of machine {self.name} are out of order",
                got=", ".join(kinds) or "no tier",
                allowed="memory tiers, fastest first, then at most one swap tier",
            )
        for field, least in _LEAST.items():
            value = getattr(self, field)
            if not value >= least or not np.isfinite(value):
                raise MachineError(
                    f"{field} of machine {self.name} is too small",
                    got=value,
                    allowed=f">= {least}, finite",
                )
        if self.granule_bytes < 4096 or self.granule_bytes % 4096:
            raise MachineError(
                f"granule of machine {self.name} is no number of pages",
                got=self.granule,
                allowed="a multiple of 4 KiB",
            )

    @property
    def granule_bytes(self) -> int:
        """Bytes of a frame of the extent map."""
        return parse_size(self.granule)

    @property
    def memory_tiers(self) -> tuple[Tier, ...]:
        """Tiers that are memory nodes."""
        return tuple(tier for tier in self.tiers if tier.kind == "memory")

    @property
    def swap_tier(self) -> Tier | None:
        """The swap tier, if there is one."""
        return self.tiers[-1] if self.tiers[-1].kind == "swap" else None


_LEAST: dict[str, float] = {
    "page_move_us": 0.0,
    "region_check_us": 0.0,
    "cpus": 1,
    "spare": 0.0,
    "sleep_overshoot": 1.0,
    "tick_s": 0.01,
    "pingpong_window_s": 0.0,
    "max_extents": 16,
}


def machine_config(source: str | Path | Mapping[str, Any] | MachineConfig) -> MachineConfig:
    """Return a machine by name (conf/machine), by a YAML file's path, or from a mapping.

    Raises:
        UnknownNameError: No machine has that name, or a key is unknown.
        MachineError: A value makes no machine.

    Example:
        >>> machine_config("dram_cxl").tiers[1].name
        'cxl'
    """
    if isinstance(source, MachineConfig):
        return source
    values = described("machine", source)
    if values.get("kind") == "kernel":
        raise MachineError(
            "this machine is a kernel, not an emulated one",
            got=f"machine={values.get('name', 'kernel')}",
            fix="choose an emulated one, such as dram_cxl",
        )
    return typed(MachineConfig, values, "machine")


def capacities(config: MachineConfig, footprint_bytes: int, fast_share: float) -> NDArray[np.int64]:
    """Return the capacity of each memory tier and of the swap store (0: none), in frames.

    ``auto`` means: the fast tier and middle tiers ``fast_share`` of the footprint each; the last
    memory tier what the upper ones cannot hold when they are 60 % full, and ``spare`` more; the
    swap store the footprint and ``spare`` more.

    Raises:
        MachineError: The tiers cannot hold the footprint.
    """
    upper = 0.0
    sizes = []
    tiers = config.memory_tiers
    for place, tier in enumerate(tiers):
        last = place == len(tiers) - 1 and place > 0
        automatic = fast_share * footprint_bytes
        if last:
            automatic = (footprint_bytes - UPPER_FILL * upper) * (1.0 + config.spare)
        size = _size(tier.capacity, footprint_bytes, automatic)
        sizes.append(size)
        upper += size
    swap = config.swap_tier
    automatic = footprint_bytes * (1.0 + config.spare)
    sizes.append(0.0 if swap is None else _size(swap.capacity, footprint_bytes, automatic))
    frames = np.round(np.array(sizes) / config.granule_bytes).astype(np.int64)
    frames[: len(tiers)] = np.maximum(frames[: len(tiers)], 1)
    needed = -(-footprint_bytes // config.granule_bytes)
    if frames.sum() < needed:
        raise MachineError(
            f"machine {config.name} cannot hold the workload",
            got=f"{int(frames.sum()) * config.granule_bytes} bytes",
            allowed=f">= {needed * config.granule_bytes} bytes",
            fix="raise a tier's capacity, or set it to auto",
        )
    return frames


def _size(capacity: str, footprint_bytes: int, automatic: float) -> float:
    if capacity == "auto":
        return automatic
    if capacity.endswith("%"):
        return parse_bp(capacity) / 10000.0 * footprint_bytes
    return float(parse_size(capacity))


def one_per_machine(
    configs: str | Mapping[str, Any] | MachineConfig | Sequence[MachineConfig], num_machines: int
) -> tuple[MachineConfig, ...]:
    """Return the configuration of every machine of a batch.

    Args:
        configs: One for all (a name, a mapping, a configuration), or one per machine.
        num_machines: Machines in the batch.

    Raises:
        MachineError: There is no machine, or the numbers differ.
    """
    if num_machines < 1:
        raise MachineError("too few machines", got=num_machines, allowed=">= 1")
    if isinstance(configs, str | Mapping | MachineConfig):
        return (machine_config(configs),) * num_machines
    if len(configs) != num_machines:
        raise MachineError(
            "configurations do not fit the number of machines",
            got=len(configs),
            allowed=f"1 or {num_machines}",
        )
    return tuple(configs)
