"""The bench: what its rows look like, that each can be measured, that the opponent is fair."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import damosrl
from damosrl.artifact import save_artifact
from damosrl.cli import main
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import machine_config
from damosrl.errors import MachineError
from damosrl.experiment.bench import opponent, rows, scaling
from damosrl.experiment.bench.daemon import daemon_rows
from damosrl.experiment.bench.hosts import ACMA, host_rows, size_ratio
from damosrl.experiment.bench.kernel_step import step_costs_s, step_p99_ms
from damosrl.experiment.bench.machines import (
    drawn_workload,
    machines,
    mean_regions,
    two_node_document,
)
from damosrl.experiment.bench.measure import Row, Sample, in_turn
from damosrl.experiment.bench.reclaim import RECLAIM, footprint_ratio, reclaim_rows
from damosrl.experiment.bench.scaling import Extent, measure_scaling, write_scaling
from damosrl.experiment.bench.training import default_ppo_ratio, shipped_ppo_ratio
from damosrl.experiment.plugins import load_environments
from damosrl.kernel_tasks import task_factory
from damosrl.testing.daemon_process import measure
from damosrl.testing.sample_policies import sample_network

KEYS = {"value", "target", "meets", "spread", "how"}
SMALL = "64 MiB"


def _samples(*values: float) -> Sample:
    return iter(values).__next__


def test_a_row_reports_median_spread_and_whether_it_meets() -> None:
    """The value is the median, the spread its ends, and the target is met from either side."""
    most = Row("cost", "a over b", lambda: _samples(3.0, 1.0, 2.0), 2.0, at_least=False, repeats=3)
    assert most.result() == {
        "value": 2.0,
        "target": 2.0,
        "meets": True,
        "spread": [1.0, 3.0],
        "how": "a over b; median of 3, spread from least to greatest",
    }
    least = replace(most, prepare=lambda: _samples(3.0, 1.0, 2.0), target=2.5, at_least=True)
    assert least.result()["meets"] is False


def test_a_row_without_target_misses_nothing() -> None:
    """A row for information has the same keys, and nothing to miss."""
    row = Row("news", "a over b", lambda: _samples(5.0), repeats=1).result()
    assert row.keys() == KEYS
    assert (row["target"], row["meets"]) == (None, True)


def test_a_row_that_cannot_be_measured_says_why() -> None:
    """A row that is left out has no value, does not meet its target, and gives the reason."""
    row = Row("far", "a over b", lambda: None, 1.0, missing="it is not here").result()
    assert row.keys() == KEYS
    assert (row["value"], row["meets"], row["spread"]) == (None, False, [])
    assert row["how"] == "left out: it is not here"


def test_both_sides_run_in_turn() -> None:
    """Each side runs once before, then one after the other for every sample."""
    calls: list[str] = []
    sample = in_turn(partial(calls.append, "above"), partial(calls.append, "below"))
    for _ in range(2):
        sample()
    assert calls == ["above", "below"] * 3


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(partial(rows.emulated_rate, 20, 1.0), id="rate"),
        pytest.param(partial(rows.size_ratio, "1 GiB", SMALL, 1.0), id="size"),
        pytest.param(partial(rows.regions_ratio, 40, 20, 1.0), id="regions"),
        pytest.param(partial(rows.threads_ratio, 2, 1.0), id="threads"),
        pytest.param(partial(rows.monitor_ratio, 20, 1.0), id="monitor"),
        pytest.param(partial(rows.per_page_ratio, 20, SMALL, 0.1, 1.0), id="per_page"),
        pytest.param(partial(default_ppo_ratio, 2), id="default_ppo"),
        pytest.param(partial(default_ppo_ratio, 2, ACMA), id="acma_ppo"),
        pytest.param(partial(size_ratio, 2.0, 1.0), id="acma_size"),
        pytest.param(partial(default_ppo_ratio, 2, RECLAIM), id="reclaim_ppo"),
        pytest.param(partial(footprint_ratio, "2 GiB", "1 GiB"), id="reclaim_size"),
        pytest.param(partial(shipped_ppo_ratio, 2), id="shipped_ppo"),
        pytest.param(
            partial(shipped_ppo_ratio, 2, "damosrl/Reclaim-v0", "idle_half", "reclaim_ppo"),
            id="reclaim_shipped_ppo",
        ),
        pytest.param(partial(step_p99_ms, 20, 5), id="kernel_step"),
        pytest.param(rows.start_ratio, id="start"),
    ],
)
def test_every_row_can_be_measured(prepare: Callable[[], Sample]) -> None:
    """What a row measures runs on a tiny configuration and gives a positive, finite number."""
    load_environments()
    value = prepare()()
    assert 0.0 < value < np.inf


def test_rows_have_names_of_their_own_and_the_targets_of_the_design() -> None:
    """Names are unique; targets are those of the design's table."""
    every = [
        *rows.engine_rows(),
        *rows.training_rows(),
        *host_rows(),
        *reclaim_rows(),
        *rows.kernel_rows(),
        *daemon_rows(),
        rows.start_row(),
    ]
    targets = {row.name: (row.target, row.at_least) for row in every}
    assert len(targets) == len(every)
    assert targets == {
        "emulated_seconds_per_second": (10_000.0, True),
        "step_cost_16TiB_over_1GiB": (1.2, False),
        "step_cost_1000_over_100_regions_per_region": (1.2, False),
        "emulator_over_per_page_numpy": (100.0, True),
        "threads_2_over_1": (1.6, True),
        "exact_over_fast_monitor": (None, True),
        "ppo_throughput_over_idle_environment": (0.8, True),
        "shipped_ppo_throughput_over_idle_environment": (0.8, True),
        "acma_step_cost_16TiB_over_1GiB": (1.3, False),
        "reclaim_step_cost_16TiB_over_1GiB": (1.3, False),
        "reclaim_ppo_throughput_over_idle_environment": (0.6, True),
        "reclaim_shipped_ppo_throughput_over_idle_environment": (0.6, True),
        "acma_ppo_throughput_over_idle_environment": (0.6, True),
        "kernel_step_overhead": (5.0, False),
        "kernel_step_wall": (None, True),
        "daemon_decision_p99_ms": (5.0, False),
        "daemon_policy_p99_ms": (0.2, False),
        "daemon_peak_resident_mib": (80.0, False),
        "daemon_cpu_percent_at_1_hz": (0.5, False),
        "daemon_start_to_first_decision_s": (1.0, False),
        "help_start_over_numpy_import": (2.0, False),
    }


