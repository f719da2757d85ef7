"""The closed loop obeys Little's law, slows with slower memory, and saturates where it must."""

import math
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.emulator.application import set_shares, solve_all_fast, solve_loop
from damosrl.emulator.memory_state import MemoryWorld
from damosrl.emulator.presets import MachineConfig

MakeWorld = Callable[..., MemoryWorld]


def _solve(
    world: MemoryWorld,
    fast_share: float,
    in_flight: float,
    background: float = 0.0,
    running: float = 1.0,
) -> float:
    world.machines["in_flight"] = in_flight
    world.nodes["met_load"][0] = (fast_share, 1.0 - fast_share, 0.0)
    set_shares(world, 0)
    world.nodes["background_gbps"][0, :2] = background
    return solve_loop(world, 0, running)


def _world(make_world: MakeWorld, config: MachineConfig) -> MemoryWorld:
    return make_world(config, (4,), (4, 4, 0), (4, 0, 0), (1.0,))


@settings(deadline=None, max_examples=200)
@given(
    fast_share=st.floats(0.0, 1.0),
    in_flight=st.floats(1.0, 5000.0),
    background=st.floats(0.0, 100.0),
    running=st.floats(0.05, 1.0),
)
def test_littles_law_holds(
    make_world: MakeWorld,
    two_tiers: MachineConfig,
    fast_share: float,
    in_flight: float,
    background: float,
    running: float,
) -> None:
    """Requests in flight are throughput times think time plus mean latency, loaded or not."""
    world = _world(make_world, two_tiers)
    throughput = _solve(world, fast_share, in_flight, background, running)
    nodes = world.nodes[0]
    latency = float(nodes["share"] @ nodes["latency_ns"])
    assert math.isclose(throughput * (200.0 + latency), in_flight * running, rel_tol=1e-6)


@settings(deadline=None, max_examples=100)
@given(fast_share=st.floats(0.0, 1.0), in_flight=st.floats(1.0, 5000.0))
def test_no_tier_exceeds_its_peak(
    make_world: MakeWorld, two_tiers: MachineConfig, fast_share: float, in_flight: float
) -> None:
    """However many requests are in flight, a tier gives no more than its bandwidth."""
    world = _world(make_world, two_tiers)
    throughput = _solve(world, fast_share, in_flight)
    for node, tier in enumerate(two_tiers.tiers):
        load = throughput * float(world.nodes["share"][0, node]) * 64.0
        assert load <= tier.bandwidth_gbps * (1.0 + 1e-9)


@settings(deadline=None, max_examples=100)
@given(shares=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)))
def test_light_load_gains_from_fast_memory(
    make_world: MakeWorld, two_tiers: MachineConfig, shares: tuple[float, float]
) -> None:
    """While latencies do not bend, more accesses in fast memory mean more throughput."""
    world = _world(make_world, two_tiers)
    less, more = sorted(shares)
    assert _solve(world, less, 16.0) <= _solve(world, more, 16.0) * (1.0 + 1e-9)


@settings(deadline=None, max_examples=100)
@given(traffic=st.tuples(st.floats(0.0, 30.0), st.floats(0.0, 30.0)))
def test_migration_traffic_slows_the_application(
    make_world: MakeWorld, two_tiers: MachineConfig, traffic: tuple[float, float]
) -> None:
    """Bandwidth taken by migration is bandwidth the application does not get."""
    world = _world(make_world, two_tiers)
    less, more = sorted(traffic)
    assert _solve(world, 0.7, 128.0, more) <= _solve(world, 0.7, 128.0, less) * (1.0 + 1e-9)


def test_heavy_load_wants_both_tiers(make_world: MakeWorld, two_tiers: MachineConfig) -> None:
    """When the fast tier is saturated, some accesses in slow memory beat all in fast memory."""
    world = _world(make_world, two_tiers)
    shares = np.linspace(0.0, 1.0, 101)
    throughputs = [_solve(world, float(share), 1000.0) for share in shares]
    best = float(shares[int(np.argmax(throughputs))])
    assert 0.5 < best < 0.8
    assert max(throughputs) > 1.3 * throughputs[-1]


def test_all_fast_is_the_measure(make_world: MakeWorld, two_tiers: MachineConfig) -> None:
    """The reference throughput is that of the loop with every access in node 0."""
    world = _world(make_world, two_tiers)
    solve_all_fast(world, 0)
    assert math.isclose(world.machines["fast_throughput"][0], _solve(world, 1.0, 64.0))
