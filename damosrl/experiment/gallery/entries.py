"""What a folder of published results shows in the gallery: ``gallery.yaml`` in it."""

from dataclasses import dataclass
from pathlib import Path

from damosrl.config import load_yaml, typed
from damosrl.errors import ConfigError

FILE = "gallery.yaml"


@dataclass(frozen=True)
class Entry:
    """One picture of the gallery.

    Args:
        title: What it shows, in a few words.
        picture: PNG, by a path relative to the folder.
        look_for: What a reader should see in it, in two or three sentences.
        command: What reproduces the results behind it.
        page: Document that says more, such as ``docs/acma.md``.
        order: Smaller ones come first.
    """

    title: str
    picture: str
    look_for: str
    command: str
    page: str = ""
    order: int = 100


def gallery_entries(folder: Path) -> list[tuple[Path, Entry]]:
    """Return the entries of all folders below one, with their pictures' paths, in their order.

    Raises:
        ConfigError: There is no entry, one is wrong, or its picture is missing or lies elsewhere.
    """
    found = [_entry(path) for path in sorted(folder.glob(f"*/{FILE}"))]
    if not found:
        raise ConfigError(
            f"{folder} shows nothing in a gallery",
            allowed=f"folders with {FILE} in them",
            fix="give results/published",
        )
    return sorted(found, key=lambda item: (item[1].order, item[1].title))


def _entry(path: Path) -> tuple[Path, Entry]:
    entry = typed(Entry, load_yaml(path), str(path))
    picture = (path.parent / entry.picture).resolve()
    inside = picture.is_relative_to(path.parent.resolve())
    if not inside or picture.suffix != ".png" or not picture.is_file():
        raise ConfigError(
            f"the picture of {path} cannot be shown",
            got=entry.picture,
            allowed="a PNG file in the same folder",
        )
    return picture, entry
