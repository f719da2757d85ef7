"""The extent map equals a plain array of frames, however it is split, moved and joined."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from damosrl.emulator.extents import forget_old_moves, tidy_slots
from damosrl.emulator.jit import kernel
from damosrl.emulator.memory_state import FREE, NONE, SLOT, MemoryWorld
from damosrl.emulator.migration import migrate_range
from damosrl.emulator.presets import MachineConfig

CAPACITY = (12, 20, 16)
USED = (10, 15, 3)
FRAMES = (7, 9, 1, 11)
RATES = (10.0, 0.0, 500.0, 2.0)


@kernel
def migrate(world: MemoryWorld, source: int, target: int, first: int, end: int, sweep: bool) -> int:
    """Migrate as a scheme does, and sweep when asked to."""
    moved = migrate_range(world, 0, source, target, first, end, world.machines[0].time_s)
    world.machines[0].time_s += 1.0
    if sweep:
        forget_old_moves(world, 0, round(10.0 * (world.machines[0].time_s - 3.0)))
    return moved


@kernel
def tidy(world: MemoryWorld, scratch: NDArray[np.void]) -> None:
    """Put the slots in order whether or not they are much scattered."""
    world.machines[0].scattered += world.slots.shape[1]
    tidy_slots(world, 0, scratch)


def frame_map(world: MemoryWorld, node: int) -> NDArray[np.int64]:
    """Return the piece in every frame of a node, checking the list on the way."""
    pieces: list[int] = []
    slot, before = int(world.nodes["first"][0, node]), NONE
    while slot != NONE:
        extent = world.slots[0, slot]
        assert extent["start"] == len(pieces)
        assert extent["before"] == before
        assert extent["length"] > 0
        pieces.extend([int(extent["piece"])] * int(extent["length"]))
        slot, before = int(extent["after"]), slot
    return np.array(pieces, np.int64)


def reference(
    maps: list[NDArray[np.int64]], source: int, target: int, first: int, end: int
) -> None:
    """Move frame by frame to the lowest free frame: the rule in its plainest form."""
    for frame in range(first, min(end, len(maps[source]))):
        free = np.flatnonzero(maps[target] == FREE)
        if maps[source][frame] != FREE and free.size:
            maps[target][free[0]] = maps[source][frame]
            maps[source][frame] = FREE


moves = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(1, 2), st.integers(0, 19), st.integers(0, 20), st.booleans()
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=150)
@given(moves=moves)
def test_map_equals_an_array_of_frames(
    make_world: Callable[..., MemoryWorld],
    two_tiers: MachineConfig,
    moves: list[tuple[int, int, int, int, bool]],
) -> None:
    """Any sequence of migrations leaves every frame as the frame-by-frame rule does."""
    world = make_world(two_tiers, FRAMES, CAPACITY, USED, RATES)
    maps = [frame_map(world, node) for node in range(3)]
    for source, step, first, end, sweep in moves:
        target = (source + step) % 3
        before = [np.count_nonzero(content == FREE) for content in maps]
        reference(maps, source, target, first, end)
        moved = migrate(world, source, target, first, end, sweep)
        assert moved == before[target] - np.count_nonzero(maps[target] == FREE)
        for node in range(3):
            assert frame_map(world, node).tolist() == maps[node].tolist()
            assert world.nodes["free"][0, node] == np.count_nonzero(maps[node] == FREE)
            mapped = maps[node][maps[node] != FREE]
            assert np.isclose(world.nodes["load"][0, node], np.take(RATES, mapped).sum())


@settings(deadline=None, max_examples=50)
@given(moves=moves)
def test_bytes_are_conserved(
    make_world: Callable[..., MemoryWorld],
    two_tiers: MachineConfig,
    moves: list[tuple[int, int, int, int, bool]],
) -> None:
    """No page is lost or doubled: each piece keeps its frames, each node its capacity."""
    world = make_world(two_tiers, FRAMES, CAPACITY, USED, RATES)
    for source, step, first, end, sweep in moves:
        migrate(world, source, (source + step) % 3, first, end, sweep)
    maps = [frame_map(world, node) for node in range(3)]
    assert [len(content) for content in maps] == list(CAPACITY)
    everything = np.concatenate(maps)
    assert np.bincount(everything[everything != FREE]).tolist() == list(FRAMES)


def test_neighbours_are_joined(
    make_world: Callable[..., MemoryWorld], two_tiers: MachineConfig
) -> None:
    """Moving a piece away bit by bit and back leaves as few extents as there were."""
    world = make_world(two_tiers, (8, 8), (8, 16, 0), (8, 8, 0), (1.0, 2.0))
    for frame in range(8):
        migrate(world, 0, 1, frame, frame + 1, sweep=False)
    for frame in range(8, 16):
        migrate(world, 1, 0, frame, frame + 1, sweep=False)
    world.machines["time_s"] = 100.0
    migrate(world, 0, 1, 0, 0, sweep=True)
    slot, extents = int(world.nodes["first"][0, 0]), 0
    while slot != NONE:
        slot, extents = int(world.slots["after"][0, slot]), extents + 1
    assert extents == 1


def test_memory_that_comes_back_soon_is_counted(
    make_world: Callable[..., MemoryWorld], two_tiers: MachineConfig
) -> None:
    """Ping-pong within the window counts as returned; after the window it does not."""
    world = make_world(two_tiers, (8, 8), (8, 16, 0), (8, 8, 0), (1.0, 2.0))
    granule = world.machines["granule_bytes"][0]
    migrate(world, 0, 1, 0, 4, sweep=False)
    migrate(world, 1, 0, 8, 10, sweep=False)
    assert world.machines["returned_bytes"][0] == 2 * granule
    world.machines["time_s"] += 40.0
    migrate(world, 1, 0, 10, 12, sweep=False)
    assert world.machines["returned_bytes"][0] == 2 * granule


@settings(deadline=None, max_examples=100)
@given(moves=moves)
def test_slots_in_order_hold_the_same_memory(
    make_world: Callable[..., MemoryWorld],
    two_tiers: MachineConfig,
    moves: list[tuple[int, int, int, int, bool]],
) -> None:
    """A pool whose slots are put in order after every move goes on as one that is left alone."""
    alone, tidied = (make_world(two_tiers, FRAMES, CAPACITY, USED, RATES) for _ in range(2))
    scratch = np.empty(tidied.slots.shape[1], SLOT)
    for source, step, first, end, sweep in moves:
        for world in (alone, tidied):
            migrate(world, source, (source + step) % 3, first, end, sweep)
        tidy(tidied, scratch)
        place = 0
        for node in range(3):
            assert frame_map(tidied, node).tolist() == frame_map(alone, node).tolist()
            assert tidied.nodes["first"][0, node] == place
            slot = int(tidied.nodes["first"][0, node])
            while slot != NONE:
                assert slot == place
                place, slot = place + 1, int(tidied.slots["after"][0, slot])
        assert tidied.machines["unused"][0] == place
    assert not tidied.machines["exhausted"][0]
