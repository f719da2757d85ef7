"""Thousands of bundles that must be refused, drawn from a seed: damage, harm and forgery."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from damosrl.testing.hostile_archives import HARM
from damosrl.testing.hostile_arrays import EXECUTED, FORGED_ARRAYS
from damosrl.testing.hostile_bytes import DAMAGE
from damosrl.testing.hostile_folders import FOLDERS
from damosrl.testing.hostile_forms import sound_bundles
from damosrl.testing.hostile_manifests import FORGED_MANIFESTS

ATTACKS = (*DAMAGE, *HARM, *FOLDERS, *FORGED_MANIFESTS, *FORGED_ARRAYS)

__all__ = ["ATTACKS", "EXECUTED", "HostileBundle", "hostile_bundles"]


@dataclass(frozen=True, slots=True)
class HostileBundle:
    """One of them, on the disk.

    Args:
        attack: Name of what was done to a sound bundle.
        number: Its place in the sequence.
        path: Where it lies until the next one is asked for.
    """

    attack: str
    number: int
    path: Path


def hostile_bundles(rng: np.random.Generator, folder: Path, count: int) -> Iterator[HostileBundle]:
    """Write one hostile bundle after the other; attacks take turns, details are drawn.

    Sound bundles of every kind of policy are written first, in both forms; each attack changes
    one of them. No bundle is left on the disk when the next one is asked for.

    Args:
        rng: All that is drawn comes from it: an equal generator gives equal bundles.
        folder: Where to; a pickle that were run would leave the file `EXECUTED` there.
        count: How many.

    Example:
        >>> def refused(folder: Path) -> int:
        ...     return sum(1 for _ in hostile_bundles(np.random.default_rng(0), folder, 99))
    """
    (folder / "sound").mkdir()
    sound = sound_bundles(rng, folder / "sound")
    (folder / "hostile").mkdir()
    for number in range(count):
        attack = ATTACKS[number % len(ATTACKS)]
        members = sound[int(rng.integers(len(sound)))]
        path = attack(rng, members, folder / "hostile" / f"bundle-{number}")
        yield HostileBundle(attack.__name__, number, path)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
