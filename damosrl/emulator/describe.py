"""Writing what a machine's configuration says into its records."""

from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.presets import MachineConfig, Tier

ABSENT_PEAK_GBPS = 1e9
"""Peak of a swap store that is not there."""


def describe_machine(world: MemoryWorld, machine: int, config: MachineConfig) -> None:
    """Write what a configuration says about a machine, whatever its workload."""
    for node, tier in enumerate(config.memory_tiers):
        _write_curve(world, machine, node, tier)
    record = world.machines[machine : machine + 1]
    swap = config.swap_tier
    if swap is None:
        world.curves["load_gbps"][machine, -1] = ABSENT_PEAK_GBPS
    else:
        _write_curve(world, machine, -1, swap)
        record["fault_p99_ns"] = max(swap.fault_p99_ns, swap.idle_latency_ns)
        record["store_ns"] = swap.store_ns
    record["granule_bytes"] = config.granule_bytes
    record["pingpong_window_s"] = config.pingpong_window_s
    record["cpus"] = config.cpus
    record["kswapd"] = config.kswapd
    record["move_page_ns"] = config.page_move_us * 1e3
    record["check_us"] = config.region_check_us


def _write_curve(world: MemoryWorld, machine: int, node: int, tier: Tier) -> None:
    points = len(tier.curve_ns)
    curve = world.curves[machine, node]
    curve["load_gbps"][:points], curve["load_gbps"][points:] = tier.curve_gbps, tier.bandwidth_gbps
    curve["latency_ns"][:points], curve["latency_ns"][points:] = tier.curve_ns, tier.curve_ns[-1]
