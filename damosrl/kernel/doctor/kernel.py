"""The kernel: its version, whether it has DAMON, and whether we may change it."""

import errno
import re

from damosrl.damon.features import NEWEST, OLDEST
from damosrl.kernel.doctor.finding import Finding, Machine, State
from damosrl.kernel.doctor.mounts import mount_at

CAP_DAC_OVERRIDE, CAP_SYS_ADMIN = 1, 21
"""Bits of a capability set (include/uapi/linux/capability.h)."""
FIRST_SYSFS = (5, 18)
"""First kernel with DAMON's sysfs interface (semantics 4.4)."""
NEEDS = "CONFIG_DAMON, CONFIG_DAMON_VADDR, CONFIG_DAMON_PADDR and CONFIG_DAMON_SYSFS"


def release(machine: Machine) -> str | None:
    """Return the kernel's own name of its version, such as ``7.3.4+deb13-cloud-amd64``."""
    return machine.text(machine.roots.procfs / "sys/kernel/osrelease")


def version_of(text: str) -> tuple[int, int] | None:
    """Return major and minor number; None where the text has none.

    Example:
        >>> version_of("6.18.44-fc")
        (6, 18)
    """
    found = re.match(r"(\d{1,4})\.(\d{1,4})", text)
    return (int(found[1]), int(found[2])) if found else None


def kernel(machine: Machine) -> Finding:
    """Compare the version with those whose files are known."""
    text = release(machine)
    version = version_of(text or "")
    if text is None or version is None:
        return Finding(State.WARNING, f"version not told: {text!r}", "features show by files only")
    known = f"files of kernels {OLDEST} to {NEWEST} are known"
    if version < FIRST_SYSFS:
        return Finding(
            State.MISSING, text, "DAMON's sysfs came with 5.18", f"boot {OLDEST} or newer"
        )
    if version < version_of(OLDEST):  # type: ignore[operator]  # a constant that has numbers
        return Finding(State.WARNING, text, known, f"boot {OLDEST} or newer")
    if version > version_of(NEWEST):  # type: ignore[operator]
        return Finding(State.WARNING, text, f"{known}; newer files are not used")
    return Finding(State.OK, text)


def damon(machine: Machine) -> Finding:
    """Look for DAMON's sysfs interface."""
    root = machine.roots.damon
    if machine.files.exists(root / "kdamonds"):
        return Finding(State.OK, str(root))
    return Finding(
        State.MISSING,
        f"no {root}",
        f"this kernel is built without {NEEDS}",
        "boot a kernel with them, or try one by `damosrl vm build` and `damosrl vm boot`",
    )


def rights(machine: Machine) -> Finding:
    """Tell whether this process may change DAMON, and what it may not see."""
    user_id, capabilities = _credentials(machine)
    mount = mount_at(machine, machine.roots.damon)
    if mount is not None and mount.is_read_only:
        return Finding(
            State.MISSING,
            f"{mount.place} is mounted read-only",
            "DAMON cannot be changed through it, as in most containers",
            "run on the host itself, or in a container that may write sysfs",
        )
    if user_id is None:
        return Finding(State.WARNING, "user id not told", "procfs has no self/status")
    found = f"user id {user_id}, CAP_SYS_ADMIN {'yes' if capabilities[CAP_SYS_ADMIN] else 'no'}"
    if user_id != 0 and not capabilities[CAP_DAC_OVERRIDE]:
        return Finding(
            State.MISSING,
            found,
            "DAMON's files are the super-user's",
            "run as root: `sudo damosrl ...`",
        )
    if not capabilities[CAP_SYS_ADMIN]:
        return Finding(
            State.WARNING,
            found,
            "tracefs cannot be mounted and /proc/iomem hides physical addresses",
            "run with CAP_SYS_ADMIN",
        )
    return Finding(State.OK, found)


def is_refused(error_number: int) -> bool:
    """Tell whether an error number means missing rights."""
    return error_number in (errno.EACCES, errno.EPERM)


def _credentials(machine: Machine) -> tuple[int | None, dict[int, bool]]:
    """Return the effective user id and which of the two capabilities are in force."""
    text = machine.text(machine.roots.procfs / "self/status") or ""
    uid = re.search(r"^Uid:\s+\d+\s+(\d+)", text, re.MULTILINE)
    mask = re.search(r"^CapEff:\s+([0-9a-fA-F]{1,16})$", text, re.MULTILINE)
    bits = int(mask[1], 16) if mask else 0
    has = {bit: bool(bits >> bit & 1) for bit in (CAP_DAC_OVERRIDE, CAP_SYS_ADMIN)}
    return (int(uid[1]) if uid else None), has
