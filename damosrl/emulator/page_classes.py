"""From a workload's page classes into a machine's pieces."""

import numpy as np

from damosrl.emulator.memcg import memcg_id
from damosrl.emulator.memory_state import PIECE, MemoryWorld
from damosrl.emulator.rate_store import GridModel
from damosrl.emulator.workload.model import PageLayout


def write_page_classes(
    world: MemoryWorld,
    machine: int,
    model: GridModel,
    granule_bytes: int,
    layout: PageLayout | None,
) -> None:
    """Write what the pages of a machine's pieces are.

    A piece has the class of its first byte: pieces are cut where classes change, but for a frame
    that is larger than a block of one class.

    Args:
        world: The machines.
        machine: Index of the machine.
        model: Its pieces.
        granule_bytes: Size of a frame.
        layout: Classes by address; None means what all zeros mean: anonymous, mapped, root group,
            folios of 4 KiB.
    """
    pieces = np.zeros(world.pieces.shape[1], PIECE)
    pieces["pace"] = 1.0
    pieces["frames"][: len(model.piece_frames)] = model.piece_frames
    if layout is not None:
        frames = np.cumsum(model.piece_frames) - model.piece_frames
        for piece, kind in enumerate(layout.at(frames * granule_bytes)):
            record = pieces[piece : piece + 1]
            record["file"] = kind.kind == "file"
            record["unmapped"] = not kind.mapped
            record["memcg"] = memcg_id(kind.memcg)
            record["order"] = kind.order
    world.pieces[machine] = pieces
