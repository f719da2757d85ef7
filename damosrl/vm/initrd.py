"""The guest's first root: busybox, our /init, and a few kernel modules."""

import gzip
import lzma
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from damosrl.errors import VmError
from damosrl.vm import cpio

MODULES = ("zram", "virtio_balloon", "virtio_mem")
"""Modules loaded at boot: swap in memory, and memory that grows and shrinks."""

_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


def initrd(busybox: Path, modules: Path, wanted: Iterable[str] = MODULES) -> bytes:
    """Build the compressed archive.

    Args:
        busybox: A statically linked busybox.
        modules: Folder of the kernel's modules, ``lib/modules/VERSION``.
        wanted: Module names; those they depend on come before them.
    """
    images = dict(load_order(modules, wanted))
    init = files("damosrl.vm").joinpath("init.sh").read_bytes()
    listing = "".join(f"{name}.ko\n" for name in images)
    entries = [
        *(cpio.folder(name) for name in ("bin", "dev", "modules")),
        cpio.console(),
        cpio.file("bin/busybox", busybox.read_bytes(), executable=True),
        cpio.file("init", init, executable=True),
        cpio.file("modules/list", listing.encode()),
        *(cpio.file(f"modules/{name}.ko", image) for name, image in images.items()),
    ]
    return gzip.compress(cpio.archive(entries), compresslevel=1, mtime=0)


def load_order(modules: Path, wanted: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield names and images of modules, each after those it depends on.

    A module names its dependencies in its own ``.modinfo`` section (``depends=a,b``); one
    without a file is built into the kernel.

    Raises:
        VmError: A wanted module has no file.
    """
    paths = {_name(path): path for path in sorted(modules.rglob("*.ko*"))}
    done: set[str] = set()

    def visit(name: str) -> Iterator[tuple[str, bytes]]:
        if name in done or name not in paths:
            return
        done.add(name)
        image = _read(paths[name])
        found = _DEPENDS.search(image)
        for other in (found[1].decode() if found else "").split(","):
            yield from visit(other.replace("-", "_"))
        yield name, image

    for name in wanted:
        if name not in paths:
            raise VmError("this kernel has no such module", got=name, fix="build another kernel")
        yield from visit(name)


def _name(path: Path) -> str:
    return path.name.partition(".")[0].replace("-", "_")


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
