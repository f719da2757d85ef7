"""The panels of machines with knobs at every border."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from damosrl.experiment.report.inputs import Run, load_run
from damosrl.experiment.report.node_panels import node_panels
from damosrl.experiment.report.series import curve, panels_of
from damosrl.experiment.report.table import Table

MIB = 1 << 20
MakeRun = Callable[..., Path]


def _run(folder: Path, tiers: Sequence[str], **columns: list[float]) -> Run:
    """Return a run of a machine with these tiers and two steps of a tuner ``pi``."""
    numbers = {"time_s": [1.0, 2.0], **columns}
    cells = {name: np.array([str(v) for v in row]) for name, row in numbers.items()}
    steps = Table({"tuner": np.array(["pi"] * 2), "workload": np.array(["zipf"] * 2), **cells})
    machine = {"tiers": [{"name": name} for name in tiers]}
    return replace(load_run(folder), steps=steps, config={"machine": machine})


def test_every_border_has_its_quotas_and_thresholds(make_compare: MakeRun) -> None:
    """Up and down over a border stand side by side, thresholds follow, moved bytes come last."""
    knobs = {
        f"knob_node{node}_{stem}": [1.0, 1.0]
        for stem, nodes in (
            ("hot_threshold", (1, 2)),
            ("demotion_quota", (0, 1)),
            ("promotion_quota", (1, 2)),
            ("free_target", (0, 1)),
        )
        for node in nodes
    }
    used = {f"node{node}_used_bytes": [1.0, 1.0] for node in range(3)}
    shared = {"slowdown_ratio": [1.0, 1.0], "promoted_bytes": [0.0, 0.0]}
    run = _run(make_compare(), ("hbm", "dram", "cxl", "nvme"), **shared, **knobs, **used)
    assert [panel.title for panel in panels_of(run)] == [
        "Slowdown",
        "Promotion quota, dram to hbm",
        "Demotion quota, hbm to dram",
        "Promotion quota, cxl to dram",
        "Demotion quota, dram to cxl",
        "Hot threshold of dram",
        "Hot threshold of cxl",
        "Promoted",
    ]


def test_the_last_node_demotes_to_swap(make_compare: MakeRun) -> None:
    """Where the last node has a demotion quota, its memory is paged out."""
    used = {f"node{node}_used_bytes": [1.0, 1.0] for node in range(2)}
    run = _run(
        make_compare(), ("dram", "cxl", "zram"), knob_node1_demotion_quota=[1.0, 1.0], **used
    )
    assert [panel.title for panel in node_panels(run)] == ["Demotion quota, cxl to swap"]


def test_quotas_are_mib_and_thresholds_per_cent(make_compare: MakeRun) -> None:
    """A quota that is off is a gap; a threshold is drawn as it is."""
    run = _run(
        make_compare(),
        (),
        knob_node1_promotion_quota=[32.0 * MIB, 1.0],
        knob_node1_hot_threshold=[5.0, 40.0],
    )
    assert run.steps is not None
    quota, threshold = node_panels(run)
    assert curve(run, quota, "pi", run.steps) == pytest.approx([32.0, np.nan], nan_ok=True)
    assert curve(run, threshold, "pi", run.steps) == pytest.approx([5.0, 40.0])
    assert quota.title == "Promotion quota, node 1 to node 0"


def test_whoever_sees_the_truth_turns_no_knobs(make_compare: MakeRun) -> None:
    """An assignment moves memory itself: the threshold of its idle schemes is not drawn."""
    run = _run(make_compare(), (), knob_node1_hot_threshold=[15.0, 15.0])
    run = replace(run, summary={**run.summary, "ground_truth": ["oracle", "assignment"]})
    assert run.steps is not None
    (threshold,) = node_panels(run)
    assert np.isnan(curve(run, threshold, "assignment", run.steps)).all()
    assert np.isfinite(curve(run, threshold, "pi", run.steps)).all()


def test_shared_knobs_have_no_panels_of_nodes(make_compare: MakeRun) -> None:
    """A machine of two nodes is drawn as before."""
    assert node_panels(load_run(make_compare())) == []
