"""Watermarks: schemes sleep while free memory is plenty or hopeless (semantics 2.4)."""

from typing import Any

import numpy as np

from damosrl.emulator.arithmetic import U
from damosrl.emulator.jit import inner_kernel, lean_kernel
from damosrl.emulator.state import EngineState
from damosrl.emulator.world import free_mem_permil

NEVER = ~U(0)


@lean_kernel
def wait_us(scheme: Any, free_permil: np.uint64) -> np.uint64:
    """Evaluate one scheme's watermarks: set its activation, return the wait it wishes."""
    if free_permil > scheme.wmark_high or free_permil < scheme.wmark_low:
        scheme.activated = 0
        return U(scheme.wmark_interval_us)
    if scheme.activated == 0 and free_permil >= scheme.wmark_mid:
        return U(scheme.wmark_interval_us)
    scheme.activated = 1
    return U(0)


@inner_kernel
def shortest_wait_us(world: Any, state: EngineState, c: int) -> np.uint64:
    """Evaluate all schemes; return the shortest wait, 0 if monitoring goes on."""
    context = state.contexts[c]
    shortest = NEVER
    for s in range(context.nr_schemes):
        scheme = state.schemes[c, s]
        wait = U(0)
        if scheme.wmark_metric != 0:
            wait = wait_us(scheme, free_mem_permil(world, state, c))
        shortest = min(shortest, wait)
    return U(0) if shortest == NEVER else shortest
