"""The task of auto-scaling: hold little host memory for guests, and do not slow them down."""

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.state import KNOB, OFF
from damosrl.damon import Document
from damosrl.knobs import Float32Array, FloatArray
from damosrl.machine import GroundTruth, QuotaLoop, Telemetry
from damosrl.task import StepOutcome, TaskSpec
from damosrl_tasks.acma.config import AcmaConfig
from damosrl_tasks.acma.interval import Interval, Intervals
from damosrl_tasks.acma.knobs import host_knobs, knob_set
from damosrl_tasks.acma.measured import measured
from damosrl_tasks.acma.quantities import observation_set, observe
from damosrl_tasks.acma.reward import MEASURES, reward_config
from damosrl_tasks.acma.telemetry import HostTelemetry
from damosrl_tasks.reward import RewardConfig, weigh

NAME = "acma-v0"


class AcmaTask:
    """Knobs, observation and reward of auto-scaling, for N hosts at once.

    Args:
        num_machines: N.
        config: Timing, and what may be turned.
        reward: What an interval is worth.

    Example:
        >>> AcmaTask(num_machines=1).spec.knobs.names[:3]
        ('min_memory', 'max_memory', 'pressure_target')
    """

    template: Document | None = None

    def __init__(
        self,
        num_machines: int,
        config: AcmaConfig | None = None,
        reward: RewardConfig | None = None,
    ) -> None:
        self._size = num_machines
        self._config = config or AcmaConfig()
        self._reward = reward or reward_config("acma")
        knobs = knob_set(self._config)
        self._spec = TaskSpec(NAME, observation_set(knobs), knobs, self._config.decision_interval_s)
        self._intervals = Intervals()
        self._last: Interval | None = None
        self._observation = np.zeros((num_machines, len(self._spec.observation)), np.float32)

    @property
    def spec(self) -> TaskSpec:
        """What tuners are told."""
        return self._spec

    def still(self) -> NDArray[np.void]:
        """Return knobs under which nothing scales."""
        knobs = np.zeros(self._size, KNOB)
        knobs["rule"], knobs["maximum"] = OFF, 1.0
        return knobs

    def mask(self, telemetry: Telemetry) -> NDArray[np.bool_]:
        """Tell which features are known, ``(N, d)``: a host of guests tells all."""
        return np.ones((len(telemetry.time_s), len(self._spec.observation)), np.bool_)

    def reset(self, which: NDArray[np.bool_], telemetry: Telemetry) -> Float32Array:
        """Forget the past of the marked machines ``(N,)``; return all observations ``(N, d)``."""
        interval = self._intervals.reset(which, _hosts(telemetry).hosts)
        knobs = np.tile(self._spec.knobs.defaults(), (self._size, 1))
        fresh = observe(self._spec.observation, interval, knobs).astype(np.float32)
        self._observation[which] = fresh[which]
        return self._observation.copy()

    def plan(self, knobs: FloatArray, loops: NDArray[np.object_] | QuotaLoop) -> NDArray[np.void]:
        """Turn knobs ``(N, k)`` in physical units into what the hosts commit."""
        return host_knobs(self._config, self._spec.knobs, knobs, loops)

    def outcome(
        self,
        telemetry: Telemetry,
        applied: FloatArray,
        truth: GroundTruth | None,  # noqa: ARG002  the gauges carry the slowdown, if it is known
    ) -> StepOutcome:
        """Score the interval that just ended.

        Args:
            telemetry: What the hosts say now.
            applied: Normalised action in force ``(N, k)``.
            truth: Ground truth.
        """
        interval = self._intervals.close(_hosts(telemetry).hosts)
        self._last = interval
        knobs = self._spec.knobs.to_physical(applied)
        self._observation = observe(self._spec.observation, interval, knobs).astype(np.float32)
        terms = weigh(self._reward, MEASURES, interval)
        reward = np.asarray(np.sum(list(terms.values()), axis=0), dtype=np.float64)
        return StepOutcome(self._observation.copy(), reward, terms)

    def measured(
        self,
        telemetry: Telemetry,  # noqa: ARG002  the interval holds it already
        truth: GroundTruth | None,  # noqa: ARG002  as above
    ) -> dict[str, FloatArray]:
        """Return what happened in the interval just scored, arrays ``(N,)``.

        Raises:
            RuntimeError: No interval has been scored yet.
        """
        if self._last is None:
            raise RuntimeError("no interval has been scored yet: call outcome first")
        return measured(self._last)


def _hosts(telemetry: Telemetry) -> HostTelemetry:
    if not isinstance(telemetry, HostTelemetry):
        raise TypeError(f"the ACMA task needs the telemetry of hosts, got {type(telemetry)}")
    return telemetry
