"""TMO's formula: reclaim in proportion to how far pressure is below its threshold."""

import math
from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.reclaim.knobs import KNOBS, page_out
from damosrl_agents.tiering import require_names, require_range


@dataclass(eq=False)
class Tmo(BaseTuner):
    """Every interval, ``reclaim = current x ratio x max(0, 1 - PSI_some / PSI_threshold)``.

    Weiner et al., TMO: Transparent Memory Offloading in Datacenters, ASPLOS 2022, with its
    constants: a share of 0.0005 every 6 s, threshold 0.1 %. The pressure is avg10.

    Args:
        ratio: Share of resident memory to reclaim at no pressure, 0..1.
        pressure_percent: Threshold, above 0 and at most 100 %.
        interval_s: The interval, seconds.
        cold_age_s: Least time without access, seconds.
    """

    ratio: float = 0.0005
    pressure_percent: float = 0.1
    interval_s: float = 6.0
    cold_age_s: float = 1.0

    def __post_init__(self) -> None:
        require_range("ratio", self.ratio, 0.0, 1.0)
        require_range("pressure_percent", self.pressure_percent, 1e-6, 100.0)
        require_range("interval_s", self.interval_s, 1e-3, 1e6)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode."""
        require_names(spec, "tmo", ("resident", "psi_some"), KNOBS)
        super().reset(spec, seed)
        self._decisions = 0

    def act(self, observation: Float32Array) -> Float32Array:
        """Reclaim by the formula; without a measurement nothing."""
        due = self._decisions % max(round(self.interval_s / self.spec.decision_interval_s), 1) == 0
        self._decisions += 1
        resident = self.spec.value(observation, "resident")
        calm = 1.0 - self.spec.value(observation, "psi_some") / self.pressure_percent
        amount = resident * self.ratio * max(calm, 0.0)
        return page_out(
            self.spec, amount if due and math.isfinite(amount) else 0.0, self.cold_age_s
        )
