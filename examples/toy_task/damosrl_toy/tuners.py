"""A rule for the toy task, and the end of its scale."""

from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.machine import QuotaLoop
from damosrl.tuner import BaseTuner
from damosrl_toy.world import CacheWorld


@dataclass(eq=False)
class Follow(BaseTuner):
    """Makes the cache as large as what was asked of it last, and a little larger.

    Args:
        spare_gib: How much larger.
    """

    spare_gib: float = 0.1

    def act(self, observation: Float32Array) -> Float32Array:
        """Follow the demand."""
        demand_gib = self.spec.value(observation, "demand")
        return self.spec.action(cache_size=demand_gib + self.spare_gib)


class Oracle(BaseTuner):
    """Knows what will be asked."""

    quota_loop = QuotaLoop.OFF
    sees_ground_truth = True

    def guide(self, machine: CacheWorld, index: int) -> None:
        """Size one cache by the truth; called before each decision."""
        machine.fit(index)

    def act(self, observation: Float32Array) -> Float32Array:
        """Turn nothing: what it does is done by `guide`."""
        del observation
        return self.spec.action()
