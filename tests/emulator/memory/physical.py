"""One machine whose memory tests know frame by frame, and kernels that act on it."""

from dataclasses import replace

import numpy as np

from damosrl.damon import Context, Document, Kdamond, Ops, Scheme, Target
from damosrl.emulator.jit import kernel
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.physical_actions import act
from damosrl.emulator.physical_metrics import metric
from damosrl.emulator.presets import MachineConfig
from damosrl.emulator.state import EngineState
from damosrl.emulator.workload.model import Workload

MIB = 1 << 20
FRAME = 2 * MIB


@kernel
def apply(
    world: MemoryWorld, state: EngineState, s: int, start: np.uint64, end: np.uint64
) -> np.uint64:
    """Apply a scheme of node 0 to a range."""
    return act(world, state, 0, s, start, end)


@kernel
def goal_metric(world: MemoryWorld, state: EngineState, c: int, s: int, g: int) -> np.uint64:
    """Return the value of a goal's metric."""
    return metric(world, state, c, s, g)


def machine_with(
    config: MachineConfig, workload: Workload, *schemes: Scheme, granule: str = "2 MiB"
) -> EmulatedMachines:
    """Return a loaded machine whose first node is watched with schemes, the others without."""
    watched = Context(Ops.PADDR, (Target(),), schemes=tuple(schemes))
    others = [Context(Ops.PADDR, (Target(),))] * (len(config.memory_tiers) - 1)
    document = Document(tuple(Kdamond((context,)) for context in [watched, *others]))
    machines = EmulatedMachines(replace(config, granule=granule), 1, document)
    machines.load(0, workload, seed=1)
    return machines


def run_action(machines: EmulatedMachines, start: int, end: int, scheme: int = 0) -> int:
    """Apply a scheme to bytes of node 0; return the bytes it was applied to."""
    return int(apply(machines.world, machines.engine, scheme, np.uint64(start), np.uint64(end)))


def passed_bytes(machines: EmulatedMachines, scheme: int = 0) -> int:
    """Return the bytes that have passed a scheme's filters so far."""
    return int(machines.engine.schemes["sz_ops_filter_passed"][0, scheme])


def column(machines: EmulatedMachines, node: int, name: str) -> list[int]:
    """Return a field of the extent that holds each frame of a node, -1 for free frames."""
    world, values = machines.world, list[int]()
    slot = int(world.nodes["first"][0, node])
    while slot != NONE:
        extent = world.slots[0, slot]
        assert int(extent["start"]) == len(values)
        value = FREE if extent["piece"] == FREE else int(extent[name])
        values.extend([value] * int(extent["length"]))
        slot = int(extent["after"])
    return values


def pieces_on(machines: EmulatedMachines, node: int) -> list[int]:
    """Return the piece in each frame of a node."""
    return column(machines, node, "piece")
