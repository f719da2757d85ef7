"""Machines to examine."""

import errno
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from damosrl.kernel.doctor.finding import Machine
from damosrl.kernel.file_errors import file_error
from damosrl.kernel.files import Files
from damosrl.kernel.roots import Roots
from damosrl.testing.fake_host import FakeHost
from damosrl.testing.fake_tree import FakeTree


@dataclass
class Refusing:
    """Files of which some answer with an error; a write fails the test.

    Args:
        files: Those behind.
        errors: Error number by the beginning of a path.
    """

    files: Files
    errors: dict[str, int] = field(default_factory=dict)

    def refuse(self, path: Path, number: int = errno.ENOENT) -> None:
        """Answer with an error from here on down."""
        self.errors[str(path)] = number

    def read(self, path: Path) -> str:
        """See `Files.read`."""
        self._check(path)
        return self.files.read(path)

    def write(self, path: Path, text: str) -> None:
        """Doctor never writes."""
        pytest.fail(f"{text} was written to {path}")

    def exists(self, path: Path) -> bool:
        """See `Files.exists`."""
        return self._number(path) != errno.ENOENT and self.files.exists(path)

    def names(self, path: Path) -> list[str]:
        """See `Files.names`."""
        self._check(path)
        return self.files.names(path)

    def _number(self, path: Path) -> int | None:
        places = [place for place in self.errors if path.is_relative_to(place)]
        return self.errors[places[0]] if places else None

    def _check(self, path: Path) -> None:
        number = self._number(path)
        if number is not None:
            raise file_error(path, number)


@pytest.fixture
def roots() -> Roots:
    """Return roots that exist nowhere."""
    fake = Path("/fake")
    return Roots(fake / "sys", fake / "proc", fake / "trace", fake / "cgroup")


@pytest.fixture
def host(roots: Roots, tree: FakeTree) -> FakeHost:
    """Return the host around the tree."""
    return FakeHost(roots, tree.set_host)


@pytest.fixture
def files(tree: FakeTree, host: FakeHost) -> Refusing:
    """Return its files, which can refuse."""
    del host
    return Refusing(tree)


@pytest.fixture
def machine(roots: Roots, files: Refusing, tmp_path: Path) -> Machine:
    """Return a two-tier machine on which nothing is amiss."""
    return Machine(roots, files, tmp_path / "state")
