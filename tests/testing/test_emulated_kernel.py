"""An emulated kernel is driven through its files as a real one, at emulated time."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from damosrl.damon import (
    AddressRange,
    Context,
    Document,
    GoalMetric,
    Kdamond,
    Ops,
    QuotaGoal,
    Scheme,
    Target,
)
from damosrl.errors import KernelError
from damosrl.kernel.client import DamonClient
from damosrl.kernel.host.nodes import memory_nodes
from damosrl.kernel.host.telemetry import HostTelemetry
from damosrl.kernel.roots import Roots
from damosrl.kernel.trace_lines import TraceLines
from damosrl.testing.emulated_kernel import EmulatedKernel
from tests.testing.tiering import MIB, config, tiering, workload

ROOTS = Roots(
    sysfs=Path("/fake/sys"),
    procfs=Path("/fake/proc"),
    tracefs=Path("/fake/sys/kernel/tracing"),
    cgroupfs=Path("/fake/sys/fs/cgroup"),
)


def _kernel(seed: int = 1, version: str = "7.3") -> tuple[EmulatedKernel, DamonClient]:
    kernel = EmulatedKernel(config(), workload(), seed, ROOTS, version)
    return kernel, DamonClient(ROOTS, kernel.files)


def _document(kernel: EmulatedKernel, quota_bytes: int = 64 * MIB) -> Document:
    return tiering(kernel.machine.nodes, quota_bytes)


def test_the_files_give_the_addresses_of_the_machine() -> None:
    """Blocks of sysfs and the emulated nodes are the same memory, the faster tier first."""
    kernel, _ = _kernel()
    nodes = memory_nodes(kernel.files, ROOTS)
    assert [node.ranges for node in nodes] == [(item,) for item in kernel.machine.nodes]
    assert [node.has_cpus for node in nodes] == [True, False]


def test_time_passes_only_when_told() -> None:
    """Reading and starting take no time; sleeping takes what is asked."""
    kernel, client = _kernel()
    client.start(_document(kernel))
    client.update_stats(0)
    assert kernel.clock.monotonic() == 0.0
    kernel.clock.sleep(1.5)
    assert kernel.clock.monotonic() == pytest.approx(1.5)
    with pytest.raises(ValueError, match="non-negative"):
        kernel.clock.sleep(-1.0)


def test_schemes_move_memory_and_the_host_tells() -> None:
    """Promotion shows in statistics, in vmstat, in free memory and in the kdamonds' CPU time."""
    kernel, client = _kernel()
    kernel.clock.sleep(2.0)
    host = HostTelemetry(ROOTS, kernel.files, nids=[0, 1])
    before = host.sample()
    client.start(_document(kernel))
    kernel.clock.sleep(8.0)
    pids = [client.kdamond_pid(kdamond) or 0 for kdamond in (0, 1)]
    after = host.sample(pids)
    client.update_stats(1)
    (promotion,) = client.stats(1)
    assert before.nodes is not None
    assert after.nodes is not None
    assert before.counters["pgmigrate_success"] == 0
    assert after.counters["pgmigrate_success"] * 4096 >= promotion.sz_applied > 0
    assert before.nodes[0].free_bytes != after.nodes[0].free_bytes
    total = [sum(node.free_bytes for node in sample) for sample in (before.nodes, after.nodes)]
    assert total[0] == total[1]
    assert after.kdamond_cpu_us == pytest.approx(
        kernel.machine.machines.telemetry().kdamond_cpu_us[0], abs=2.0
    )
    assert client.effective_bytes(1) == (64 * MIB,)


def test_a_commit_is_in_force_when_it_returns() -> None:
    """A quota of one byte moves nothing more, and statistics are kept."""
    kernel, client = _kernel()
    client.start(_document(kernel))
    kernel.clock.sleep(5.0)
    client.commit(_document(kernel, quota_bytes=1))
    client.update_stats(1)
    (before,) = client.stats(1)
    kernel.clock.sleep(5.0)
    client.update_stats(1)
    (after,) = client.stats(1)
    assert before.sz_applied == after.sz_applied > 0
    assert client.effective_bytes(1) == (1,)


def test_tried_regions_wait_for_a_pass() -> None:
    """A scheme that matches everything gives the whole node, sorted, after its next pass."""
    kernel, client = _kernel()
    node = kernel.machine.nodes[1]
    context = Context(Ops.PADDR, (Target(regions=(node,)),), schemes=(Scheme(),))
    client.start(Document((Kdamond((context,)),)))
    kernel.clock.sleep(1.0)
    (regions,) = client.tried_regions(0)
    assert 1.0 < kernel.clock.monotonic() < 1.2
    assert (regions[0].start, regions[-1].end) == (node.start, node.end)
    assert all(left.end == right.start for left, right in pairwise(regions))
    assert sum(region.nr_accesses for region in regions) > 0


