"""Runs in a guest: prints what its kernel says about memory, one JSON line per interval.

A command through the exchange folder takes seconds in an emulated processor; this program is
started once and costs a few reads per second. Its lines are read by `damosrl.vm.guest_memory`.

    python -m damosrl.vm.teller SECONDS
"""

import json
import sys
import time
from pathlib import Path

FILES = {
    "uptime": "/proc/uptime",  # first: all else was read after it
    "meminfo": "/proc/meminfo",
    "buddyinfo": "/proc/buddyinfo",
    "pagetypeinfo": "/proc/pagetypeinfo",
    "pressure": "/proc/pressure/memory",
    "vmstat": "/proc/vmstat",
}


def main() -> None:
    """Print until killed."""
    interval_s = float(sys.argv[1])
    while True:
        told = {name: Path(path).read_text() for name, path in FILES.items()}
        print(json.dumps(told), flush=True)  # noqa: T201  the channel carries its output
        time.sleep(interval_s)


if __name__ == "__main__":
    main()
