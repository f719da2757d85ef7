"""Build what a guest boots from; everything lands in the lab's folder."""

import shutil
from collections.abc import Callable
from pathlib import Path

from damosrl.errors import VmError
from damosrl.vm.guest import Guest
from damosrl.vm.initrd import initrd
from damosrl.vm.lab import Lab
from damosrl.vm.packages import (
    HOST_PROGRAMS,
    Archive,
    install_host_packages,
    missing_host_packages,
)

HOST_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")


def build(lab: Lab, kernel: str, say: Callable[[str], None]) -> str:
    """Fetch a kernel, unless it is there, write its initrd, and try hardware virtualisation.

    Args:
        lab: Where everything goes.
        kernel: A name of `damosrl.vm.lab.KERNELS`.
        say: Takes one line for every step.

    Returns:
        The kernel's release.

    Raises:
        VmError: A package cannot be fetched or lacks a file.
    """
    missing = missing_host_packages()
    if missing:
        say(f"installing {', '.join(missing)}")
        install_host_packages(missing)
    lab.root.mkdir(parents=True, exist_ok=True)
    version = lab.built().get(kernel)
    if version is None:
        version = _fetch(lab, kernel, say)
    folder = lab.kernel(version)
    draft = folder / "initrd.gz.tmp"
    draft.write_bytes(initrd(HOST_PROGRAMS["busybox-static"], folder / "modules"))
    draft.replace(folder / "initrd.gz")
    lab.remember(kernel, version)
    if lab.uses_kvm is None:
        say("trying hardware virtualisation")
        lab.remember_kvm(works=Guest.boots_with_kvm(lab, kernel))
    say(f"kernel {version} is ready; processors are {'virtual' if lab.uses_kvm else 'emulated'}")
    return version


def _fetch(lab: Lab, kernel: str, say: Callable[[str], None]) -> str:
    say("reading package lists")
    archive = Archive(lab.apt, HOST_SOURCES)
    archive.update()
    packages = archive.kernel_packages(kernel)
    say(f"fetching {', '.join(packages)}")
    unpacked = lab.root / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    archive.extract(packages, unpacked)
    version = _keep(unpacked, lab)
    shutil.rmtree(unpacked)
    return version


def _keep(unpacked: Path, lab: Lab) -> str:
    """Move the kernel and its modules out of the unpacked packages."""
    roots = [path for path in unpacked.glob("**/lib/modules/*") if (path / "kernel").is_dir()]
    if not roots:
        raise VmError("the kernel's packages hold no modules", fix="build another kernel")
    version = roots[0].name
    folder = lab.kernel(version)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.move(roots[0] / "kernel", folder / "modules")
    images = (roots[0] / "vmlinuz", unpacked / "boot" / f"vmlinuz-{version}")
    image = next((path for path in images if path.exists()), None)
    if image is None:
        raise VmError("the kernel's packages hold no kernel image", fix="build another kernel")
    shutil.move(image, folder / "vmlinuz")
    return version
