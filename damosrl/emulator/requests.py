"""What a running kdamond is asked to do, at the request slots of its main loop (semantics 1.7)."""

from typing import Any

from damosrl.emulator.commit import commit_staged, commit_staged_goals
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.state import (
    COMMIT,
    COMMIT_GOALS,
    WAKE,
    WALK_CANCELLED,
    WALK_PENDING,
    EngineState,
)


@inner_kernel
def serve(state: EngineState, c: int) -> None:
    """Do what is asked; a later request of a kind has replaced an earlier one."""
    context = state.contexts[c]
    request, context.request = context.request, 0
    if request & WAKE:
        for s in range(context.nr_schemes):
            state.schemes[c, s].activated = 1
    if request & COMMIT_GOALS:
        commit_staged_goals(state, c)
    if request & COMMIT:
        commit_staged(state, c)


@inner_kernel
def serve_requests(state: EngineState, c: int) -> None:
    """Serve requests if there are any; without one this costs a comparison."""
    if state.contexts[c].request != 0:
        serve(state, c)


@inner_kernel
def serve_goals(state: EngineState, c: int) -> None:
    """Serve what kernel 6.12 does before a sample: a whole commit waits for a window's end."""
    context = state.contexts[c]
    if context.request & COMMIT_GOALS:
        context.request &= ~COMMIT_GOALS
        commit_staged_goals(state, c)


@inner_kernel
def cancel_walk(context: Any) -> None:
    """End a tried-regions request that cannot be served: the kernel's ECANCELED."""
    if context.walk == WALK_PENDING:
        context.walk = WALK_CANCELLED
