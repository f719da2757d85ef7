"""Where the package keeps what is not Python."""

import sys
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from damosrl.errors import ConfigError

CONF_GROUP = "damosrl.conf"
"""Entry points of packages that bring choices of their own: each names a package with a conf/."""


def conf_dir() -> Path:
    """Return the folder of the Hydra configuration tree.

    A wheel carries the tree as ``damosrl/conf``; a checkout keeps it at ``conf``.

    Raises:
        ConfigError: Neither folder holds ``train.yaml``.
    """
    package = Path(__file__).resolve().parent
    candidates = (package / "conf", package.parent / "conf")
    for candidate in candidates:
        if (candidate / "train.yaml").is_file():
            return candidate
    raise ConfigError(
        "the configuration tree is missing",
        allowed=" or ".join(str(path) for path in candidates),
        fix="reinstall damosrl, or run from a complete checkout",
    )


def conf_dirs() -> tuple[Path, ...]:
    """Return every folder that choices are looked up in: this package's, then those of others.

    Raises:
        ConfigError: A package that registered itself has no ``conf`` folder.
    """
    return (conf_dir(), *_foreign_conf_dirs(tuple(sys.path)))


@cache
def _foreign_conf_dirs(search_path: tuple[str, ...]) -> tuple[Path, ...]:
    del search_path  # what is found depends on it alone
    found = []
    for point in entry_points(group=CONF_GROUP):
        spec = find_spec(point.value)
        places = () if spec is None else spec.submodule_search_locations or ()
        folders = [Path(place) / "conf" for place in places if (Path(place) / "conf").is_dir()]
        if not folders:
            raise ConfigError(
                f"the entry point {point.name} of {CONF_GROUP} leads to no configuration",
                got=point.value,
                allowed="a package with a folder conf/ in it",
                fix="mend or remove the package",
            )
        found += folders
    return tuple(found)


def recordings_dir() -> Path:
    """Return the folder of the DAMON recordings that ship with the package."""
    return Path(__file__).resolve().parent / "recordings"