def test_steps_on_a_kernel_leave_no_handles_and_no_threads() -> None:
    """After hundreds of steps there are no more of either than after the first few."""
    used = [
        (len(list(Path("/proc/self/fd").iterdir())), threading.active_count())
        for _ in step_costs_s(20, 300, time.perf_counter)
    ]
    assert used[-1][0] <= used[10][0]
    assert used[-1][1] <= used[10][1]


def test_the_daemon_is_measured_while_its_policy_drives(tmp_path: Path) -> None:
    """A process of its own tells times of every decision, CPU time and memory."""
    spec = task_factory("tiering-v0")({}, 2).spec
    policy = sample_network(np.random.default_rng(1), spec, normalised=True)
    bundle = save_artifact(tmp_path / "x.damosrl", policy, spec=spec, algorithm="random")
    found = measure(bundle, 3, 20)
    assert len(found["decision_us"]) == len(found["policy_us"]) == 3
    assert min(found["policy_us"]) > 0
    assert found["cpu_s_per_decision"] > 0


def test_the_command_prints_one_json_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`damosrl bench --quiet` prints the rows as JSON and nothing else."""
    row = Row("news", "a over b", lambda: _samples(5.0), repeats=1)
    monkeypatch.setattr(rows, "engine_rows", lambda: [row])
    monkeypatch.setattr(rows, "training_rows", lambda: [replace(row, name="more", target=6.0)])
    monkeypatch.setattr(rows, "host_rows", list)
    monkeypatch.setattr(rows, "reclaim_rows", list)
    monkeypatch.setattr(rows, "kernel_rows", list)
    monkeypatch.setattr(rows, "daemon_rows", list)
    monkeypatch.setattr(rows, "start_row", lambda: replace(row, name="last"))
    assert main(["bench", "--quiet"]) == 0
    out, err = capsys.readouterr()
    measured = json.loads(out)["rows"]
    assert list(measured) == ["news", "more", "last"]
    assert all(row.keys() == KEYS for row in measured.values())
    assert [row["meets"] for row in measured.values()] == [True, False, True]
    assert err == ""


def test_the_opponent_is_missing_without_a_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From a wheel, which has no benchmarks/, the row is left out."""
    monkeypatch.setattr(damosrl, "__file__", str(tmp_path / "damosrl" / "__init__.py"))
    opponent.per_page_machine.cache_clear()
    assert rows.per_page_ratio(20, SMALL, 0.1, 1.0) is None
    opponent.per_page_machine.cache_clear()


