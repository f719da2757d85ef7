"""What somebody who knows all future access rates would give each tenant of node 0.

Within a tenant the hottest memory comes first, so a placement is a split of node 0, and a split's
worth follows from the closed loops (`damosrl.emulator.tenants`). The cost of a split is the
machine's slowdown, plus what each tenant's slowdown is beyond its target; transfers of ever smaller
parts between tenants, and to and from nobody, lower it until none does. That is a local search, so
the end of the scale it marks can be passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.memcg import memcg_id
from damosrl.emulator.memory_state import PAGE_BYTES, MemoryWorld
from damosrl.emulator.migration import move_pieces
from damosrl.emulator.oracle import first_frames, resident_frames
from damosrl.emulator.tenants import solve_tenants

STEPS = 7
"""Sizes of a transfer: node 0 divided by 4, 8, ... ."""

LEAST_GAIN = 1e-4
"""Fall of the cost below which nothing is moved."""

FAST, SLOW = 0, 1

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class _Holdings:
    """Where each piece's frames are, and in which order they are wanted.

    Args:
        rate: Expected accesses per second per page, ``(P,)``.
        owner: Tenant of each piece, ``(P,)``.
        fast: Frames in node 0, ``(P,)``.
        total: Frames in both nodes, ``(P,)``.
        orders: Pieces of each tenant, hottest first.
    """

    rate: FloatArray
    owner: IntArray
    fast: IntArray
    total: IntArray
    orders: tuple[IntArray, ...]

    def fast_share(self, tenant: int, frames: float) -> float:
        """Return the share of a tenant's accesses that its hottest frames serve."""
        order = self.orders[tenant]
        ends = np.concatenate([[0.0], np.cumsum(self.total[order], dtype=np.float64)])
        served = np.concatenate([[0.0], np.cumsum(self.rate[order] * self.total[order])])
        return float(np.interp(frames, ends, served) / served[-1]) if served[-1] > 0.0 else 1.0

    def fast_share_now(self, tenant: int) -> float:
        """Return the share of a tenant's accesses that node 0 serves as memory lies now."""
        mine = self.owner == tenant
        everything = float(self.rate[mine] @ self.total[mine])
        return float(self.rate[mine] @ self.fast[mine]) / everything if everything > 0.0 else 1.0

    def wanted(self, split: IntArray) -> IntArray:
        """Return the frames of each piece that a split puts into node 0, ``(P,)``."""
        taken = np.zeros_like(self.total)
        for order, frames in zip(self.orders, split.tolist(), strict=False):
            taken += first_frames(order, self.total[order], frames, len(taken))
        return taken


def share_out(
    world: MemoryWorld,
    m: int,
    rate_hz: FloatArray,
    budget_bytes: float,
    horizon_s: float,
    targets: Mapping[str, float],
) -> float:
    """Move towards the best split of node 0 found, as far as it pays; return bytes moved.

    Args:
        world: The machines.
        m: Machine with several tenants and two memory nodes.
        rate_hz: True expected rate of each piece, ``(P,)``.
        budget_bytes: Most bytes to move.
        horizon_s: Time within which a move has to pay for its CPU time.
        targets: Largest slowdown wanted by path of control group; others have none.
    """
    count = int(world.machines["num_tenants"][m])
    limits = np.full(count, np.inf)
    for path, slowdown in targets.items():
        limits[world.tenants["memcg"][m, :count] == memcg_id(path)] = slowdown
    held = _holdings(world, m, rate_hz, count)
    shares = np.array([held.fast_share_now(tenant) for tenant in range(count)])
    now = _cost(world, m, shares, limits)
    best, cost = _search(world, m, held, limits)
    granule = float(world.machines["granule_bytes"][m])
    up, down = _moves(held, best, int(world.nodes["free"][m, FAST]), budget_bytes / granule)
    pages = float(up.sum() + down.sum()) * granule / PAGE_BYTES
    copy_s = pages * float(world.machines["move_page_ns"][m]) * 1e-9
    price = copy_s / (float(world.machines["threads"][m]) * horizon_s)
    if cost + price > now - LEAST_GAIN:
        return 0.0
    return granule * _carry_out(world, m, up, down)


