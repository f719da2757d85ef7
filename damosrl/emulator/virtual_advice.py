"""Walking over a range's frames without moving them: to count those that pass, or to advise."""

from damosrl.damon import Action
from damosrl.emulator.jit import inner_kernel
from damosrl.emulator.madvise import advise
from damosrl.emulator.memory_state import FREE, NONE, MemoryWorld
from damosrl.emulator.rates import invalidate_sums
from damosrl.emulator.state import EngineState, code_of
from damosrl.emulator.virtual_moves import forget_moves, let_pass, next_share
from damosrl.emulator.virtual_plan import meets
from damosrl.emulator.virtual_state import Range

COLD = code_of(Action.COLD)


@inner_kernel
def mean_node(world: MemoryWorld, wanted: Range, node: int) -> None:
    """Let a walk over one node be about all frames of a range there."""
    m = wanted.m
    for s in range(wanted.first_span, wanted.end_span):
        if meets(world, wanted, s):
            move = world.virtual.moves[m, world.virtual.spans[m, s].piece]
            plan = world.virtual.plans[m, node, world.virtual.spans[m, s].piece]
            move.left, move.met, move.there = plan.inside, 0, plan.resident


@inner_kernel
def count_in_node(world: MemoryWorld, state: EngineState, wanted: Range, node: int) -> int:
    """Return the frames of a range in one node that pass the scheme's filters."""
    m, total = wanted.m, 0
    slot = world.nodes[m, node].first
    while slot != NONE:
        piece = world.slots[m, slot].piece
        if piece != FREE and world.virtual.moves[m, piece].left > 0:
            following = world.slots[m, slot].after
            share = next_share(world, m, slot)
            if share > 0:
                passed, slot = let_pass(world, state, wanted, slot, share)
                total += passed
            slot = following if slot != NONE else NONE
        else:
            slot = world.slots[m, slot].after
    return total


@inner_kernel
def count_passing(world: MemoryWorld, state: EngineState, wanted: Range) -> int:
    """Return the frames of a range that pass the scheme's filters, swapped ones left out."""
    total = 0
    for node in range(world.nodes.shape[1] - 1):
        mean_node(world, wanted, node)
        total += count_in_node(world, state, wanted, node)
        forget_moves(world, wanted)
    return total


@inner_kernel
def advise_in_node(
    world: MemoryWorld, state: EngineState, wanted: Range, node: int, action: int
) -> float:
    """Give an advice on the frames of a range in one node; return the kdamond's time, ns."""
    m, total_ns = wanted.m, 0.0
    now_s = float(state.contexts[wanted.c].now_us) * 1e-6
    slot = world.nodes[m, node].first
    while slot != NONE:
        piece, share = world.slots[m, slot].piece, 0
        if piece != FREE and world.virtual.moves[m, piece].left > 0:
            share = next_share(world, m, slot)
        if share > 0:
            slot, copy_ns = advise(world, m, node, slot, share, action, now_s)
            total_ns += copy_ns
        else:
            slot = world.slots[m, slot].after
    return total_ns


@inner_kernel
def advise_range(world: MemoryWorld, state: EngineState, wanted: Range, action: int) -> float:
    """Give an advice on a range's memory, swapped frames left out; return the time taken, ns."""
    total_ns = 0.0
    for node in range(world.nodes.shape[1] - 1):
        mean_node(world, wanted, node)
        total_ns += advise_in_node(world, state, wanted, node, action)
        forget_moves(world, wanted)
    if action != COLD:  # a folio has one accessed bit: monitors see something else from now on
        invalidate_sums(world, wanted.m, world.nodes.shape[1] - 1)
    return total_ns
