"""The private package configuration, and which packages hold a kernel."""

import re
from pathlib import Path

import pytest

from damosrl.errors import VmError
from damosrl.vm import packages

HOST = """\
Types: deb
URIs: file:/mirror/main
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /keys/a.gpg

Types: deb
URIs: file:/mirror/security
Suites: bookworm-security
Signed-By: /keys/b.gpg
"""


def test_sources_take_the_hosts_first_archive_and_key_with_later_suites() -> None:
    """Only the suites differ from the host's own."""
    assert packages.sources_text(HOST, ["later"]) == (
        "Types: deb\nURIs: file:/mirror/main\nSuites: later\n"
        "Components: main\nSigned-By: /keys/a.gpg\n"
    )


def test_sources_without_an_archive_are_refused() -> None:
    """A one-line sources file is not understood, and said so."""
    with pytest.raises(VmError, match="name no archive"):
        packages.sources_text("deb file:/mirror bookworm main\n")


def test_the_private_configuration_leaves_the_folder_nowhere() -> None:
    """Every path apt may write lies below the lab."""
    text = packages.apt_text(Path("/lab/apt"))
    paths = dict(re.findall(r'^(\S+) "(/\S+)";$', text, re.MULTILINE))
    assert {key for key, path in paths.items() if not path.startswith("/lab/apt/")} == {
        "Dir::Etc::sourcelist"
    }
    assert {"Dir::State", "Dir::State::status", "Dir::Cache"} < set(paths)


@pytest.mark.parametrize(
    ("name", "image"),
    [("newest", "linux-image-6.13.1-cloud"), ("6.12", "linux-image-6.12.10-cloud")],
)
def test_a_kernels_name_is_resolved_through_dependencies(
    name: str, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest of those asked for is taken, compared as versions, with its parts."""
    shown = {
        packages.META: "\n\n".join(
            f"Package: {packages.META}\nVersion: {v}-1\nDepends: linux-image-{v}-cloud (= {v}-1)"
            for v in ("6.12.9", "6.12.10", "6.13.1")
        ),
        image: f"Package: {image}\nVersion: 1\nDepends: kmod, linux-modules-6-cloud (= 1)",
        "linux-modules-6-cloud": "Package: linux-modules-6-cloud\nVersion: 1\n",
    }
    monkeypatch.setattr(packages, "call", lambda words: shown[words[-1]])
    (tmp_path / "host.sources").write_text(HOST)
    archive = packages.Archive(tmp_path / "apt", tmp_path / "host.sources")
    assert archive.kernel_packages(name) == [image, "linux-modules-6-cloud"]


def test_a_failing_program_is_reported_with_its_last_line() -> None:
    """What the distribution's tool said last is the reason."""
    with pytest.raises(VmError, match=r"`sh` failed: got reason"):
        packages.call(["sh", "-c", "echo noise >&2; echo reason >&2; exit 1"])