def _holdings(world: MemoryWorld, m: int, rate: FloatArray, count: int) -> _Holdings:
    fast, slow = np.zeros(len(rate), np.int64), np.zeros(len(rate), np.int64)
    resident_frames(world, m, FAST, fast)
    resident_frames(world, m, SLOW, slow)
    owner = world.pieces["tenant"][m, : len(rate)].copy()
    orders = []
    for tenant in range(count):
        pieces = np.flatnonzero(owner == tenant)
        orders.append(pieces[np.argsort(-rate[pieces], kind="stable")])
    return _Holdings(rate, owner, fast, fast + slow, tuple(orders))


def _cost(world: MemoryWorld, m: int, fast_share: FloatArray, limits: FloatArray) -> float:
    """Return the cost of a placement that serves these shares of accesses in node 0."""
    count = len(fast_share)
    nodes = world.tenant_nodes[m, :count]
    nodes["share"] = 0.0
    nodes["share"][:, FAST], nodes["share"][:, SLOW] = fast_share, 1.0 - fast_share
    world.nodes["background_gbps"][m] = 0.0
    served = solve_tenants(world, m, 1.0)
    slowdown = 1.0 / world.tenants["speed"][m, :count]
    excess = np.maximum(slowdown - limits, 0.0).sum()
    return float(world.machines["fast_throughput"][m]) / served + float(excess)


def _search(
    world: MemoryWorld, m: int, held: _Holdings, limits: FloatArray
) -> tuple[IntArray, float]:
    """Return the frames of node 0 of each tenant, and of nobody as the last one, and their cost."""
    count, capacity = len(limits), int(world.nodes["total"][m, FAST])
    split = np.array([int(held.fast[held.owner == tenant].sum()) for tenant in range(count)])
    split = np.append(split, capacity - split.sum())

    def cost_of(candidate: IntArray) -> float:
        shares = [held.fast_share(tenant, candidate[tenant]) for tenant in range(count)]
        return _cost(world, m, np.array(shares), limits)

    cost = cost_of(split)
    for step in range(STEPS):
        part = max(capacity // (4 << step), 1)
        improved = True
        while improved:
            improved = False
            for giver, taker in permutations(range(count + 1), 2):
                candidate = split.copy()
                candidate[giver] -= min(part, int(split[giver]))
                candidate[taker] += split[giver] - candidate[giver]
                found = cost_of(candidate)
                if found < cost - LEAST_GAIN / 10.0:
                    split, cost, improved = candidate, found, True
    return split, cost


def _moves(
    held: _Holdings, split: IntArray, free: int, budget_frames: float
) -> tuple[IntArray, IntArray]:
    """Return frames of each piece to move up and down, ``(P,)`` each: the most worth first."""
    wanted = held.wanted(split)
    missing, surplus = np.maximum(wanted - held.fast, 0), np.maximum(held.fast - wanted, 0)
    hottest = np.argsort(-held.rate, kind="stable")
    # beyond the free frames, one has to go down for each that comes up
    most = budget_frames if budget_frames <= free else 0.5 * (budget_frames + free)
    up = first_frames(hottest, missing[hottest], int(most), len(wanted))
    coldest = hottest[::-1]
    back = max(int(up.sum()) - free, 0)
    return up, first_frames(coldest, surplus[coldest], back, len(wanted))


def _carry_out(world: MemoryWorld, m: int, up: IntArray, down: IntArray) -> int:
    total, moved = 0, 1
    while moved:
        moved = move_pieces(world, m, FAST, SLOW, down)
        moved += move_pieces(world, m, SLOW, FAST, up)
        total += moved
    return total
