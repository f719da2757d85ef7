"""Where the package keeps what is not Python."""

from pathlib import Path

from damosrl.errors import ConfigError


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


def recordings_dir() -> Path:
    """Return the folder of the DAMON recordings that ship with the package."""
    return Path(__file__).resolve().parent / "recordings"
