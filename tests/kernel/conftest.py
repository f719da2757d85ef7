"""A fake tree and a client of it."""

from pathlib import Path

import pytest

from damosrl.kernel.client import DamonClient
from damosrl.kernel.roots import Roots
from damosrl.testing.backend import GivenNumbers
from damosrl.testing.fake_tree import FakeTree

ROOTS = Roots(sysfs=Path("/fake/sys"), procfs=Path("/fake/proc"))


@pytest.fixture
def roots() -> Roots:
    """Return roots that exist nowhere."""
    return ROOTS


@pytest.fixture
def backend() -> GivenNumbers:
    """Return the backend of the tree."""
    return GivenNumbers()


@pytest.fixture
def tree(roots: Roots, backend: GivenNumbers) -> FakeTree:
    """Return a tree of kernel 7.3."""
    return FakeTree(roots, backend=backend)


@pytest.fixture
def client(roots: Roots, tree: FakeTree) -> DamonClient:
    """Return a client of the tree."""
    return DamonClient(roots, tree, time_limit_s=0.2)
