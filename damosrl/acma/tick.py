"""One second of all machines: guests one after the other, then their host."""

from typing import Any

from damosrl.acma.blocks import GIVEN, LEAVES_PER_BLOCK
from damosrl.acma.chance import Stream
from damosrl.acma.compiling import kernel
from damosrl.acma.contiguous import serve_device
from damosrl.acma.counting import Counts, unmovable_blocks
from damosrl.acma.hosting import held_blocks, settle, update_ranks
from damosrl.acma.program import background_reclaim, churn, fault, follow
from damosrl.acma.rivals import balloon, compact, hotplug, plain_reclaim, report_free
from damosrl.acma.scaling import auto_scale


@kernel
def tick_guest(
    counts: Counts, guest: Any, host: Any, knobs: Any, load: Any, stream: Stream
) -> None:
    """Let one second pass in one guest."""
    guest.stall_s, guest.busy_s = 0.0, 0.0
    guest.new_blocks, guest.moved_leaves = 0, 0
    follow(counts, guest, host, load, stream)
    churn(counts, guest, host, load, stream)
    fault(counts, guest, host, load, stream)
    background_reclaim(counts, guest, stream)
    auto_scale(counts, guest, host, knobs, load, stream)
    plain_reclaim(counts, guest, host, knobs, load, stream)
    compact(counts, guest, host, knobs, stream)
    hotplug(counts, guest, host, knobs, stream)
    balloon(counts, guest, knobs, load, stream)
    report_free(counts, guest, knobs, stream)
    serve_device(counts, guest, host, knobs, load, stream)
    update_ranks(counts, guest, host)
    guest.moved_total += guest.moved_leaves
    settle(counts, guest, host, load)


@kernel
def share_out(counts: Any, guests: Any, host: Any) -> None:
    """Let the host page out what guests hold beyond its memory, each guest by what it holds."""
    total = 0.0
    for g in range(len(guests)):
        total += held_blocks(counts[g], guests[g], host)
    over = max(total - host.capacity, 0.0)
    host.overrun = int(over)
    for g in range(len(guests)):
        held = held_blocks(counts[g], guests[g], host)
        guests[g].host_out = int(LEAVES_PER_BLOCK * over * held / max(total, 1.0))


@kernel
def tick(
    counts: Any, guests: Any, hosts: Any, knobs: Any, loads: Any, places: Any, streams: Any
) -> None:
    """Let one second pass on all machines.

    Args:
        counts: ``(N, G, CLASSES)``.
        guests: ``(N, G)`` records.
        hosts: ``(N,)`` records.
        knobs: ``(N,)`` records.
        loads: ``(N, G, T)`` records, second by second.
        places: Second that each machine is in, ``(N,)``.
        streams: ``(N, 1)``.
    """
    for n in range(len(hosts)):
        hosts[n].time_s += 1.0
        second = min(places[n], loads.shape[2] - 1)
        for g in range(guests.shape[1]):
            tick_guest(
                counts[n, g], guests[n, g], hosts[n], knobs[n], loads[n, g, second], streams[n]
            )
        share_out(counts[n], guests[n], hosts[n])


@kernel
def boot(counts: Any, guests: Any, hosts: Any, loads: Any, stream: Stream) -> None:
    """Bring one machine's guests to their first second: kernel first, then the program.

    What the kernel pins at boot lies at the bottom of memory, below every window.
    """
    for g in range(len(guests)):
        follow(counts[g], guests[g], hosts, loads[g, 0], stream)
        guests[g].anchored = unmovable_blocks(counts[g])
        guests[g].stall_s, guests[g].new_blocks = 0.0, 0
    share_out(counts, guests, hosts)


@kernel
def is_sound(counts: Any, guest: Any) -> bool:
    """Tell whether every block is accounted for once."""
    total = 0
    for one in counts:
        if one < 0:
            return False
        total += one
    return total == guest.blocks and guest.unplugged + guest.lent <= counts[GIVEN]
