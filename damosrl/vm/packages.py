"""Fetch guest kernels with the distribution's own package tools.

The guest's kernel comes from later suites of the same distribution than the host's. A private
apt configuration (own lists, own cache, an empty status file) leaves the host's untouched.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import cmp_to_key
from pathlib import Path

from damosrl.errors import VmError

META = "linux-image-cloud-amd64"
"""The package that depends on the newest kernel of its suite."""
SUITES = ("trixie", "trixie-backports")
HOST_PROGRAMS = {
    "qemu-system-x86": Path("/usr/bin/qemu-system-x86_64"),
    "qemu-utils": Path("/usr/lib/qemu/virtiofsd"),
    "busybox-static": Path("/bin/busybox"),
}
"""Packages the host needs, with a file that shows that each is there."""

_PARTS = re.compile(r"linux-(image|binary|modules)-\d")


def call(words: Sequence[str], timeout_s: float = 600.0, cwd: Path | None = None) -> str:
    """Run a program of the distribution and return what it printed.

    Raises:
        VmError: It is missing, failed or took too long.
    """
    if shutil.which(words[0]) is None:
        raise VmError("a program is missing", got=words[0], fix="use a Debian host")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603  (our own words)
            words,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd=cwd,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise VmError(f"`{words[0]}` took longer than {timeout_s:g} s", fix="try again") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise VmError(
            f"`{words[0]}` failed", got=lines[-1] if lines else f"status {done.returncode}"
        )
    return done.stdout


def missing_host_packages() -> list[str]:
    """List the packages that the host still needs."""
    return [package for package, file in HOST_PROGRAMS.items() if not file.exists()]


def install_host_packages(packages: Sequence[str]) -> None:
    """Install packages on the host; needs root.

    Raises:
        VmError: We are not root, or the installation failed.
    """
    words = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0:
        raise VmError(
            "packages are missing", got=", ".join(packages), fix=f"sudo {' '.join(words)}"
        )
    call(["apt-get", "update"])
    call(words)


def sources_text(host_sources: str, suites: Sequence[str] = SUITES) -> str:
    r"""Derive the private sources from the host's: same archive and key, later suites.

    Args:
        host_sources: Text of a deb822 sources file.
        suites: Suites to take kernels from.

    Raises:
        VmError: The text names no archive.

    Example:
        >>> print(sources_text("URIs: file:/mirror\n", ["trixie"]).splitlines()[1])
        URIs: file:/mirror
    """
    fields = dict(re.findall(r"^(URIs|Signed-By):[ \t]*(\S+)", host_sources, re.MULTILINE)[::-1])
    if "URIs" not in fields:
        raise VmError("the host's package sources name no archive", fix="use a deb822 .sources")
    key = fields.get("Signed-By", "/usr/share/keyrings/debian-archive-keyring.gpg")
    return (
        f"Types: deb\nURIs: {fields['URIs']}\nSuites: {' '.join(suites)}\n"
        f"Components: main\nSigned-By: {key}\n"
    )


def apt_text(folder: Path) -> str:
    """Write the private apt configuration, everything below ``folder``."""
    return "".join(
        f'{key} "{value}";\n'
        for key, value in {
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": folder / "sources",
            "APT::Sandbox::User": "root",
        }.items()
    )


class Archive:
    """The distribution's archive, read through a private apt configuration.

    Args:
        folder: Where lists and downloads go.
        host_sources: The host's own deb822 sources file.
    """

    def __init__(self, folder: Path, host_sources: Path) -> None:
        self._config = folder / "apt.conf"
        self._downloads = folder / "downloads"
        for name in ("state/lists/partial", "cache/archives/partial", "sources", "downloads"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        if not host_sources.exists():
            raise VmError("the host's package sources were not found", fix="use a Debian host")
        (folder / "sources/lab.sources").write_text(sources_text(host_sources.read_text()))
        self._config.write_text(apt_text(folder))

    def update(self) -> None:
        """Fetch the lists of packages."""
        call(["apt-get", "-c", str(self._config), "update"])

    def kernel_packages(self, name: str) -> list[str]:
        """Resolve a kernel's name to the packages that hold it, with versions.

        Args:
            name: ``newest``, or the beginning of a version such as ``6.12``.

        Raises:
            VmError: The archive has no such kernel.
        """
        stanzas = [
            stanza
            for stanza in self._show(META)
            if name == "newest" or stanza["Version"].startswith(f"{name}.")
        ]
        if not stanzas:
            raise VmError("the archive has no such kernel", got=name, allowed="newest, 6.12")
        newest = max((stanza["Version"] for stanza in stanzas), key=cmp_to_key(_compare))
        meta = next(stanza for stanza in stanzas if stanza["Version"] == newest)
        wanted, todo = dict[str, None](), _kernel_parts(meta)
        while todo:
            package = todo.pop()
            if package not in wanted:
                wanted[package] = None
                todo += [part for stanza in self._show(package) for part in _kernel_parts(stanza)]
        return list(wanted)

    def extract(self, packages: Sequence[str], target: Path) -> None:
        """Download packages and unpack their files below ``target``."""
        for old in self._downloads.iterdir():
            old.unlink()
        call(["apt-get", "-c", str(self._config), "download", *packages], cwd=self._downloads)
        for file in sorted(self._downloads.glob("*.deb")):
            call(["dpkg-deb", "-x", str(file), str(target)])
            file.unlink()

    def _show(self, package: str) -> list[dict[str, str]]:
        text = call(["apt-cache", "-c", str(self._config), "show", package])
        return [
            dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, re.MULTILINE))
            for stanza in text.strip().split("\n\n")
        ]


def _kernel_parts(stanza: dict[str, str]) -> list[str]:
    names = [word.split()[0] for word in stanza.get("Depends", "").split(",") if word.strip()]
    return [name for name in names if _PARTS.match(name)]


def _compare(left: str, right: str) -> int:
    """Order two package versions by the distribution's own rules."""
    if left == right:
        return 0
    words = ["dpkg", "--compare-versions", left, "gt", right]
    return 1 if subprocess.run(words, check=False).returncode == 0 else -1  # noqa: S603
