"""The one protocol of everything that chooses knobs: controllers, searches, learned policies."""

from typing import Protocol, runtime_checkable

from damosrl.knobs import Float32Array
from damosrl.machine import QuotaLoop
from damosrl.task import TaskSpec


@runtime_checkable
class Tuner(Protocol):
    """Chooses one machine's knobs, one decision at a time.

    ``quota_loop`` says which loop sets the quotas under the tuner's numbers. ``warm_up_s``
    asks for the kernel loop's quotas as they stand after that time on the workload.
    A tuner with ``sees_ground_truth`` is an oracle: it is shown the machine itself and is
    marked so in every table. It is shown the last ``frames`` readings, newest first.

    Example:
        >>> def first_action(tuner: Tuner, spec: TaskSpec, observation: Float32Array):
        ...     tuner.reset(spec, seed=0)
        ...     return tuner.act(observation)
    """

    quota_loop: QuotaLoop
    warm_up_s: float
    sees_ground_truth: bool
    frames: int

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode; nothing of an earlier one may show."""

    def act(self, observation: Float32Array) -> Float32Array:
        """Choose the action ``(k,)`` in [-1, 1] from an observation ``(d,)``."""


class BaseTuner:
    """Common ground of tuners: direct quotas, no warm-up, no ground truth, one reading."""

    quota_loop: QuotaLoop = QuotaLoop.DIRECT
    warm_up_s: float = 0.0
    sees_ground_truth: bool = False
    frames: int = 1
    reads: tuple[str, ...] | None = None
    """Features that it reads, by name; None: any. A machine that lacks the others will do."""

    spec: TaskSpec

    def reset(self, spec: TaskSpec, seed: int) -> None:  # noqa: ARG002  most tuners draw nothing
        """Keep the spec; subclasses add their own state."""
        self.spec = spec
