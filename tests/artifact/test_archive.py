"""The one-file form: exactly the bundle's files, stored, with not a byte between them."""

import io
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.artifact import MANIFEST, WEIGHTS, load_artifact, save_artifact
from damosrl.artifact.archive import pack, unpack
from damosrl.errors import ArtifactError
from damosrl.testing.sample_policies import SAMPLE_SPEC, sample_tree

names = st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,3})?", fullmatch=True)


@given(st.dictionaries(names, st.binary(max_size=200), max_size=5))
def test_archives_keep_their_members(members: dict[str, bytes]) -> None:
    """What is packed is unpacked, in its order; other tools read it too."""
    content = pack(members)
    assert list(unpack(content, "x", max_members=5).items()) == list(members.items())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A bundle in one file."""
    tree = sample_tree(np.random.default_rng(0))
    return save_artifact(tmp_path / "p.damosrl", tree, spec=SAMPLE_SPEC, algorithm="tree")


def test_each_flipped_byte_is_refused(file: Path) -> None:
    """No byte of the file is left uncovered, be it a date in the archive's own headers."""
    content = file.read_bytes()
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        with pytest.raises(ArtifactError):
            load_artifact(file)


def test_a_cut_or_longer_file_is_refused(file: Path) -> None:
    """A file that lacks its end, or has bytes before or after it, is refused."""
    content = file.read_bytes()
    for changed in (
        b"",
        content[:-1],
        content[: len(content) // 2],
        content + b"x",
        b"x" + content,
    ):
        file.write_bytes(changed)
        with pytest.raises(ArtifactError):
            load_artifact(file)


def _rewrite(file: Path, change: Callable[[zipfile.ZipFile, dict[str, bytes]], object]) -> None:
    """Write the members again, by a hand that may do as it likes."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of duplicates
        change(archive, members)


def _link(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    archive.writestr(MANIFEST, members[MANIFEST])
    entry = zipfile.ZipInfo(WEIGHTS)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


def _write(archive: zipfile.ZipFile, *members: tuple[str, bytes], packed: int = 0) -> None:
    for name, content in members:
        archive.writestr(name, content, packed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda archive, had: _write(archive, *had.items(), ("../x", b"")), "is a path"),
        (lambda archive, had: _write(archive, *had.items(), ("/etc/x", b"")), "is a path"),
        (lambda archive, had: _write(archive, *had.items(), ("c:\\x", b"")), "is a path"),
        (lambda archive, had: _write(archive, *had.items(), ("\u00fc", b"")), "is a path"),
        (lambda archive, had: _write(archive, *had.items(), ("a/", b"")), "is a path"),
        (lambda archive, had: _write(archive, *had.items(), (WEIGHTS, b"")), "there twice"),
        (lambda archive, had: _write(archive, *had.items(), packed=8), "compressed"),
        (lambda archive, _: _write(archive, (MANIFEST, b" " * 10**7), packed=8), "compressed"),
        (lambda archive, had: _write(archive, *had.items(), ("more.txt", b"")), "other files"),
        (lambda archive, had: _write(archive, (MANIFEST, had[MANIFEST])), "other files"),
        (lambda archive, had: _write(archive, *reversed(had.items())), "other files"),
        (lambda archive, _: _write(archive, *((f"n{i}", b"") for i in range(9))), "too many"),
        (_link, "a link or no file"),
        (lambda archive, had: _write(archive, *had.items()), "bytes outside its files"),
    ],
)
def test_hostile_archives_are_refused(
    file: Path, change: Callable[[zipfile.ZipFile, dict[str, bytes]], object], message: str
) -> None:
    """Paths, links, duplicates, compressed and further members are refused with the reason."""
    _rewrite(file, change)
    with pytest.raises(ArtifactError, match=message):
        load_artifact(file)
