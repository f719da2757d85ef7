"""Run in a guest: kill controlling processes at random moments and see what the kernel holds.

Each controller starts a document and commits others as fast as it can; the number of a document
says its quota and its aggregation interval. After SIGKILL both are asked of the running kernel, and
must be those of one document: the last that was committed, or the one in progress. Prints one JSON
object per kill.
"""

import json
import os
import random
import signal
import sys
import time
from itertools import count
from pathlib import Path
from typing import NamedTuple

from damosrl.kernel.client import DamonClient
from damosrl.kernel.files import OsFiles
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session, restore_saved
from damosrl.kernel.snapshot import Settings, read_settings
from tests.vm.programs.documents import RESET_MS, limited

LONGEST_S = 3.0
SETTLE_S = 20.0
FIRST_AGGR_US = 20_000
NOTHING = -1


class Running(NamedTuple):
    """What the kernel says of the configuration in force, staged files aside."""

    quota_bytes: int
    aggr_us: int


def main() -> None:
    """Kill as often as the first argument says, with the random series of the second."""
    kills, seed, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    folder.mkdir()
    moments = random.Random(seed)
    roots, files = Roots(), OsFiles()
    found = _stage_something(roots, files)
    try:
        _kill(kills, moments, folder, found)
    finally:
        files.write(roots.damon / "kdamonds/nr_kdamonds", "0")


def _kill(kills: int, moments: random.Random, folder: Path, found: Settings) -> None:
    roots, files = Roots(), OsFiles()
    for _ in range(kills):
        delay_s = moments.uniform(0.0, LONGEST_S)
        told = _kill_one(roots, files, folder, delay_s)
        restore_saved(roots, files, folder / "state")
        told["restored"] = read_settings(files, roots.damon) == found
        print(json.dumps(told), flush=True)  # noqa: T201  the test reads it


def _kill_one(roots: Roots, files: OsFiles, folder: Path, delay_s: float) -> dict[str, object]:
    """Let a controller live for a while, kill it, and ask the kernel."""
    diary = folder / "diary"
    diary.write_text("")
    child = os.fork()
    if child == 0:
        _control(roots, files, folder, diary)
    time.sleep(delay_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    begun, done = _numbers(diary)
    client = DamonClient(roots, files)
    allowed = sorted({done, begun} - {NOTHING})
    told: dict[str, object] = {"delay_s": delay_s, "begun": begun, "done": done}
    told["state"] = "on" if client.nr_kdamonds() and client.is_running(0) else "off"
    if told["state"] == "on":
        staged = read_settings(files, roots.damon)
        held = _settled(client, allowed)
        told["held"] = [number for number in allowed if _running_of(number) == held]
        told["running"] = held._asdict()
        told["staged_differs"] = _staged(staged) != held
    return told


def _control(roots: Roots, files: OsFiles, folder: Path, diary: Path) -> None:
    """Start a document, commit others until killed; write down which."""
    with Session(roots, files, folder / "state") as client, diary.open("a") as book:
        for number in count():
            running = _running_of(number)
            document = limited(os.getppid(), running.quota_bytes, running.aggr_us)
            print("begun", number, file=book, flush=True)
            if number:
                client.commit(document)
            else:
                client.start(document)
            print("done", number, file=book, flush=True)


def _running_of(number: int) -> Running:
    return Running((number + 1) << 20, FIRST_AGGR_US + 1000 * (number % 10))


def _numbers(diary: Path) -> tuple[int, int]:
    """Return the numbers of the last document begun and of the last one done."""
    last = {"begun": NOTHING, "done": NOTHING}
    for line in diary.read_text().splitlines():
        word, number = line.split()
        last[word] = int(number)
    return last["begun"], last["done"]


def _settled(client: DamonClient, allowed: list[int]) -> Running:
    """Wait until the quota in force, which is new once per window, is one that was committed."""
    end = time.monotonic() + SETTLE_S
    while True:
        time.sleep(2 * RESET_MS / 1000)
        client.update_stats(0)
        (quota_bytes,) = client.effective_bytes(0)
        if quota_bytes in [_running_of(number).quota_bytes for number in allowed]:
            break
        if time.monotonic() > end:
            break
    client.root.joinpath("kdamonds/0/state").write_text("update_tuned_intervals")
    return Running(quota_bytes, client.tuned_intervals(0).aggr_us)


def _staged(settings: Settings) -> Running:
    context = "kdamonds/0/contexts/0"
    return Running(
        int(settings.get(f"{context}/schemes/0/quotas/bytes", 0)),
        int(settings.get(f"{context}/monitoring_attrs/intervals/aggr_us", 0)),
    )


def _stage_something(roots: Roots, files: OsFiles) -> Settings:
    """Leave a configuration of somebody else, to be brought back after each kill."""
    for path, text in (
        ("kdamonds/nr_kdamonds", "2"),
        ("kdamonds/1/contexts/nr_contexts", "1"),
        ("kdamonds/1/contexts/0/monitoring_attrs/intervals/sample_us", "7000"),
        ("kdamonds/1/contexts/0/schemes/nr_schemes", "1"),
        ("kdamonds/1/contexts/0/schemes/0/action", "pageout"),
    ):
        files.write(roots.damon / path, text)
    return read_settings(files, roots.damon)


if __name__ == "__main__":
    main()