@pytest.mark.parametrize("regions", [20, 100, 400])
def test_machines_keep_as_many_regions_as_asked(regions: int) -> None:
    """Each of the two nodes has at most a few regions more than its half."""
    assert regions <= mean_regions(machines(regions)) <= regions + 2 * 4


def _per_page() -> Callable[..., Any]:
    machine = opponent.per_page_machine()
    assert machine is not None
    return machine


def test_the_opponent_sees_and_does_what_the_emulator_does() -> None:
    """On 256 MiB, over 20 seeds and 20 s, both give the same working set, moves and latency.

    Means agree within 10 % (working set, promoted bytes, accesses served fast) and 1 %
    (slowdown): about four standard errors of the difference between two equal machines.
    """
    seeds = range(20)
    config = replace(machine_config("dram_cxl"), granule="4 KiB")
    workload, document = drawn_workload("256 MiB"), two_node_document(100, 4 * 2**20)
    batch = EmulatedMachines(config, len(seeds), document, "exact")
    for index, seed in enumerate(seeds):
        batch.load(index, workload, seed)
    batch.run(19.0)
    telemetry, truth = batch.run(1.0), batch.truth()
    snapshot = telemetry.snapshot
    accessed = np.where(snapshot.nr_accesses > 0, snapshot.end - snapshot.start, 0)
    pages = [_per_page()(config, workload, document, seed) for seed in seeds]
    before = pages[0].fast_share
    for machine in pages:
        machine.run(20.0)

    def mean(name: str) -> float:
        return float(np.mean([getattr(machine, name) for machine in pages]))

    assert mean("fast_share") > 3.0 * before  # the hot set is found and moved
    assert mean("nr_regions") == pytest.approx(mean_regions(batch), rel=0.02)
    working_set = accessed.sum(axis=(1, 2)).mean()
    assert mean("working_set_bytes") == pytest.approx(working_set, rel=0.1)
    assert mean("promoted_bytes") == pytest.approx(telemetry.migrated_up_bytes.mean(), rel=0.1)
    assert mean("demoted_bytes") == pytest.approx(telemetry.migrated_down_bytes.mean(), rel=0.1)
    assert mean("fast_share") == pytest.approx(truth.fast_share.mean(), rel=0.1)
    assert mean("slowdown") == pytest.approx(truth.slowdown.mean(), rel=0.01)


def test_the_opponent_keeps_every_page() -> None:
    """Migration neither loses nor doubles a page, and free frames are counted right."""
    machine = _per_page()(
        machine_config("dram_cxl"), drawn_workload(SMALL), two_node_document(40), 3
    )
    machine.run(10.0)
    assert machine.promoted_bytes > 0
    page = machine.pages._page
    footprint = drawn_workload(SMALL).access.footprint_bytes // 4096
    assert np.array_equal(np.sort(page[page >= 0]), np.arange(footprint))
    for node in range(2):
        assert machine.pages.free[node] == np.count_nonzero(page[machine.pages.part(node)] < 0)
        assert machine.regions[node].end[-1] == machine.pages.totals[node]
        assert np.array_equal(machine.regions[node].start[1:], machine.regions[node].end[:-1])


def test_the_opponent_refuses_what_it_cannot_run() -> None:
    """Swap and more tiers than two are refused, not left out in silence."""
    with pytest.raises(MachineError, match="two memory tiers"):
        _per_page()(machine_config("dram_zram"), drawn_workload(SMALL), two_node_document(20), 1)


def test_scaling_writes_table_and_figure(tmp_path: Path) -> None:
    """Every size of every series is a row with a positive cost; the figure is a PNG."""
    extent = Extent((20, 100), (SMALL, "1 GiB"), (1, 2), emulated_s=2.0, repeats=1)
    folder = write_scaling(tmp_path / "bench", extent, quiet=True)
    lines = (folder / scaling.TABLE).read_text("utf-8").splitlines()
    assert lines[0].startswith("series,size_regions_bytes_or_machines,threads_count")
    assert [line.split(",")[0] for line in lines[1:]] == (
        ["regions"] * 2 + ["memory"] * 2 + ["machines"] * 4
    )
    assert all(float(line.split(",")[3]) > 0.0 for line in lines[1:])
    assert (folder / scaling.FIGURE).read_bytes().startswith(b"\x89PNG")


def test_scaling_is_relative_to_its_reference() -> None:
    """The reference of every series lies on the ideal line."""
    extent = Extent((20, 100), (SMALL, "1 GiB"), (1, 2), emulated_s=1.0, repeats=1)
    points = measure_scaling(extent, quiet=True)
    on_line = [point for point in points if point.to_ideal == 1.0]
    assert {point.series for point in on_line} == {"regions", "memory", "machines"}
