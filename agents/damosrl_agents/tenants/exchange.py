"""Fast memory goes from tenants that have enough of it to those that have not, step by step."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl_agents.tenants.shares import Shares
from damosrl_agents.tiering import require_range


def moved(
    shares: Mapping[str, float], need: Mapping[str, float], step: float, least: float
) -> dict[str, float]:
    """Return shares after one step from the tenant with the least need to that with the most.

    The step is in proportion to the difference of their needs, ``step`` at a difference of 1 or
    more: near the balance nothing is moved to and fro.

    Args:
        shares: Per cent of node 0.
        need: How far each tenant is beyond its limit, relative to it; below 0 it has enough.
        step: Largest step, per cent.
        least: Share that every tenant keeps, per cent.

    Example:
        >>> moved({"a": 50.0, "b": 50.0}, {"a": 1.5, "b": -0.5}, step=2.0, least=5.0)
        {'a': 52.0, 'b': 48.0}
    """
    taker = max(need, key=need.__getitem__)
    giver = min(need, key=need.__getitem__)
    if need[taker] <= 0.0:
        return dict(shares)  # everybody has enough
    part = min(step * min(need[taker] - need[giver], 1.0), max(shares[giver] - least, 0.0))
    result = dict(shares)
    result[taker] += part
    result[giver] -= part
    return result


@dataclass(eq=False)
class Exchange(Shares):
    """The ground under both: starts at the even split.

    Args:
        step_percent: Largest step per decision, per cent of node 0.
        least_percent: Share that every tenant keeps, per cent of node 0.
    """

    step_percent: float = 2.0
    least_percent: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_range("step_percent", self.step_percent, 0.0, 100.0)
        require_range("least_percent", self.least_percent, 0.0, 50.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode at the even split."""
        super().reset(spec, seed)
        part = self.room_percent / len(self.tenants)
        self._shares = dict.fromkeys(self.tenants, part)

    @abstractmethod
    def need(self, observation: Float32Array) -> dict[str, float]:
        """Return how far each tenant is beyond its limit, relative to it."""

    def act(self, observation: Float32Array) -> Float32Array:
        """Move a step, and return the action ``(k,)``."""
        need = self.need(observation)
        self._shares = moved(self._shares, need, self.step_percent, self.least_percent)
        return self.with_shares(self._shares)


@dataclass(eq=False)
class ShareExchange(Exchange):
    """Exchanges shares by what a kernel tells: the part of a tenant's hot memory that is slow.

    Args:
        limits: That part by tenant, above which it needs more; 0..1.
    """

    limits: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, limit in self.limits.items():
            require_range(f"limit of {name}", limit, 1e-3, 1.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode.

        Raises:
            ConfigError: A tenant has no limit.
        """
        super().reset(spec, seed)
        _require(self.limits, self.tenants, "tenants_exchange", "limits")
        self.reads = tuple(f"{name}_slow_hot" for name in self.tenants)

    def need(self, observation: Float32Array) -> dict[str, float]:
        """Return the slow part of each tenant's hot memory over its limit, less 1; 0 if unknown."""
        slow = {name: self.spec.value(observation, f"{name}_slow_hot") for name in self.tenants}
        return {
            name: part / self.limits[name] - 1.0 if np.isfinite(part) else 0.0
            for name, part in slow.items()
        }


@dataclass(eq=False)
class ShareTargets(Exchange):
    """Exchanges shares by true slowdowns, which only the emulator knows.

    Args:
        targets: Control group and largest acceptable slowdown by tenant.
        gain: Need per relative excess: 0.1 beyond the target is a need of ``gain`` x 0.1.
    """

    targets: dict[str, tuple[str, float]] = field(default_factory=dict)
    gain: float = 10.0

    reads = ()
    sees_ground_truth = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_range("gain", self.gain, 0.0, 1e6)
        for name, (_, slowdown) in self.targets.items():
            require_range(f"target of {name}", slowdown, 1.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode.

        Raises:
            ConfigError: A tenant has no target.
        """
        super().reset(spec, seed)
        _require(self.targets, self.tenants, "tenants_targets", "targets")
        self._need = dict.fromkeys(self.tenants, 0.0)

    def guide(self, machine: Any, index: int) -> None:
        """Look at the truth of one machine; called before each step."""
        truth = machine.truth().memcgs
        if truth is None:
            raise ConfigError("this machine tells nothing of tenants", fix="choose another tuner")
        for name, (path, slowdown) in self.targets.items():
            found = float(truth.slowdown[index, truth.paths.index(path)])
            self._need[name] = self.gain * (found / slowdown - 1.0) if np.isfinite(found) else 0.0

    def need(self, observation: Float32Array) -> dict[str, float]:  # noqa: ARG002  the truth is
        """Return each tenant's slowdown over its target, less 1, times the gain."""
        return dict(self._need)


def _require(given: Mapping[str, Any], tenants: tuple[str, ...], who: str, what: str) -> None:
    if set(given) != set(tenants):
        raise ConfigError(
            f"{what} of {who} do not fit the task",
            got=", ".join(given) or "none",
            allowed=f"one for each of {', '.join(tenants)}",
        )
