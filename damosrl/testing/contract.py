"""What the contract suites share: how a breach is told, and what is shown to tuners."""

import numpy as np

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec


class ContractError(AssertionError):
    """A part breaks the contract of its protocol; an assertion, so that test runs count it."""


def require(holds: bool, what: str) -> None:
    """Raise unless a clause holds.

    Raises:
        ContractError: It does not.
    """
    if not holds:
        raise ContractError(what)


def observations(spec: TaskSpec, seed: int, count: int) -> Float32Array:
    """Return observations ``(count, d)`` over the whole range, corners and middle first."""
    size = len(spec.observation)
    rng = np.random.default_rng(seed)
    edges = np.array([-1.0, 1.0, 0.0])[:, None] * np.ones(size)
    drawn = rng.uniform(-1.0, 1.0, (max(count - len(edges), 0), size))
    return np.concatenate([edges, drawn])[:count].astype(np.float32)
