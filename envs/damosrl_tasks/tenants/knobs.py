"""The knobs of several tenants: those of tiering, and how much of node 0 each may have."""

from damosrl.knobs import Quantity, QuantitySet
from damosrl_tasks.tenants.config import TenantsConfig
from damosrl_tasks.tiering.knobs import KNOBS

LEAST_PERCENT = 1.0


def share_knob(name: str) -> str:
    """Return the name of a tenant's knob.

    Example:
        >>> share_knob("web")
        'web_share'
    """
    return f"{name}_share"


def tenant_knobs(config: TenantsConfig) -> QuantitySet:
    """Return the action's quantities: the five of tiering first.

    Shares are limits, not a split: at 100 % a tenant takes what the others leave free, and where
    they sum up to more than node 0, whoever is promoted first has it.
    """
    shares = [
        Quantity(
            share_knob(name),
            "%",
            LEAST_PERCENT,
            100.0,
            f"Share of node 0 that {tenant.memcg} may have; 100 is no limit.",
            default=max(100.0 * tenant.share, LEAST_PERCENT),
        )
        for name, tenant in config.tenants.items()
    ]
    return QuantitySet((*KNOBS.items, *shares))
