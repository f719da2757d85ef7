"""Files that refuse, say nonsense, or do not come back: how a bad day looks from above."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from damosrl.kernel.file_errors import file_error
from damosrl.kernel.files import Files


@dataclass
class Fault:
    """What goes wrong with some files.

    Args:
        suffix: End of the path, or of the path followed by `` <- `` and the text that is written,
            of what it is about.
        times: How often it happens.
        number: Error number; 0: it does not refuse.
        text: What a read gives instead; None for what is there.
        hang_s: Time until it answers.
    """

    suffix: str
    times: int = 1
    number: int = 0
    text: str | None = None
    hang_s: float = 0.0


class FaultyFiles:
    """Passes everything on, but for the faults that it was told.

    Args:
        files: The files behind.
        sleep: Lets time pass while a file hangs.

    Example:
        >>> from damosrl.kernel.roots import Roots
        >>> from damosrl.testing.fake_tree import FakeTree
        >>> files = FaultyFiles(FakeTree(Roots()))
        >>> files.faults.append(Fault("nr_kdamonds", text="banana"))
        >>> files.read(Roots().damon / "kdamonds/nr_kdamonds")
        'banana'
    """

    def __init__(self, files: Files, sleep: Callable[[float], None] = time.sleep) -> None:
        self._files = files
        self._sleep = sleep
        self.faults: list[Fault] = []
        """What is still to happen, in this order; the first that fits does."""

    def read(self, path: Path) -> str:
        """See `Files.read`."""
        fault = self._next(str(path))
        if fault is not None and fault.number:
            raise file_error(path, fault.number)
        return self._files.read(path) if fault is None or fault.text is None else fault.text

    def write(self, path: Path, text: str) -> None:
        """See `Files.write`."""
        fault = self._next(f"{path} <- {text.strip()}")
        if fault is not None and fault.number:
            raise file_error(path, fault.number, text)
        self._files.write(path, text)

    def exists(self, path: Path) -> bool:
        """See `Files.exists`."""
        return self._files.exists(path)

    def names(self, path: Path) -> list[str]:
        """See `Files.names`."""
        return self._files.names(path)

    def _next(self, what: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and what.endswith(fault.suffix):
                fault.times -= 1
                if fault.hang_s > 0.0:
                    self._sleep(fault.hang_s)
                return fault
        return None
