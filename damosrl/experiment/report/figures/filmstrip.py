"""A filmstrip of a guest's block map: one row of pictures per tuner, time from left to right."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from damosrl.acma.blockmap import BlockKind

COLOURS: Mapping[BlockKind, tuple[str, str]] = {
    BlockKind.UNMOVABLE: ("#1F2430", "unmovable pages"),
    BlockKind.FULL: ("#3B6FB6", "used in full"),
    BlockKind.MIXED: ("#E0A33E", "used in part"),
    BlockKind.BALLOONED: ("#B23A1E", "balloon pages"),
    BlockKind.BACKED_FREE: ("#B9C6D8", "free, host backs it"),
    BlockKind.REPORTED: ("#E8ECF1", "free, host has it"),
    BlockKind.GIVEN: ("#7BB274", "given by ACMA or unplugged"),
}
WIDTH = 64
"""Blocks per line: one window of 128 MiB."""


def filmstrip(
    films: Mapping[str, Sequence[NDArray[np.int64]]], seconds: Sequence[int], title: str
) -> Figure:
    """Draw maps of blocks; the lowest address is at the bottom, a line is one window.

    Args:
        films: Maps ``(blocks,)`` of `BlockKind` by tuner, one per moment.
        seconds: The moments.
        title: What the figure shows.
    """
    figure = Figure(figsize=(1.55 * len(seconds) + 1.2, 1.75 * len(films) + 1.1))
    axes = figure.subplots(len(films), len(seconds), squeeze=False)
    colours = ListedColormap([COLOURS[kind][0] for kind in BlockKind])
    for row, (name, maps) in enumerate(films.items()):
        for column, (moment, blocks) in enumerate(zip(seconds, maps, strict=True)):
            ax = axes[row, column]
            lines = blocks[: len(blocks) // WIDTH * WIDTH].reshape(-1, WIDTH)
            ax.imshow(lines, cmap=colours, vmin=-0.5, vmax=len(BlockKind) - 0.5, origin="lower",
                      aspect="auto", interpolation="nearest")  # fmt: skip
            ax.set(xticks=[], yticks=[])
            if row == 0:
                ax.set_title(f"{moment} s", fontsize=9, loc="center")
            if column == 0:
                ax.set_ylabel(name, fontsize=9)
    patches = [Patch(facecolor=colour, edgecolor="#9AA1AD", linewidth=0.5, label=words)
               for colour, words in COLOURS.values()]  # fmt: skip
    figure.legend(handles=patches, loc="lower center", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10, fontweight="bold", x=0.02, y=0.97, ha="left")
    figure.subplots_adjust(left=0.09, right=0.99, top=0.9, bottom=0.13, wspace=0.06, hspace=0.08)
    return figure
