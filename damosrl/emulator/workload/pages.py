"""What the pages of a workload are: anonymous or of files, in which control group, folio size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.workload.address_space import PAGE_BYTES
from damosrl.emulator.workload.model import AccessModel, PageClass, PageLayout
from damosrl.emulator.workload.parameters import Sampler, check, percent
from damosrl.emulator.workload.pieces import GRANULE_BYTES, even_borders
from damosrl.errors import WorkloadError

MAX_BLOCKS = 4096


@dataclass(frozen=True, slots=True)
class PagesConfig:
    """Classes by share of the address space.

    The space is cut into equal blocks; each class gets its share of them, rounded by largest
    remainders, and places are drawn in every episode. Without it all memory is anonymous, mapped,
    in the root group, and in folios of 4 KiB.

    Args:
        classes: The classes.
        blocks: Number of blocks, at most one per 2 MiB.

    Example:
        >>> config = PagesConfig((PageClass(0.75), PageClass(0.25, "file")), blocks=4)
        >>> layout = config.draw(64, Sampler(np.random.default_rng(0), False))
        >>> sorted(page.kind for page in layout.classes)
        ['anon', 'anon', 'anon', 'file']
    """

    classes: tuple[PageClass, ...]
    blocks: int = 64

    def __post_init__(self) -> None:
        check("pages.blocks", self.blocks, 1, MAX_BLOCKS)
        if sum(page.share for page in self.classes) <= 0.0:
            raise WorkloadError("pages.classes have no share", allowed="one share above 0")

    def draw(self, granules: int, sampler: Sampler) -> PageLayout:
        """Draw the layout of one episode on a footprint of so many 2 MiB granules."""
        blocks = min(self.blocks, granules)
        shares = np.array([page.share for page in self.classes])
        exact = blocks * shares / shares.sum()
        counts = np.floor(exact).astype(np.int64)
        missing = blocks - int(counts.sum())
        counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
        order = sampler.rng.permutation(np.repeat(np.arange(len(counts)), counts))
        borders = even_borders(granules, blocks) * GRANULE_BYTES
        return PageLayout(borders, tuple(self.classes[place] for place in order))

    def describe(self) -> str:
        """Say what the pages are."""
        total = sum(page.share for page in self.classes)
        parts = [
            f"{percent(page.share / total)} {page.kind} in {page.memcg}, "
            f"folios of {PAGE_BYTES << page.order >> 10} KiB"
            + ("" if page.mapped else ", unmapped")
            + ("" if page.compression is None else f", compressed to 1/{page.compression:g}")
            for page in self.classes
        ]
        return f"Pages: {'; '.join(parts)}."


def cut_pieces(access: AccessModel, border_bytes: NDArray[np.int64]) -> AccessModel:
    """Return the same accesses with pieces cut at more borders.

    Example:
        >>> access = AccessModel(np.array([0, 8192]), np.zeros(1), np.ones((1, 1), np.float32))
        >>> cut_pieces(access, np.array([0, 4096, 8192])).rate_hz
        array([[1., 1.]], dtype=float32)
    """
    borders = np.union1d(access.border_bytes, border_bytes)
    pieces = np.searchsorted(access.border_bytes, borders[:-1], side="right") - 1
    return AccessModel(
        borders, access.epoch_s, np.ascontiguousarray(access.rate_hz[:, pieces]), access.period_s
    )