def test_memory_outlives_a_restart() -> None:
    """Stopping moves nothing back; a new kdamond starts with counters at zero."""
    kernel, client = _kernel()
    client.start(_document(kernel))
    kernel.clock.sleep(8.0)
    client.stop()
    free = kernel.machine.machines.telemetry().node_free_bytes.tolist()
    kernel.clock.sleep(3.0)
    assert kernel.machine.machines.telemetry().node_free_bytes.tolist() == free
    client.start(_document(kernel))
    client.update_stats(1)
    assert client.stats(1)[0].nr_tried == 0
    assert kernel.clock.monotonic() == pytest.approx(11.0)


def test_goals_alone_are_committed() -> None:
    """A goal that is reached lets the kernel's own loop shrink the quota."""
    kernel, client = _kernel()
    document = _with_goal(_document(kernel), current=0)
    client.start(document)
    kernel.clock.sleep(10.0)
    client.commit_goals(_with_goal(document, current=10_000))
    client.update_stats(1)
    wide = client.effective_bytes(1)[0]
    kernel.clock.sleep(10.0)
    client.update_stats(1)
    assert client.effective_bytes(1)[0] < wide


def _with_goal(document: Document, current: int) -> Document:
    goal = QuotaGoal(GoalMetric.USER_INPUT, target_value=100, current_value=current)
    kdamonds = []
    for kdamond in document.kdamonds:
        context = kdamond.contexts[0]
        scheme = context.schemes[0]
        scheme = replace(scheme, quota=replace(scheme.quota, goals=(goal,)))
        kdamonds.append(Kdamond((replace(context, schemes=(scheme,)),)))
    return Document(tuple(kdamonds))


def test_a_process_is_watched() -> None:
    """A pid of the workload can be watched; another one is refused and leaves nothing running."""
    kernel, client = _kernel()
    (pid,) = kernel.machine.pids
    with pytest.raises(KernelError, match="EINVAL"):
        client.start(_watching(pid + 1))
    assert client.running() == []
    client.start(_watching(pid))
    kernel.clock.sleep(1.0)
    (regions,) = client.tried_regions(0)
    assert sum(item.end - item.start for item in regions) >= 1024 * MIB


def _watching(pid: int) -> Document:
    return Document((Kdamond((Context(Ops.VADDR, (Target(pid=pid),), schemes=(Scheme(),)),)),))


def test_what_has_no_room_is_refused() -> None:
    """More kdamonds than places is ENOMEM, and none is left running."""
    kernel, client = _kernel()
    part = AddressRange(0, 128 * MIB)
    context = Context(Ops.PADDR, (Target(regions=(part,)),))
    with pytest.raises(KernelError, match="ENOMEM"):
        client.start(Document((Kdamond((context,)),) * 3))
    assert client.running() == []
    assert not kernel.machine.is_running(0)


def test_trace_lines_are_those_of_the_tracer() -> None:
    """The project's own reader takes them for a snapshot of the node, and loses none."""
    kernel, client = _kernel()
    assert kernel.trace_lines() == b""
    client.start(_document(kernel))
    kernel.clock.sleep(1.0)
    reader = TraceLines(5000, 100_000, client.kdamond_pid(1))
    first = kernel.trace_lines()
    kernel.clock.sleep(0.1)
    found = [*reader.feed(first), *reader.feed(kernel.trace_lines())]
    node, snapshot = kernel.machine.nodes[1], found[0].snapshot
    assert reader.dropped_snapshots == 0
    assert (int(snapshot.start[0]), int(snapshot.end[-1])) == (node.start, node.end)


def test_equal_seeds_give_equal_files() -> None:
    """Two kernels with one seed and one history have the same files; another seed has not."""
    first, second, other = (_files_after(seed) for seed in (3, 3, 4))
    assert first == second
    assert first != other


def _files_after(seed: int) -> dict[str, str]:
    kernel, client = _kernel(seed)
    client.start(_document(kernel, 4 * MIB))
    kernel.clock.sleep(4.0)
    client.commit(_document(kernel, 8 * MIB))
    kernel.clock.sleep(4.0)
    client.update_stats(1)
    return kernel.files.texts() | {"trace": kernel.trace_lines().decode()}


def test_kernel_6_12_is_emulated() -> None:
    """The oldest kernel commits at a window's end, without nodes' goals."""
    kernel, client = _kernel(version="6.12")
    client.start(_document(kernel))
    kernel.clock.sleep(5.0)
    client.commit(_document(kernel, quota_bytes=1))
    client.update_stats(1)
    (before,) = client.stats(1)
    kernel.clock.sleep(5.0)
    client.update_stats(1)
    assert client.stats(1)[0].sz_applied == before.sz_applied > 0
