"""From a workload's applications into a machine's records: one closed loop, or one per tenant."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.memcg import memcg_id
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.workload.model import Application, Workload
from damosrl.errors import MachineError


def write_applications(
    world: MemoryWorld, machine: int, workload: Workload, config: MachineConfig
) -> MemoryWorld:
    """Write what runs on a machine; the pages of its pieces are known already.

    Returns:
        The world, with room for the tenants.

    Raises:
        MachineError: Several tenants on a machine with swap space, or a tenant without memory, or
            memory without a tenant.
    """
    tenants = workload.tenants
    record = world.machines[machine : machine + 1]
    record["num_tenants"] = max(len(tenants), 1)
    if not tenants:
        _write_loop(record, workload.application)
        return world
    if config.swap_tier is not None:
        raise MachineError(
            f"machine {config.name} has swap space, and workload {workload.name} several tenants",
            got=config.swap_tier.name,
            allowed="memory tiers only: time stalled on faults is one number per machine",
            fix="choose a machine such as dram_cxl",
        )
    world = _grown(world, len(tenants))
    groups = [memcg_id(tenant.memcg) for tenant in tenants]
    for place, tenant in enumerate(tenants):
        row = world.tenants[machine, place : place + 1]
        row["memcg"] = groups[place]
        _write_loop(row, tenant.application)
    rows = world.tenants[machine, : len(tenants)]
    record["threads"], record["in_flight"] = rows["threads"].sum(), rows["in_flight"].sum()
    record["think_ns"] = rows["think_ns"] @ rows["in_flight"] / rows["in_flight"].sum()
    _write_owners(world, machine, workload, groups)
    return world


def _write_loop(record: NDArray[np.void], application: Application) -> None:
    record["threads"] = application.threads
    record["in_flight"] = application.threads * application.parallelism
    record["think_ns"] = application.think_time_ns


def _write_owners(world: MemoryWorld, machine: int, workload: Workload, groups: list[int]) -> None:
    """Tell whose each piece is, by its control group."""
    pieces = world.pieces[machine, : int(world.machines["num_pieces"][machine])]
    for group, tenant in zip(groups, workload.tenants, strict=True):
        if not pieces["frames"][pieces["memcg"] == group].any():
            raise MachineError(
                f"tenant {tenant.memcg} of workload {workload.name} has no memory",
                fix="give it pages, or leave it out",
            )
    if len(set(groups)) < len(groups) or not np.isin(pieces["memcg"], groups).all():
        raise MachineError(
            f"memory of workload {workload.name} has no tenant, or two",
            got=", ".join(tenant.memcg for tenant in workload.tenants),
            allowed="every page in the control group of one tenant",
        )
    pieces["tenant"] = np.argmax(pieces["memcg"][:, None] == np.array(groups), axis=1)


def _grown(world: MemoryWorld, tenants: int) -> MemoryWorld:
    if world.tenants.shape[1] >= tenants:
        return world
    return world._replace(
        tenants=_padded(world.tenants, tenants),
        tenant_nodes=_padded(world.tenant_nodes, tenants),
    )


def _padded(array: NDArray[Any], tenants: int) -> NDArray[Any]:
    larger = np.zeros((len(array), tenants, *array.shape[2:]), array.dtype)
    larger[:, : array.shape[1]] = array
    return larger
