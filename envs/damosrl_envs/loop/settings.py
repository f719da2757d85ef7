"""The keywords of every environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.machine import QuotaLoop
from damosrl_envs.loop.world import World

Choice = str | Path | Mapping[str, Any]
"""A name of ``conf``, the path of a YAML, or a mapping of the same keys."""


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """The keywords of an environment; named choices are files of ``conf``.

    What a task usually takes stands in its `damosrl_envs.loop.kind.TaskKind`.

    Args:
        machine: Machine of every environment, or a sequence dealt out in turn; a ready `World` is
            taken as it is. For tasks of DAMON ``kernel`` is the running one, which
            `damosrl.kernel.config.KernelConfig` describes.
        workload: What runs, or a sequence of which each episode draws one.
        task: Choice of conf/task.
        reward: Choice of conf/reward; None takes the task's own.
        safety: Choice of conf/safety.
        steps: Decisions per episode.
        monitor: ``fast`` or ``exact``.
        quota_loop: Loop that sets effective quotas: direct, consist, temporal or off.
        action: absolute, relative or discrete; None takes the task's own.
        frames: Observations of this many decisions, newest first.
        threads: Threads of the emulator.

    Example:
        >>> LoopSettings(machine="dram_cxl", workload="zipf", task="tiering").quota_loop
        'direct'
    """

    machine: Any | World
    workload: Choice | Sequence[Choice]
    task: str | Mapping[str, Any]
    reward: str | Mapping[str, Any] | None = None
    safety: str | Mapping[str, Any] = "default"
    steps: int = 300
    monitor: Literal["fast", "exact"] = "fast"
    quota_loop: str = "direct"
    action: str | None = None
    frames: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "frames", "threads"):
            value = getattr(self, name)
            if not (isinstance(value, int) and value >= 1):
                raise ConfigError(f"{name} is wrong", got=value, allowed="whole numbers >= 1")
        if self.quota_loop not in list(QuotaLoop):
            raise UnknownNameError("quota_loop", str(self.quota_loop), list(QuotaLoop))
