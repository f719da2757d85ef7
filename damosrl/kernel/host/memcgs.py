"""Memory of control groups by node, as ``memory.numa_stat`` of the hierarchy's version 2 gives it.

What counts is what DAMON's goals count (``damos_get_node_memcg_used_bp()`` of mm/damon/core.c,
7.3): pages on the group's LRU lists, anonymous and of files, active or not. The file includes the
group's children, where DAMON's goals leave them out: a tenant is a group without children.
"""

import re
from collections.abc import Sequence

import numpy as np

from damosrl.kernel.files import Files
from damosrl.kernel.host.tables import read_if_there
from damosrl.kernel.roots import Roots
from damosrl.machine import MemcgUse

LISTS = ("inactive_anon", "active_anon", "inactive_file", "active_file")
_NODE = re.compile(r"N(\d{1,9})=(\d{1,20})(?!\S)")


def node_bytes(text: str) -> dict[int, int] | None:
    r"""Return the bytes on LRU lists by node; None where a list is missing.

    Example:
        >>> rows = [f"{name} N0=4096 N1=0" for name in LISTS]
        >>> node_bytes("\n".join(rows))
        {0: 16384, 1: 0}
    """
    found: dict[int, int] = {}
    lists = 0
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        if name in LISTS:
            lists += 1
            for nid, size in _NODE.findall(rest):
                found[int(nid)] = found.get(int(nid), 0) + int(size)
    return found if lists == len(LISTS) else None


class MemcgMemory:
    """The reader of some groups on one host.

    Args:
        roots: Where its files are.
        files: How they are read.
        nids: Memory nodes, in the order of the telemetry.
        paths: Control groups from the hierarchy's root.
    """

    def __init__(
        self, roots: Roots, files: Files, nids: Sequence[int], paths: Sequence[str]
    ) -> None:
        self.paths = tuple(paths)
        self._files, self._nids = files, tuple(nids)
        self._places = [roots.cgroupfs / path.strip("/") / "memory.numa_stat" for path in paths]

    def read(self) -> MemcgUse:
        """Read all groups; NaN where one does not exist, or does not tell."""
        used = np.full((1, len(self.paths), len(self._nids)), np.nan)
        for place, path in enumerate(self._places):
            found = node_bytes(read_if_there(self._files, path) or "")
            if found is not None:
                used[0, place] = [found.get(nid, 0) for nid in self._nids]
        return MemcgUse(self.paths, used)
