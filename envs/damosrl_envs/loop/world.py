"""What the loop asks of the machines it runs on: emulated ones, a real kernel, or a task's own."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.machine import GroundTruth, IntArray, Telemetry


class Episode(NamedTuple):
    """What runs on a machine in an episode."""

    workload: str
    family: str
    footprint_bytes: int


class World(Protocol):
    """N machines on which episodes begin, plans come into force and time passes.

    A world understands the plans of its tasks: `damosrl.machine.Plan` where DAMON runs.
    """

    @property
    def machines(self) -> Any:
        """What an oracle is shown: the machines themselves.

        Raises:
            ConfigError: This world has no such thing.
        """
        ...

    @property
    def has_truth(self) -> bool:
        """Whether there is `GroundTruth`."""
        ...

    @property
    def overruns(self) -> IntArray:
        """Steps that took longer than they should, since the start, ``(N,)``."""
        ...

    def pin(self, workloads: Any) -> None:
        """Fix the workload of every machine until the next call; None draws again."""
        ...

    def begin(self, index: int, generator: np.random.Generator, plan: Any) -> Episode:
        """Begin an episode on one machine, under a plan that moves nothing."""
        ...

    def set_quota_feedback(self, index: int, feedback: Any) -> None:
        """Let the kernel's quota loops of a machine start from a state that they had."""
        ...

    def commit(self, plan: Any) -> NDArray[np.bool_]:
        """Put a plan into force; return the machines ``(N,)`` on which the old one stays."""
        ...

    def run(self, seconds: float) -> Telemetry:
        """Let time pass."""
        ...

    def telemetry(self) -> Telemetry:
        """Look now."""
        ...

    def truth(self) -> GroundTruth | None:
        """Return what only an emulator knows."""
        ...

    def document(self, document: Document) -> Document:
        """Return a document with the addresses of the first machine."""
        ...

    def close(self) -> None:
        """Leave everything as it was found."""
        ...
