"""Folders made to harm: links, pipes, folders and vast files where a bundle has plain ones."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from damosrl.artifact import MANIFEST, SIGNATURE, WEIGHTS
from damosrl.testing.hostile_forms import Attack, Members, Rng, as_folder, one_of


def special_files(rng: Rng, members: Members, path: Path) -> Path:
    """Put something that is no regular file in the place of one of the bundle's."""
    folder = as_folder(members, path)
    place = folder / one_of(rng, (MANIFEST, WEIGHTS, SIGNATURE))
    place.unlink(missing_ok=True)
    make: Callable[[Path], object] = one_of(rng, (_link, _loop, os.mkfifo, Path.mkdir))
    make(place)
    return folder


def missing_files(rng: Rng, members: Members, path: Path) -> Path:
    """Leave out a file, or all of them, or the folder."""
    folder = as_folder(members, path)
    gone = one_of(rng, ((MANIFEST,), (WEIGHTS,), (MANIFEST, WEIGHTS)))
    for name in gone:
        (folder / name).unlink()
    if rng.random() < 0.2:
        shutil.rmtree(folder)
    return folder


def vast_files(rng: Rng, members: Members, path: Path) -> Path:
    """Make a file terabytes long; it is sparse and takes no room."""
    folder = as_folder(members, path)
    with (folder / one_of(rng, (MANIFEST, WEIGHTS, SIGNATURE))).open("ab") as stream:
        stream.truncate(int(rng.integers(2**28, 2**40)))
    return folder


def _link(place: Path) -> None:
    place.symlink_to("/etc/passwd")


def _loop(place: Path) -> None:
    place.symlink_to(place)


FOLDERS: tuple[Attack, ...] = (special_files, missing_files, vast_files)
