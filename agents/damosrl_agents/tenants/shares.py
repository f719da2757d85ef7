"""Splits of the fast memory that never change: even, by size, or none at all."""

from collections.abc import Mapping
from dataclasses import dataclass

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.task import TaskSpec
from damosrl.tuner import BaseTuner
from damosrl_agents.tiering import MIB, require_range

ENDING = "_share"
WHOLE_PERCENT = 100.0


def tenants_of(spec: TaskSpec) -> tuple[str, ...]:
    """Return the names of a task's tenants, as its knobs have them.

    Raises:
        ConfigError: The task has no tenants.

    Example:
        >>> from damosrl_tasks.tenants.config import tenants_config
        >>> from damosrl_tasks.tenants.reward import reward_config
        >>> from damosrl_tasks.tenants.task import TenantsTask
        >>> config = tenants_config("tiering_tenants")
        >>> tenants_of(TenantsTask(1, 2, config, reward_config("psi")).spec)
        ('web', 'batch')
    """
    names = tuple(name.removesuffix(ENDING) for name in spec.knobs.names if name.endswith(ENDING))
    if not names:
        raise ConfigError(
            f"task {spec.task} has no tenants",
            got=", ".join(spec.knobs.names),
            allowed="knobs such as web_share",
            fix="choose task=tiering_tenants, or another tuner",
        )
    return names


@dataclass(eq=False)
class Shares(BaseTuner):
    """The ground under tuners that turn nothing but the shares of tenants.

    Args:
        promotion_quota_mib_per_s: Of all tenants together, MiB/s.
        demotion_quota_mib_per_s: The same down.
        hot_threshold_percent: Share of the largest access rate from which regions are promoted.
        free_target_percent: Share of the fast tier to keep free, per cent.
    """

    promotion_quota_mib_per_s: float = 400.0
    demotion_quota_mib_per_s: float = 400.0
    hot_threshold_percent: float = 15.0
    free_target_percent: float = 1.0

    def __post_init__(self) -> None:
        require_range("promotion_quota_mib_per_s", self.promotion_quota_mib_per_s, 0.0, 1e6)
        require_range("demotion_quota_mib_per_s", self.demotion_quota_mib_per_s, 0.0, 1e6)
        require_range("hot_threshold_percent", self.hot_threshold_percent, 0.0, 100.0)
        require_range("free_target_percent", self.free_target_percent, 0.0, 100.0)

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode.

        Raises:
            ConfigError: The task has no tenants.
        """
        self.tenants = tenants_of(spec)
        super().reset(spec, seed)

    @property
    def room_percent(self) -> float:
        """What there is to share out, of node 0."""
        return WHOLE_PERCENT - self.free_target_percent

    def with_shares(self, shares: Mapping[str, float]) -> Float32Array:
        """Return the action ``(k,)`` for shares in per cent of node 0."""
        return self.spec.action(
            promotion_quota=self.promotion_quota_mib_per_s * MIB,
            demotion_quota=self.demotion_quota_mib_per_s * MIB,
            hot_threshold=self.hot_threshold_percent,
            free_target=self.free_target_percent,
            **{f"{name}{ENDING}": share for name, share in shares.items()},
        )


class EqualShares(Shares):
    """Gives every tenant the same part of node 0."""

    reads = ()

    def act(self, observation: Float32Array) -> Float32Array:  # noqa: ARG002  nothing is looked at
        """Return the even split ``(k,)``."""
        part = self.room_percent / len(self.tenants)
        return self.with_shares(dict.fromkeys(self.tenants, part))


class NoShares(Shares):
    """Limits nobody: tenants compete for node 0 by heat, as without control groups."""

    reads = ()

    def act(self, observation: Float32Array) -> Float32Array:  # noqa: ARG002  nothing is looked at
        """Return all of node 0 for everybody ``(k,)``."""
        return self.with_shares(dict.fromkeys(self.tenants, WHOLE_PERCENT))


class SharesBySize(Shares):
    """Gives every tenant the part of node 0 that it has of all memory, as proportional shares do.

    It is what ``memory.low`` protection in proportion to size amounts to: no memory is better than
    any other.
    """

    def reset(self, spec: TaskSpec, seed: int) -> None:
        """Begin an episode."""
        super().reset(spec, seed)
        self.reads = tuple(f"{name}_size" for name in self.tenants)

    def act(self, observation: Float32Array) -> Float32Array:
        """Return the split by size ``(k,)``; even where sizes are not told."""
        sizes = {name: self.spec.value(observation, f"{name}_size") for name in self.tenants}
        total = sum(sizes.values())
        if not total > 0.0:
            sizes, total = dict.fromkeys(self.tenants, 1.0), float(len(self.tenants))
        room = self.room_percent / total
        return self.with_shares({name: size * room for name, size in sizes.items()})
