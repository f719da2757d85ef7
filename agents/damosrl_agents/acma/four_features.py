"""The four features that the ACMA talk criticises, orchestrated as a user-space daemon would."""

from dataclasses import dataclass

from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.tiering import MIB, require_names, require_range


@dataclass(eq=False)
class FourFeatures(BaseTuner):
    """Overcommit, proactive reclaim with page reporting, periodic compaction, and hotplug.

    Cold memory is paged out at a fixed rate, free memory is compacted every so often and reported,
    and memory blocks are unplugged while the guests have much free, plugged back when they do not.

    Args:
        reclaim_mib_per_s: Rate of proactive reclaim.
        compaction_ms: Time of one round of compaction, ms per second while it lasts.
        compaction_period: Decisions from round to round.
        plug_free_ratio: Free share of the fullest guest below which memory is plugged in.
        unplug_free_ratio: Free share above which it is unplugged.
        step_percent: Change of the unplugged share per decision.
        pressure_percent: Pressure above which reclaim pauses and memory is plugged in.
    """

    reclaim_mib_per_s: float = 8.0
    compaction_ms: float = 50.0
    compaction_period: int = 30
    plug_free_ratio: float = 0.1
    unplug_free_ratio: float = 0.25
    step_percent: float = 2.0
    pressure_percent: float = 0.5

    def __post_init__(self) -> None:
        require_range("reclaim_mib_per_s", self.reclaim_mib_per_s, 0.0, 1024.0)
        require_range("compaction_ms", self.compaction_ms, 0.0, 100.0)
        require_range("compaction_period", self.compaction_period, 1)
        require_range("unplug_free_ratio", self.unplug_free_ratio, self.plug_free_ratio, 1.0)
        require_range("step_percent", self.step_percent, 0.0, 80.0)
        require_range("pressure_percent", self.pressure_percent, 0.0, 100.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode with all memory plugged in.

        Raises:
            ConfigError: The task lacks what the orchestration reads or turns.
        """
        knobs = ("unplug", "compaction", "page_reporting", "reclaim_rate")
        require_names(spec, "the four features", ("psi_some", "least_free"), knobs)
        super().reset(spec, seed)
        self._decision = 0
        self._unplugged = 0.0

    def act(self, observation: Float32Array) -> Float32Array:
        """Choose all four; a missing measurement counts as pressure."""
        pressed = not self.spec.value(observation, "psi_some") <= self.pressure_percent
        free = self.spec.value(observation, "least_free")
        if pressed or not free >= self.plug_free_ratio:
            self._unplugged -= 4.0 * self.step_percent
        elif free > self.unplug_free_ratio:
            self._unplugged += self.step_percent
        self._unplugged = min(max(self._unplugged, 0.0), self.spec.knobs["unplug"].high)
        due = self._decision % self.compaction_period == 0
        self._decision += 1
        return self.spec.action(
            reclaim_rate=0.0 if pressed else self.reclaim_mib_per_s * MIB,
            compaction=self.compaction_ms if due else 0.0,
            page_reporting=1.0,
            unplug=self._unplugged,
        )
