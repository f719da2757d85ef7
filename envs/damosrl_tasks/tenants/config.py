"""What the task of several tenants is told: one choice of ``conf/task``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from damosrl.config import read_choice, require_within
from damosrl.errors import ConfigError
from damosrl_tasks.tiering.config import TieringConfig

NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class TenantTarget:
    """One tenant: where its memory is found, and what it is promised.

    Args:
        memcg: Path of its memory control group from the hierarchy's root.
        slowdown: Largest slowdown that is acceptable, against the tenant alone on the machine with
            all its memory fast; at least 1.
        share: Share of node 0 that it may have where no tuner says otherwise, 0..1.
    """

    memcg: str
    slowdown: float
    share: float

    def __post_init__(self) -> None:
        if not self.memcg.startswith("/") or not self.memcg.strip("/"):
            raise ConfigError(
                "a tenant has no control group of its own", got=self.memcg, allowed="such as /web"
            )
        require_within(f"slowdown of tenant {self.memcg}", self.slowdown, 1.0, 1000.0)
        require_within(f"share of tenant {self.memcg}", self.share, 0.0, 1.0)


@dataclass(frozen=True)
class TenantsConfig(TieringConfig):
    """A tiering task for tenants that control groups tell apart.

    Args:
        tenants: By the name that features and knobs carry.
        hot_percent: Access rate from which memory counts as hot in the features, of the largest.
        idle_s: Time without access from which memory counts as idle in the features.

    Raises:
        ConfigError: No tenants, two of one group, shares that sum up to 0 or to more than 1, or
            settings of more than two nodes.

    Example:
        >>> web = TenantTarget("/web", slowdown=1.1, share=0.6)
        >>> TenantsConfig(tenants={"web": web}).paths
        ('/web',)
    """

    name: str = "tiering_tenants"
    env: str = "damosrl/Tenants-v0"
    tenants: dict[str, TenantTarget] = field(default_factory=dict)
    hot_percent: float = 25.0
    idle_s: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_within("task hot_percent", self.hot_percent, 0.0, 100.0)
        require_within("task idle_s", self.idle_s, 0.0, 3600.0)
        if not self.tenants:
            raise ConfigError(
                "the task has no tenants",
                allowed="tenants: {web: {memcg: /web, slowdown: 1.15, share: 0.5}, ...}",
            )
        for name in self.tenants:
            if not NAME.fullmatch(name) or re.match(r"node\d", name):
                raise ConfigError(
                    "a tenant's name is wrong",
                    got=name,
                    allowed="small letters, digits and _, and nothing like node0",
                )
        paths = [path.rstrip("/") for path in self.paths]
        if len(set(paths)) < len(paths):
            raise ConfigError("two tenants have one control group", got=", ".join(self.paths))
        total = sum(tenant.share for tenant in self.tenants.values())
        if not 0.0 < total <= 1.0 + 1e-9:
            raise ConfigError(
                "the shares of the tenants are no split of node 0",
                got=f"a sum of {total:g}",
                allowed="a sum above 0, and at most 1",
            )
        if self.knobs != "shared" or self.pageout or self.demotes_to:
            raise ConfigError(
                "tenants share two memory nodes: knobs, pageout and demotes_to are for more",
                fix="leave them out",
            )

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of the control groups, in the order of the tenants."""
        return tuple(tenant.memcg for tenant in self.tenants.values())

    @property
    def targets(self) -> dict[str, float]:
        """Largest acceptable slowdown by path."""
        return {tenant.memcg: tenant.slowdown for tenant in self.tenants.values()}


def tenants_config(choice: str | Mapping[str, Any]) -> TenantsConfig:
    """Read a choice of ``conf/task``, or a mapping of the same keys.

    Raises:
        UnknownNameError: No such choice or key; the nearest is named.
        ConfigError: A value is wrong.
    """
    return read_choice(TenantsConfig, "task", choice)
