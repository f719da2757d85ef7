"""Whether an exported policy does what the trained one does."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import Float32Array, FloatArray
from damosrl.policy import PolicyNetwork

LIMIT = 1e-4
"""Largest difference allowed, on the normalised axis of an action: float32 rounding."""

Actor = Callable[[Float32Array], Float32Array]
"""From observations ``(N, d)`` to normalised actions ``(N, k)``."""


class ParityError(Exception):
    """An exported policy acts otherwise than the one it was made from; nothing is written.

    It is no user's error: the command line ends with exit status 1.
    """


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two forms of a policy are apart.

    Args:
        reference: What was compared with.
        observations: How many observations both acted on.
        largest: Largest difference of any action, normalised; infinite where one is NaN.
    """

    reference: str
    observations: int
    largest: float

    @property
    def holds(self) -> bool:
        """Whether the difference is within `LIMIT`."""
        return self.largest <= LIMIT

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"parity with {self.reference}: largest difference {self.largest:.2g} "
            f"of {self.observations:,} observations (limit {LIMIT:g}, normalised)"
        )

    def require(self) -> "Parity":
        """Return itself.

        Raises:
            ParityError: The difference is too large.
        """
        if not self.holds:
            raise ParityError(f"{self}; nothing has been written")
        return self


def largest_difference(one: FloatArray | Float32Array, other: FloatArray | Float32Array) -> float:
    """Return the largest absolute difference; NaN on both sides is none, on one side infinite.

    Example:
        >>> largest_difference(np.array([0.0, np.nan]), np.array([0.5, np.nan]))
        0.5
    """
    missing = np.isnan(one) | np.isnan(other)
    if (np.isnan(one) != np.isnan(other)).any():
        return float("inf")
    return float(np.abs(np.where(missing, 0.0, one - other)).max(initial=0.0))


def action_difference(
    network: PolicyNetwork, observations: Float32Array, one: Float32Array, other: Float32Array
) -> float:
    """Return how far two actions of one network are apart, over all observations.

    A network that chooses takes the best score. Two forms of it may round two equal scores to
    different choices, so there the difference is that of the scores of both choices.

    Args:
        network: The policy.
        observations: ``(N, d)``.
        one: Actions ``(N, k)`` of one form.
        other: Actions ``(N, k)`` of the other form.
    """
    if network.output != "choice":
        return largest_difference(one, other)
    scores = np.split(network.forward(observations), np.cumsum(network.choices)[:-1], axis=-1)
    largest = 0.0
    for place, (part, count) in enumerate(zip(scores, network.choices, strict=True)):
        rows = np.arange(len(part))
        first, second = (_choice(actions[:, place], count) for actions in (one, other))
        largest = max(largest, largest_difference(part[rows, first], part[rows, second]))
    return largest


def _choice(action: Float32Array, count: int) -> NDArray[np.int64]:
    chosen: NDArray[np.int64] = np.rint((action + 1.0) * (count - 1) / 2.0).astype(np.int64)
    return chosen
