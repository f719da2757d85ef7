"""Which modules go into the initial RAM file system, and in which order."""

import lzma
from pathlib import Path

import pytest

from damosrl.errors import VmError
from damosrl.vm.initrd import load_order


def _module(folder: Path, name: str, depends: str, *, packed: bool = False) -> None:
    image = b"\x7fELF\0depends=" + depends.encode() + b"\0name=" + name.encode() + b"\0"
    folder.mkdir(exist_ok=True)
    if packed:
        (folder / f"{name}.ko.xz").write_bytes(lzma.compress(image))
    else:
        (folder / f"{name}.ko").write_bytes(image)


def test_dependencies_come_first_and_once(tmp_path: Path) -> None:
    """A module follows all it needs, through packed files and both spellings of names."""
    _module(tmp_path / "block", "zram", "lz4-compress,zsmalloc", packed=True)
    _module(tmp_path / "lib", "lz4_compress", "core")
    _module(tmp_path / "mm", "zsmalloc", "core", packed=True)
    _module(tmp_path / "lib", "core", "")
    order = [name for name, _ in load_order(tmp_path, ["zram", "core"])]
    assert order == ["core", "lz4_compress", "zsmalloc", "zram"]


def test_images_are_unpacked_and_built_in_dependencies_skipped(tmp_path: Path) -> None:
    """The guest's insmod needs plain files; what has no file is in the kernel."""
    _module(tmp_path, "zram", "built_in", packed=True)
    assert [image[:4] for _, image in load_order(tmp_path, ["zram"])] == [b"\x7fELF"]


def test_a_module_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message names it."""
    with pytest.raises(VmError, match="no such module: got zram"):
        list(load_order(tmp_path, ["zram"]))
