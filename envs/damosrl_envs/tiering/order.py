"""Which node is above which: Linux's abstract distance, and machines on which it gives no order."""

from itertools import pairwise

from damosrl.emulator.presets import MachineConfig, Tier
from damosrl.errors import MachineError

DRAM_DISTANCE = 576.0
"""Abstract distance of DRAM (Linux 7.3 include/linux/memory-tiers.h: 4.5 chunks of 128)."""


def abstract_distance(tier: Tier, dram: Tier) -> float:
    """Return how far a tier is, as Linux ranks memory tiers.

    Latency over bandwidth, relative to DRAM (mm/memory-tiers.c, ``mt_perf_to_adistance()``, 7.3):
    more bandwidth makes a tier nearer as less latency does, which is why HBM stands above DRAM.

    Args:
        tier: What is ranked.
        dram: The tier that counts as DRAM; which one does not change the order.
    """
    latency = tier.idle_latency_ns / dram.idle_latency_ns
    return DRAM_DISTANCE * latency * dram.bandwidth_gbps / tier.bandwidth_gbps


def require_order(config: MachineConfig) -> None:
    """Refuse a machine whose memory nodes do not go from near to far.

    Raises:
        MachineError: Two nodes are equally far, or a nearer one stands below; both are named.
    """
    for upper, lower in pairwise(config.memory_tiers):
        near, far = (abstract_distance(tier, config.tiers[0]) for tier in (upper, lower))
        if near < far:
            continue
        what = "equally far" if near == far else "in the wrong order"
        raise MachineError(
            f"tiers {upper.name} and {lower.name} of machine {config.name} are {what}",
            got=f"distances {near:.4g} and {far:.4g} (latency / bandwidth)",
            allowed="nearer memory first: distances that grow",
            fix="join them into one tier" if near == far else "swap them",
        )
