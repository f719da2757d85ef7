"""Memory of control groups by node, from the kernel's text."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.kernel.files import OsFiles
from damosrl.kernel.host.memcgs import LISTS, MemcgMemory, node_bytes
from damosrl.kernel.roots import Roots


def _text(*sizes: tuple[int, int]) -> str:
    rows = [f"{name} N0={a} N1={b}" for name, (a, b) in zip(LISTS, sizes, strict=True)]
    return "\n".join(["anon N0=999 N1=999", *rows, "unevictable N0=5 N1=5", ""])


COUNT = st.integers(0, 2**50)


@given(st.lists(st.tuples(COUNT, COUNT), min_size=4, max_size=4))
def test_lists_of_a_node_add_up(sizes: list[tuple[int, int]]) -> None:
    """All four LRU lists count, and nothing else of the file."""
    assert node_bytes(_text(*sizes)) == {
        0: sum(a for a, _ in sizes),
        1: sum(b for _, b in sizes),
    }


@pytest.mark.parametrize("text", ["", "active_anon N0=1 N1=2", "nonsense", "inactive_anon N0=x"])
def test_a_broken_file_tells_nothing(text: str) -> None:
    """Where a list is missing the memory is unknown, not small."""
    assert node_bytes(text) is None


def test_groups_are_read_in_order_and_unknown_ones_are_nan(tmp_path: Path) -> None:
    """A group that does not exist has no number, nodes that a file leaves out have none of it."""
    roots = Roots(tmp_path, tmp_path, tmp_path, tmp_path / "cgroup")
    folder = roots.cgroupfs / "slice/web"
    folder.mkdir(parents=True)
    (folder / "memory.numa_stat").write_text(_text((1, 2), (3, 4), (5, 6), (7, 8)))
    found = MemcgMemory(roots, OsFiles(), [1, 0, 4], ["/none", "/slice/web"]).read()
    assert found.paths == ("/none", "/slice/web")
    assert np.isnan(found.used_bytes[0, 0]).all()
    assert found.used_bytes[0, 1].tolist() == [20.0, 16.0, 0.0]
