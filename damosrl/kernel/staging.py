"""Settings written into the tree: only what differs, counts before the folders they make.

Nothing here takes effect on a running kdamond; that is the `commit` of `damosrl.kernel.client`.
"""

import errno
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from damosrl.damon import Action
from damosrl.damon.features import FILTER_SINCE, GOAL_SINCE
from damosrl.errors import KernelError, KernelFeatureError
from damosrl.kernel.encode import Setting
from damosrl.kernel.file_errors import FileBusyError, FileError
from damosrl.kernel.files import Files
from damosrl.kernel.snapshot import Settings, below, read_if_there

Answer = TypeVar("Answer")

BUSY_READ_S = 1.0
"""Longest wait for a lock that others hold while we only read."""
CHILDREN_TIME_S = 10.0
"""Longest wait for the folders that a count makes: the kernel makes them within the write, a fake
tree that is served from another process when it gets round to it."""

_WORDS_SINCE = {
    **{("target_metric", str(metric)): since for metric, since in GOAL_SINCE.items()},
    **{("type", str(kind)): since for kind, since in FILTER_SINCE.items()},
    ("action", str(Action.COLLAPSE)): "7.2",
}
"""First kernel of a word, by file and word."""


def stage(
    files: Files,
    root: Path,
    settings: Iterable[Setting],
    time_limit_s: float,
    found: Settings | None = None,
) -> list[Setting]:
    """Write the settings that differ from what the files hold.

    Args:
        files: Where to.
        root: The ``admin`` folder.
        settings: Parents first; may be lazy, and look at what was made so far.
        time_limit_s: Longest time to retry a write that the kernel answers with EBUSY.
        found: What the files hold, where it was just read; the others are read here.

    Returns:
        What was written.

    Raises:
        KernelFeatureError: A setting asks for what this kernel has no file or word for.
        KernelBusyError: The tree was held by somebody else all the time.
        KernelError: The kernel refused a value, or the tree vanished.
    """
    changed = []
    known = dict(found or {})
    for setting in settings:
        current = known.get(setting.path)
        if current is None:
            current = read_if_there(files, below(root, setting.path))
        if current is None:
            _require_absent_is_default(below(root, setting.path), setting)
        elif current != setting.value and setting.value:
            _write(files, below(root, setting.path), setting, time_limit_s)
            changed.append(setting)
            if setting.is_count:
                known = _without_folder(known, setting.path.rpartition("/")[0])
    return changed


def stage_texts(files: Files, root: Path, texts: Settings, time_limit_s: float) -> None:
    """Write texts that were read from the same tree before; see `stage`."""
    wanted = (Setting(path, value, default="") for path, value in texts.items())
    stage(files, root, wanted, time_limit_s)


def retry_busy(attempt: Callable[[], Answer], time_limit_s: float) -> Answer:
    """Repeat what the kernel answers with EBUSY, with growing pauses, until it succeeds.

    Reads of ``state`` and ``pid`` too: they only try DAMON's lock, which any command holds.

    Raises:
        FileBusyError: It did not succeed in time.
    """
    end = time.monotonic() + time_limit_s
    pause_s = 0.001
    while True:
        try:
            return attempt()
        except FileBusyError:
            if time.monotonic() + pause_s > end:
                raise
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.05)


def _without_folder(known: Settings, folder: str) -> Settings:
    """Forget what was in the folders that a count has just replaced."""
    return {path: text for path, text in known.items() if not path.startswith(f"{folder}/")}


def _write(files: Files, path: Path, setting: Setting, time_limit_s: float) -> None:
    try:
        retry_busy(lambda: files.write(path, setting.value), time_limit_s)
    except FileError as error:
        since = _WORDS_SINCE.get((path.name, setting.value))
        if error.number == errno.EINVAL and since is not None:
            raise _lacking(path, setting.value, since) from error
        raise
    if setting.is_count:
        _await_children(files, path.parent, int(setting.value))


def _await_children(files: Files, folder: Path, count: int) -> None:
    """Wait for numbered folders 0..count-1 and no more; a served tree makes them a bit later."""
    end = time.monotonic() + CHILDREN_TIME_S
    while not _has_children(files, folder, count):
        if time.monotonic() > end:
            raise KernelError(
                f"{folder} did not get its folders",
                got=f"not {count} within {CHILDREN_TIME_S} s",
                fix="see whether something else changes this tree",
            )
        time.sleep(0.001)


def _has_children(files: Files, folder: Path, count: int) -> bool:
    last = count == 0 or files.exists(folder / str(count - 1))
    return last and not files.exists(folder / str(count))


def _require_absent_is_default(path: Path, setting: Setting) -> None:
    if setting.value == setting.default:
        return
    if setting.since is None:
        raise FileError(path, errno.ENOENT, setting.value)
    raise _lacking(path, setting.value, setting.since)


def _lacking(path: Path, value: str, since: str) -> KernelFeatureError:
    return KernelFeatureError(
        f"this kernel cannot do {path.name}={value}",
        got=str(path),
        allowed=f"kernel {since} or newer",
        fix="leave it out, or boot a newer kernel",
    )
