"""What may differ between two machines on which the daemon is installed."""

import re
from dataclasses import dataclass
from pathlib import Path

from damosrl.daemon.loopback_address import loopback_address
from damosrl.errors import ConfigError

BUNDLE = Path("/var/lib/damosrl/bundle")
"""Where the bundle lies unless told otherwise."""
HOMES = ("/home", "/root", "/run/user")
"""What ``ProtectHome=yes`` hides."""
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._+@/-]*")
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of an installation, as seen from inside the installed system.

    Args:
        program: The command ``damosrl`` there.
        bundle: The policy bundle there.
        user: Account that the daemon runs as.
        metrics_port: Port on loopback for Prometheus; None for no port, and then no network.
        metrics_file: File for Prometheus's text-file collector, or None.

    Raises:
        ConfigError: A path is not absolute or not plain, or two choices exclude each other.

    Example:
        >>> Choices(program=Path("/usr/bin/damosrl")).reads_homes
        False
    """

    program: Path
    bundle: Path = BUNDLE
    user: str = "root"
    metrics_port: int | None = None
    metrics_file: Path | None = None

    def __post_init__(self) -> None:
        for name, path in (
            ("--program", self.program),
            ("--bundle", self.bundle),
            ("--metrics-file", self.metrics_file),
        ):
            if path is not None:
                _require_plain(name, path)
        if not _PLAIN_NAME.fullmatch(self.user):
            raise ConfigError(
                "not the name of an account", got=repr(self.user), allowed="a-z 0-9 _ -"
            )
        if self.metrics_port is not None and self.metrics_file is not None:
            raise ConfigError("metrics go to a port or to a file", fix="leave one of the two out")

    @property
    def reads_homes(self) -> bool:
        """Whether program or bundle lie where a service normally cannot look."""
        paths = (self.program, self.bundle)
        return any(path.is_relative_to(home) for path in paths for home in HOMES)


def metrics_port(text: str | None) -> int | None:
    """Read ``--metrics``.

    Raises:
        ConfigError: It is no port, port 0, or another machine could reach it.
    """
    if text is None:
        return None
    host, port = loopback_address(text)
    if port == 0 or host != "127.0.0.1":
        raise ConfigError("metrics need a fixed port", got=text, allowed="1..65535 on 127.0.0.1")
    return port


def _require_plain(name: str, path: Path) -> None:
    if not _PLAIN_PATH.fullmatch(str(path)) or ".." in path.parts:
        raise ConfigError(
            f"{name} cannot stand in a unit file",
            got=repr(str(path)),
            allowed="an absolute path of letters, digits and . _ + @ - without ..",
            fix="move it, or link to it from such a path",
        )
