"""CPU time of a thread, such as a kdamond."""

import os
from pathlib import Path

from damosrl.kernel.files import Files
from damosrl.kernel.host.tables import read_if_there

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
"""Unit of times in ``/proc/PID/stat``."""


def cpu_time_us(files: Files, procfs: Path, pid: int) -> float | None:
    """Return the CPU time that a thread has used; None where it is gone.

    ``schedstat`` counts nanoseconds; kernels without it give ``stat``, in ticks of 10 ms
    (Documentation/filesystems/proc.rst).
    """
    words = (read_if_there(files, procfs / str(pid) / "schedstat") or "").split()
    if len(words) == 3 and words[0].isdecimal():
        return int(words[0]) / 1e3
    # the name stands in brackets and may hold blanks and brackets
    fields = (read_if_there(files, procfs / str(pid) / "stat") or "").rpartition(")")[2].split()
    if len(fields) < 13 or not (fields[11].isdecimal() and fields[12].isdecimal()):
        return None
    return (int(fields[11]) + int(fields[12])) * 1e6 / TICKS_PER_S
