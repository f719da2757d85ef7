"""Memory: nodes, tiers, what else moves pages, and where pages can be paged out to."""

from pathlib import Path

from damosrl.kernel.doctor.finding import Finding, Machine, State
from damosrl.kernel.host.nodes import Node, memory_nodes, node_memory

MIB = 1 << 20
_NUMA_BALANCING = {"1": "1 (towards the CPU)", "2": "2 (memory tiering)", "3": "3 (both)"}
"""Bits of ``kernel.numa_balancing`` (Documentation/admin-guide/sysctl/kernel.rst)."""


def nodes(machine: Machine) -> Finding:
    """List the memory nodes, the fastest first."""
    found = memory_nodes(machine.files, machine.roots)
    told = "; ".join(_node_told(machine, node) for node in found)
    if len(found) > 1:
        return Finding(State.OK, told)
    return Finding(
        State.WARNING,
        told or "none",
        "with one node nothing can migrate; monitoring and reclaim work",
        "two nodes to try on: `damosrl vm boot --machine two-tier`",
    )


def tiers(machine: Machine) -> Finding:
    """Tell whether the kernel knows which nodes are faster."""
    found = memory_nodes(machine.files, machine.roots)
    by_tier: dict[int | None, list[int]] = {}
    for node in found:
        by_tier.setdefault(node.tier, []).append(node.nid)
    told = "; ".join(
        f"{'no tier' if tier is None else f'tier {tier}'}: {_node_list(nids)}"
        for tier, nids in by_tier.items()
    )
    if len(by_tier) > 1 and None not in by_tier:
        return Finding(State.OK, told)
    if len(found) == 1:
        return Finding(State.WARNING, told, "there is one node, so nothing to tier")
    if None in by_tier:
        why = "the kernel tells no tier of some nodes, so which are faster has to be given by hand"
        return Finding(
            State.WARNING, told, why, "boot a kernel with CONFIG_NUMA and CONFIG_MIGRATION"
        )
    return Finding(
        State.WARNING,
        f"all {len(found)} nodes are in one tier ({told})",
        "the kernel takes them as equally fast: demotion and promotion between them silently do "
        "nothing, and migrating by node id brings nothing that it knows of",
        "firmware (HMAT) or the driver has to tell the slow node's latency; `damosrl vm boot` "
        "gives a guest with two tiers",
    )


def demotion(machine: Machine) -> Finding:
    """Tell whether reclaim moves cold pages to slower nodes by itself."""
    path = machine.roots.sysfs / "kernel/mm/numa/demotion_enabled"
    text = machine.text(path)
    if text is None:
        return Finding(State.MISSING, f"no {path}", "this kernel's reclaim cannot demote")
    if text in ("true", "1"):
        return Finding(
            State.WARNING,
            "on",
            "reclaim demotes by itself, beside what a tuner does",
            f"for an undisturbed comparison: `echo 0 > {path}` as root",
        )
    return Finding(State.OK, "off", "DAMOS migrates without it")


def numa_balancing(machine: Machine) -> Finding:
    """Tell whether the kernel moves pages between nodes by itself."""
    text = machine.text(machine.roots.procfs / "sys/kernel/numa_balancing")
    if text is None:
        return Finding(State.OK, "not in this kernel")
    if text == "0":
        return Finding(State.OK, "off")
    return Finding(
        State.WARNING,
        _NUMA_BALANCING.get(text, text),
        "it moves hot pages by itself, so that one measures the wrong mover",
        "`sysctl kernel.numa_balancing=0` as root",
    )


def swap(machine: Machine) -> Finding:
    """List what anonymous memory can be paged out to."""
    rows = [
        row.split() for row in (machine.text(machine.roots.procfs / "swaps") or "").splitlines()[1:]
    ]
    used = [row for row in rows if len(row) > 3 and row[2].isdecimal() and row[3].isdecimal()]
    if used:
        return Finding(State.OK, "; ".join(_swap_told(*row[:4]) for row in used))
    zram = sorted(
        name for name in machine.names(machine.roots.sysfs / "block") if name.startswith("zram")
    )
    return Finding(
        State.WARNING,
        f"none in use{', though there is ' + ', '.join(zram) if zram else ''}",
        "the action pageout cannot move anonymous memory; migration needs no swap",
        _swap_fix([name for name in zram if _is_unused(machine, name)]),
    )


def _is_unused(machine: Machine, zram: str) -> bool:
    """Tell whether a zram device has no size yet, and so nobody's data."""
    return machine.text(machine.roots.sysfs / f"block/{zram}/disksize") == "0"


def _swap_fix(unused: list[str]) -> str:
    """Return the commands that swap to a device which nobody uses, or to a new one."""
    if unused:
        device = f"/dev/{unused[0]}"
        made = f"`zramctl --size 1G {device}`"
    else:
        device = "$device"
        made = "`modprobe zram`, `device=$(zramctl --find --size 1G)`"
    return f"as root: {made}, `mkswap {device}`, `swapon {device}`"


def _node_told(machine: Machine, node: Node) -> str:
    memory = node_memory(machine.files, machine.roots, node.nid)
    cpus = "CPUs" if node.has_cpus else "no CPU"
    return (
        f"node {node.nid}: {memory.total_bytes // MIB} MiB, {memory.free_bytes // MIB} free, {cpus}"
    )


def _node_list(nids: list[int]) -> str:
    return f"node{'s' * (len(nids) > 1)} {', '.join(map(str, nids))}"


def _swap_told(place: str, kind: str, size_kib: str, used_kib: str) -> str:
    name = Path(place).name
    return f"{name} ({kind}, {int(size_kib) // 1024} MiB, {int(used_kib) // 1024} used)"
