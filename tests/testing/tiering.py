"""A small tiered machine, a workload with a hot and a cold half, and documents that move memory."""

import numpy as np

from damosrl.damon import (
    AccessPattern,
    Action,
    AddressRange,
    Attrs,
    Context,
    Document,
    Kdamond,
    Ops,
    Quota,
    Range,
    Scheme,
    Target,
)
from damosrl.emulator.presets import MachineConfig, machine_config
from damosrl.emulator.workload.model import AccessModel, Application, StartState, Workload

MIB = 1 << 20
MOST = 4294967295


def config() -> MachineConfig:
    """Return the two-tier machine."""
    return machine_config("dram_cxl")


def workload() -> Workload:
    """Return 1 GiB, its hot quarter behind the cold rest, so that first touch puts it below."""
    rates = np.array([[0.1] * 6 + [200.0] * 2], np.float32)
    borders = np.arange(9) * 128 * MIB
    return Workload(
        "hot_end",
        "test",
        AccessModel(borders, np.zeros(1), rates),
        Application(threads=4),
        StartState(0.9, "first_touch"),
        0.5,
    )


def tiering(
    nodes: list[AddressRange] | None = None, quota_bytes: int = 64 * MIB, promote_bytes: int = 0
) -> Document:
    """Return cold down, hot up, a kdamond per node.

    Args:
        nodes: Addresses of the nodes; without, the emulator gives each kdamond a node.
        quota_bytes: Per second and scheme.
        promote_bytes: Quota of promotion; 0 is the same.
    """
    down = _scheme(Action.MIGRATE_COLD, Range(0, 1), 1, quota_bytes)
    up = _scheme(Action.MIGRATE_HOT, Range(3, MOST), 0, promote_bytes or quota_bytes)
    targets = [Target(regions=(node,)) for node in nodes] if nodes else [Target(), Target()]
    attrs = Attrs(min_nr_regions=10, max_nr_regions=100)
    return Document(
        tuple(
            Kdamond((Context(Ops.PADDR, (target,), attrs, (scheme,)),))
            for target, scheme in zip(targets, (down, up), strict=True)
        )
    )


def _scheme(action: Action, counts: Range, target_nid: int, quota_bytes: int) -> Scheme:
    return Scheme(
        action,
        AccessPattern(nr_accesses=counts),
        target_nid=target_nid,
        apply_interval_us=1_000_000,
        quota=Quota(sz_bytes=quota_bytes, reset_interval_ms=1000),
    )
