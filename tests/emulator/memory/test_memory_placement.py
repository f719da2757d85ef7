"""Memory laid out run by run, free frames in between."""

from collections.abc import Callable

import numpy as np

from damosrl.emulator.extents import locate
from damosrl.emulator.memory_state import FREE, MemoryWorld
from damosrl.emulator.placement import lay_runs
from damosrl.emulator.presets import MachineConfig


def test_every_run_lies_where_it_was_put(
    two_tiers: MachineConfig, make_world: Callable[..., MemoryWorld]
) -> None:
    """Frames, free ones and those of the second node, hold the piece that the runs say."""
    world = make_world(two_tiers, (4, 6), (10, 8), (10, 0), (1.0, 2.0))
    node = np.array([0, 0, 0, 1, 1])
    frames = np.array([3, 4, 3, 6, 2])
    pieces = np.array([FREE, 0, FREE, 1, FREE])
    lay_runs(world, 0, node, frames, pieces)
    for place, capacity in ((0, 10), (1, 8)):
        wanted = np.repeat(pieces[node == place], frames[node == place])
        found = [
            int(world.slots["piece"][0, locate(world, 0, place, frame)])
            for frame in range(capacity)
        ]
        assert found == wanted.tolist()
    assert world.nodes["total"][0, :2].tolist() == [10, 8]
    assert world.nodes["free"][0, :2].tolist() == [6, 2]
