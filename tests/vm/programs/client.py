"""Run in a guest: drive the kernel by the client; print what came of it as one JSON object."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from damosrl.damon import Context, Document, Kdamond, Target
from damosrl.damon.quota import GoalTuner
from damosrl.errors import DamosrlError
from damosrl.kernel.files import OsFiles
from damosrl.kernel.roots import Roots
from damosrl.kernel.session import Session, SessionClient
from tests.kernel.documents import virtual
from tests.vm.programs.documents import limited

SCHEME = "kdamonds/0/contexts/0/schemes/0"


def main() -> None:
    """Start, commit, read, be refused in three ways, and stop."""
    told: dict[str, object] = {}
    roots = Roots()
    with Session(roots, OsFiles(), Path(sys.argv[1])) as client:
        client.start(limited(os.getpid(), 1 << 20))
        told["kdamonds_found"] = client.document() == limited(os.getpid(), 1 << 20)
        told["filter"] = _filter(roots)
        client.commit(limited(os.getpid(), 2 << 20))
        told["effective_bytes"] = _effective(client)
        told["nr_tried"] = client.stats(0)[0].nr_tried
        told["gone"] = _refusal(client, limited(_gone(), 3 << 20))
        told["running"] = client.running()
        told["staged_bytes"] = client.document().kdamonds[0].contexts[0].schemes[0].quota.sz_bytes
        told["temporal"] = _refusal(client, _temporal(os.getpid()))
        told["addr_unit"] = _refusal(client, _in_units(os.getpid()))
    told["nr_kdamonds"] = (roots.damon / "kdamonds/nr_kdamonds").read_text().strip()
    print(json.dumps(told))  # noqa: T201  the test reads it


def _filter(roots: Roots) -> list[str]:
    """Return the folders of filters that hold the document's only filter."""
    folder = roots.damon / SCHEME
    names = ("filters", "core_filters", "ops_filters")
    return [name for name in names if (folder / name / "0").is_dir()]


def _effective(client: SessionClient) -> int:
    """Wait for the quota in force to be the committed one; return what it came to."""
    end = time.monotonic() + 20
    while True:
        client.update_stats(0)
        (size_bytes,) = client.effective_bytes(0)
        if size_bytes == 2 << 20 or time.monotonic() > end:
            return size_bytes
        time.sleep(0.2)


def _refusal(client: SessionClient, document: Document) -> str:
    try:
        client.commit(document)
    except DamosrlError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _temporal(pid: int) -> Document:
    context = limited(pid, 1 << 20).kdamonds[0].contexts[0]
    (scheme,) = context.schemes
    quota = replace(scheme.quota, goal_tuner=GoalTuner.TEMPORAL)
    return _document(replace(context, schemes=(replace(scheme, quota=quota),)))


def _in_units(pid: int) -> Document:
    context = virtual(pid).kdamonds[0].contexts[0]
    return _document(replace(context, targets=(Target(pid=pid),), addr_unit=4096))


def _document(context: Context) -> Document:
    return Document((Kdamond((context,)),))


def _gone() -> int:
    """Return the id of a process that has ended."""
    with subprocess.Popen(["true"]) as program:
        program.wait()
        return program.pid


if __name__ == "__main__":
    main()
