"""The same questions to a fake tree and to a kernel: ``python -m damosrl.testing.tree_check``.

The kernel's answers are written down in `damosrl.testing.tree_steps`; what differs is printed. It
writes: a real kernel must be a guest that nobody uses.
"""

import argparse
import errno
import os
import platform
import sys
from pathlib import Path
from typing import NamedTuple

from damosrl.damon.features import NEWEST, RELEASES
from damosrl.errors import DamosrlError, KernelBusyError, KernelError, UnknownNameError
from damosrl.kernel.file_errors import FileError
from damosrl.kernel.files import Files, OsFiles
from damosrl.kernel.holders import foreign_use
from damosrl.kernel.roots import Roots
from damosrl.kernel.snapshot import require_tree
from damosrl.testing.tree_steps import OK, Step, steps


class Difference(NamedTuple):
    """A step that was answered otherwise."""

    step: Step
    found: str

    def __str__(self) -> str:
        path, write, answer, _ = self.step
        did = f"reading {path}" if write is None else f"writing {write!r} to {path}"
        return f"{did}: got {self.found!r}; expected {answer!r}"


def check_tree(roots: Roots, files: Files, kernel: str, pid: int) -> list[Difference]:
    """Take all steps on a tree that is empty and in nobody's use; it is empty again afterwards.

    Args:
        roots: Where the tree is.
        files: How it is read and written.
        kernel: Version whose answers are expected.
        pid: A process that lives; it is monitored for a moment.

    Returns:
        Steps that were answered otherwise; none for a faithful tree.

    Raises:
        KernelBusyError: The tree is in use or configured; nothing was written.

    Example:
        >>> from damosrl.testing.fake_tree import FakeTree
        >>> roots = Roots(sysfs=Path("/tree/sys"))
        >>> check_tree(roots, FakeTree(roots), "7.3", pid=1)
        []
    """
    require_tree(files, roots.damon)
    _require_unused(roots, files)
    try:
        answers = [(step, _answer(files, roots.damon, step)) for step in steps(kernel, pid)]
    finally:
        _clear(files, roots.damon)
    return [Difference(step, found) for step, found in answers if found != step.answer]


def main(arguments: list[str] | None = None) -> int:
    """Check the tree that the command line names; 0 when every answer is the kernel's."""
    parser = argparse.ArgumentParser(prog="python -m damosrl.testing.tree_check")
    parser.add_argument("--sysfs-root", type=Path, required=True, metavar="DIR")
    parser.add_argument("--kernel", metavar="X.Y", help="default: of the running kernel")
    parser.add_argument("--i-am-a-guest", action="store_true", help="allow this kernel's own tree")
    given = parser.parse_args(arguments)
    roots = Roots(sysfs=given.sysfs_root)
    try:
        _require_allowed(roots, given.i_am_a_guest)
        kernel = _kernel(given.kernel)
        differences = check_tree(roots, OsFiles(), kernel, os.getpid())
    except DamosrlError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for difference in differences:
        sys.stdout.write(f"{difference}\n")
    count = sum(1 for _ in steps(kernel, os.getpid()))
    sys.stdout.write(f"kernel {kernel}: {count} steps, {len(differences)} answered otherwise\n")
    return 1 if differences else 0


def _answer(files: Files, root: Path, step: Step) -> str:
    try:
        if step.write is None:
            return files.read(root / step.path).removesuffix("\n")
        files.write(root / step.path, step.write)
    except FileError as error:
        return errno.errorcode.get(error.number, str(error.number))
    return OK


def _require_unused(roots: Roots, files: Files) -> None:
    holders = foreign_use(roots, files)
    count = files.read(roots.damon / "kdamonds/nr_kdamonds").strip()
    if holders or count != "0":
        raise KernelBusyError(
            f"{roots.damon} is in use",
            got=holders[0].name if holders else f"{count} configured kdamonds",
            allowed="an empty tree that nobody uses",
            fix="check a freshly booted guest",
        )


def _clear(files: Files, root: Path) -> None:
    """Leave the tree empty, also after an interruption in the middle."""
    state = root / "kdamonds/0/state"
    if files.exists(state) and files.read(state).strip() == "on":
        files.write(state, "off")
    files.write(root / "kdamonds/nr_kdamonds", "0")


def _require_allowed(roots: Roots, guest: bool) -> None:
    if roots.is_real and not guest:
        raise KernelError(
            "this check writes to the running kernel's own DAMON",
            got=f"--sysfs-root {roots.sysfs}",
            allowed="a guest, told by --i-am-a-guest",
            fix="run it in `damosrl vm shell`",
        )


def _kernel(given: str | None) -> str:
    """Return the release whose answers to expect; newer kernels are held to the newest known."""
    if given is not None:
        if given not in RELEASES:
            raise UnknownNameError("kernel", given, RELEASES)
        return given
    running = ".".join(platform.release().split(".")[:2])
    return running if running in RELEASES else NEWEST


if __name__ == "__main__":
    sys.exit(main())
