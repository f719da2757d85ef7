"""SIGKILLs of a daemon at random moments; what the kernel holds afterwards, as JSON lines.

Each daemon is a fork of this process, which has everything imported, so that a kill comes at a
random moment of its work and not of Python's start. On a fake kernel of files, and in a guest:

    python -m tests.daemon.kills --bundle pi.damosrl --kills 200 --seed 1 --state-dir /tmp/state
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.cli import main
from damosrl.daemon.status import STATUS_NAME, read_status
from damosrl.damon import Document
from damosrl.errors import DamosrlError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.decode import document_of
from damosrl.kernel.files import OsFiles
from damosrl.kernel.roots import Roots
from damosrl.kernel.snapshot import read_settings
from damosrl.safety import safety_config

KDAMONDS = 2
HIGHEST_BYTES_PER_S = safety_config("default").limits["promotion_quota"][1]
LONGEST_WAIT_S = 120.0
HEALING_S = 6.0


class Campaign:
    """One kernel, one bundle, many daemons.

    Args:
        options: The command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._files = OsFiles()
        self._roots = Roots(sysfs=Path(options.sysfs_root))
        self._words = [
            *("daemon", options.bundle, "--state-dir", options.state_dir, "--quiet"),
            *("--sysfs-root", options.sysfs_root, "--procfs-root", options.procfs_root),
            *(("--config", options.config) if options.config else ()),
        ]
        self._highest_bytes = round(HIGHEST_BYTES_PER_S * options.reset_s)

    def run(self) -> None:
        """Kill daemon after daemon, then let one end in order; print what was found."""
        rng = np.random.default_rng(self._options.seed)
        before = read_settings(self._files, self._roots.damon)
        for kill in range(self._options.kills):
            pid = self._start()
            if kill % 2:  # the others come while it starts, the more the slower this machine is
                self._await_decision(pid)
            self._end(pid, signal.SIGKILL, float(rng.uniform(0, self._options.latest_s)))
            _tell(self._held())
        pid = self._start()
        self._await_decision(pid)
        status = self._end(pid, signal.SIGTERM, 0.0)
        restored = read_settings(self._files, self._roots.damon) == before
        _tell({"end": os.waitstatus_to_exitcode(status), "restored": restored})

    def _start(self) -> int:
        """Start a daemon in a fork; return its process id."""
        pid = os.fork()
        if pid == 0:
            os._exit(main(self._words))
        return pid

    def _await_decision(self, pid: int) -> None:
        path = Path(self._options.state_dir) / STATUS_NAME
        end_s = time.monotonic() + LONGEST_WAIT_S
        while time.monotonic() < end_s:
            if path.exists():
                status = read_status(path)
                if status.identity.pid == pid and status.counters.steps:
                    return
            time.sleep(0.01)
        raise TimeoutError(f"daemon {pid} decides nothing")

    def _end(self, pid: int, number: signal.Signals, after_s: float) -> int:
        time.sleep(after_s)
        os.kill(pid, number)
        status = os.waitpid(pid, 0)[1]
        time.sleep(self._options.settle_s)
        return status

    def _held(self) -> dict[str, Any]:
        """Describe what the kernel holds: what runs must be complete and within the limits."""
        client = DamonClient(self._roots, self._files, LONGEST_WAIT_S)
        running = client.running()
        try:
            document = self._document(HEALING_S if running else 0.0)
        except DamosrlError as error:  # half staged, and nothing of it may run
            return {"running": running, "faults": [str(error)] if running else []}
        faults = self._beyond(document) if running else []
        for kdamond in running:
            client.update_stats(kdamond)
            esz = [size for size in client.effective_bytes(kdamond) if size > self._highest_bytes]
            faults += [f"kdamond {kdamond}: {size} bytes in force" for size in esz]
        return {"running": running, "faults": faults}

    def _document(self, patience_s: float) -> Document:
        """Return what the files say.

        A writer that is killed between opening a plain file and writing it leaves it empty; a
        served tree takes that back after two seconds. The kernel's own files have no such state.
        """
        end_s = time.monotonic() + patience_s
        while True:
            try:
                return document_of(read_settings(self._files, self._roots.damon))
            except DamosrlError:
                if time.monotonic() > end_s:
                    raise
            time.sleep(0.1)

    def _beyond(self, document: Document) -> list[str]:
        """Return what is incomplete or beyond the limits, in words."""
        found = []
        if len(document.kdamonds) != KDAMONDS:
            found.append(f"{len(document.kdamonds)} kdamonds")
        for kdamond in document.kdamonds:
            schemes = kdamond.contexts[0].schemes
            sizes = [scheme.quota.sz_bytes for scheme in schemes]
            found += [f"quota {size}" for size in sizes if not 0 < size <= self._highest_bytes]
            found += ["no scheme"] if not schemes else []
        return found


def _tell(found: dict[str, Any]) -> None:
    print(json.dumps(found), flush=True)  # noqa: T201  the test reads it


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", required=True)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state-dir", required=True)
    parser.add_argument("--config")
    parser.add_argument("--sysfs-root", default="/sys")
    parser.add_argument("--procfs-root", default="/proc")
    parser.add_argument("--reset-s", type=float, default=1.0, help="reset interval of the quotas")
    parser.add_argument("--latest-s", type=float, default=4.0, help="longest time to a kill")
    parser.add_argument("--settle-s", type=float, default=0.0, help="for files that are served")
    return parser.parse_args()


if __name__ == "__main__":
    Campaign(_options()).run()
    sys.exit(0)
