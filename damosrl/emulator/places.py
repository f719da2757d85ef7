"""Where a context's addresses lie: its machine, its node, its frames."""

import numpy as np

from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.state import EngineState

U = np.uint64


@inner_kernel
def place_of(world: MemoryWorld, c: int) -> tuple[int, int]:
    """Return machine and node of a context; `NONE` if its addresses are not those of one node."""
    watch = world.watches[c]
    return watch.machine, watch.node


@inner_kernel
def machine_of(world: MemoryWorld, c: int) -> int:
    """Return the machine of a context."""
    return int(world.watches[c].machine)


@inner_kernel
def kdamonds_of(world: MemoryWorld) -> int:
    """Return the kdamonds per machine: kdamond k of machine m is context m * K + k."""
    return len(world.watches) // len(world.machines)


@inner_kernel
def sampling_s(state: EngineState, c: int) -> float:
    """Return the real length of a context's sampling interval."""
    return float(state.contexts[c].sample_us) * state.contexts[c].overshoot * 1e-6
