"""CPU time of a thread, such as a kdamond."""

import os
from pathlib import Path

from damosrl.kernel.files import Files
from damosrl.kernel.host.tables import read_if_there, to_number

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
"""Unit of times in ``/proc/PID/stat``."""


def cpu_time_us(files: Files, procfs: Path, pid: int) -> float | None:
    """Return the CPU time that a thread has used; None where it is gone.

    ``schedstat`` counts nanoseconds; kernels without it give ``stat``, in ticks of 10 ms
    (Documentation/filesystems/proc.rst).
    """
    words = (read_if_there(files, procfs / str(pid) / "schedstat") or "").split()
    run_ns = to_number(words[0]) if len(words) == 3 else None
    if run_ns is not None:
        return run_ns / 1e3
    # the name stands in brackets and may hold blanks and brackets
    fields = (read_if_there(files, procfs / str(pid) / "stat") or "").rpartition(")")[2].split()
    if len(fields) < 13:
        return None
    user, system = to_number(fields[11]), to_number(fields[12])
    return None if user is None or system is None else (user + system) * 1e6 / TICKS_PER_S
