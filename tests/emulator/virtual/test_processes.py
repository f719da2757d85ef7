"""Processes of a workload: their layout, what is refused, and how YAML and recordings tell them."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.emulator.workload.address_space import (
    Process,
    Vma,
    check_processes,
    default_process,
)
from damosrl.emulator.workload.source import workload_source
from damosrl.errors import DamosrlError, WorkloadError

MIB = 1 << 20
PAGE = 4096


@given(st.integers(3, 2**36))
def test_the_usual_program_maps_all_of_its_memory(pages: int) -> None:
    """Heap, mmap area and stack share the memory out, in order, with two large gaps between."""
    process = default_process(pages * PAGE, 5, 8 * PAGE)
    heap, mmapped, stack = process.vmas
    assert heap.offset_bytes == 8 * PAGE
    assert mmapped.offset_bytes == 8 * PAGE + heap.size_bytes
    assert stack.offset_bytes == 8 * PAGE + heap.size_bytes + mmapped.size_bytes
    assert heap.size_bytes + mmapped.size_bytes + stack.size_bytes == pages * PAGE
    assert mmapped.start - heap.end > 64 * MIB
    assert stack.start - mmapped.end > 64 * MIB


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Vma(100, PAGE), "multiples of 4096"),
        (lambda: Vma(PAGE, 0), "size above 0"),
        (lambda: Vma(2**63, PAGE), "ends too high"),
        (lambda: Vma(PAGE, PAGE, from_s=2.0, to_s=1.0), "unmapped before"),
        (lambda: Process(0, ()), "pid is wrong"),
        (lambda: Process(1, (), start_s=1.0, end_s=1.0), "ends before it starts"),
        (lambda: Process(1, (Vma(2 * PAGE, PAGE), Vma(PAGE, PAGE))), "unsorted"),
        (lambda: Process(1, (Vma(PAGE, 2 * PAGE), Vma(2 * PAGE, PAGE))), "overlap"),
        (lambda: check_processes((Process(1, ()), Process(1, ())), PAGE), "not distinct"),
        (lambda: check_processes((Process(1, (Vma(PAGE, 2 * PAGE, 0),)),), PAGE), "footprint"),
        (
            lambda: check_processes(
                (Process(1, (Vma(0, 2 * PAGE, 0), Vma(4 * PAGE, PAGE, PAGE))),), 2 * PAGE
            ),
            "same memory",
        ),
    ],
)
def test_impossible_processes_are_refused(make: Any, message: str) -> None:
    """Each error names what is wrong."""
    with pytest.raises(WorkloadError, match=message):
        make()


def test_areas_of_one_place_at_different_times() -> None:
    """A process may map other memory where it has unmapped some."""
    early, late = Vma(PAGE, PAGE, 0, to_s=3.0), Vma(PAGE, PAGE, PAGE, from_s=3.0)
    assert Process(1, (early, late)).vmas[1].from_s == 3.0


def _draw(processes: Any, footprint: str = "1 GiB") -> tuple[Process, ...]:
    spec = {"access": {"kind": "uniform"}, "footprint": footprint, "processes": processes}
    source = workload_source(spec)
    assert "Processes: pid 7" in source.describe()
    return source.draw(np.random.default_rng(0)).processes


def test_yaml_shares_memory_out() -> None:
    """Processes get their shares of the footprint, areas those of their process."""
    areas = [
        {"start": "0x10000000", "share": 1.0, "from_s": 2.0},
        {"start": 0x20000000, "share": 0.0, "size": "1 GiB"},
        {"start": 0x90000000, "share": 3.0, "to_s": 9.0},
    ]
    first, second = _draw([{"pid": 7, "share": 3}, {"pid": 8, "end_s": 20.0, "vmas": areas}])
    assert sum(area.size_bytes for area in first.vmas) == 768 * MIB
    assert [area.size_bytes for area in second.vmas] == [64 * MIB, 1024 * MIB, 192 * MIB]
    assert [area.offset_bytes for area in second.vmas] == [768 * MIB, None, 832 * MIB]
    assert (second.end_s, second.vmas[0].from_s, second.vmas[2].to_s) == (20.0, 2.0, 9.0)
    assert math.isinf(first.end_s)


@pytest.mark.parametrize(
    ("processes", "message"),
    [
        ([{"pid": 7, "share": 0.0}], "share of process 7"),
        ([{"pid": 7, "vmas": [{"start": 0, "share": 0.0, "size": "4 KiB"}]}], "no memory"),
        ([{"pid": 7, "vmas": [{"start": 0, "share": 1.0, "size": "4 KiB"}]}], "both a share"),
        ([{"pid": 7, "vmas": [{"start": "here"}]}], "no address"),
        ([{"pid": 7, "share": 1e-6}, {"pid": 8}], "would have no memory"),
        ([{"pid": 7, "pids": 8}], "unknown key"),
    ],
)
def test_wrong_yaml_is_refused(processes: Any, message: str) -> None:
    """Shares, sizes, addresses and keys that make no process are named."""
    with pytest.raises(DamosrlError, match=message):
        _draw(processes)


def test_a_recording_keeps_its_gaps() -> None:
    """A recorded process maps its memory at the recorded addresses; only sizes are scaled."""
    (process,) = workload_source("rec_phases").draw(np.random.default_rng(0)).processes
    assert len(process.vmas) >= 3
    memory = [area.size_bytes for area in process.vmas if area.offset_bytes is not None]
    assert sum(memory) == 16 * 1024 * MIB
    recorded = [0x5598A60E8000, 0x7FEBAB400000, 0x7FFE70390000]
    assert [area.start for area in process.vmas][:2] == recorded[:2]
    gaps = [right.start - left.end for left, right in pairwise(process.vmas)]
    assert gaps[1] == pytest.approx(recorded[2] - recorded[1] - 517 * MIB, abs=MIB)
