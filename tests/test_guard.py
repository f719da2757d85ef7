"""The guard of the test run itself."""

import pytest


def test_real_damon_tree_cannot_be_written() -> None:
    """Opening a file of the real DAMON tree for writing is refused before the kernel sees it."""
    with pytest.raises(PermissionError, match="real DAMON tree"):
        open("/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds", "w")  # noqa: PTH123, SIM115
