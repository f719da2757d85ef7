"""DAMON_RECLAIM by its module parameters, watermarks included."""

from dataclasses import dataclass

from damosrl.damon.modules.reclaim import DamonReclaim
from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.reclaim.knobs import KNOBS, page_out
from damosrl_agents.tiering import require_names

DEFAULT = DamonReclaim()


@dataclass(eq=False)
class DamonReclaimModule(BaseTuner):
    """What mm/damon/reclaim.c (7.3) does with these parameters; the defaults are its own.

    The module pages out while the free share of memory lies between the low and the middle
    watermark, and goes on until it passes the high or the low one: with plenty of free memory
    nothing is needed, with little the kernel's own reclaim is at work.

    Args:
        min_age: Time without access after which memory is cold, us.
        quota_sz: Bytes per window.
        quota_reset_interval_ms: Length of the window.
        quota_mem_pressure_us: Wanted stall per window, us; 0 is no such goal.
        wmarks_high: Free permil above which it sleeps.
        wmarks_mid: Free permil below which it wakes.
        wmarks_low: Free permil below which it sleeps.
    """

    min_age: int = DEFAULT.min_age
    quota_sz: int = DEFAULT.quota_sz
    quota_reset_interval_ms: int = DEFAULT.quota_reset_interval_ms
    quota_mem_pressure_us: int = DEFAULT.quota_mem_pressure_us
    wmarks_high: int = DEFAULT.wmarks_high
    wmarks_mid: int = DEFAULT.wmarks_mid
    wmarks_low: int = DEFAULT.wmarks_low

    def __post_init__(self) -> None:
        # the module's own checks: counts, watermarks in order
        DamonReclaim(
            min_age=self.min_age,
            quota_sz=self.quota_sz,
            quota_reset_interval_ms=self.quota_reset_interval_ms,
            quota_mem_pressure_us=self.quota_mem_pressure_us,
            wmarks_high=self.wmarks_high,
            wmarks_mid=self.wmarks_mid,
            wmarks_low=self.wmarks_low,
        )
        if self.quota_reset_interval_ms == 0 or self.quota_sz == 0:
            raise ConfigError(
                "a quota without a limit cannot be said as bytes per second",
                got=f"quota_sz={self.quota_sz}, "
                f"quota_reset_interval_ms={self.quota_reset_interval_ms}",
                allowed="both above 0",
            )
        if self._psi_percent() > 100.0:
            raise ConfigError(
                "the wanted stall is longer than its window",
                got=f"quota_mem_pressure_us={self.quota_mem_pressure_us}",
                allowed=f"0..{self.quota_reset_interval_ms * 1000}",
            )

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode, asleep."""
        require_names(spec, "damon_reclaim", ("free",), KNOBS)
        super().reset(spec, seed)
        self._awake = False

    def act(self, observation: Float32Array) -> Float32Array:
        """Follow the watermarks; without a measurement they stay."""
        free_permil = 10.0 * self.spec.value(observation, "free")
        if free_permil > self.wmarks_high or free_permil < self.wmarks_low:
            self._awake = False
        elif free_permil < self.wmarks_mid:
            self._awake = True
        windows = self.spec.decision_interval_s * 1e3 / self.quota_reset_interval_ms
        amount = self.quota_sz * windows if self._awake else 0.0
        wanted = self._psi_percent() if self.quota_mem_pressure_us else None
        return page_out(self.spec, amount, self.min_age * 1e-6, wanted)

    def _psi_percent(self) -> float:
        return self.quota_mem_pressure_us / (self.quota_reset_interval_ms * 10.0)
