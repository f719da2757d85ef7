"""What policies that act by themselves have in common."""

from typing import Protocol, runtime_checkable

from damosrl.knobs import Float32Array


@runtime_checkable
class Policy(Protocol):
    """A deterministic, stateless map from observations to actions."""

    @property
    def observation_size(self) -> int:
        """Length d of an observation."""

    @property
    def action_size(self) -> int:
        """Length k of an action."""

    def act(self, observations: Float32Array) -> Float32Array:
        """Return actions ``(..., k)`` float32 in [-1, 1] for observations ``(..., d)``."""
