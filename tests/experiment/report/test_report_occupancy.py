"""Where memory lies over time, from the columns of steps.csv."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from damosrl.experiment.report.cast import cast_of
from damosrl.experiment.report.figures.occupancy import occupancy_figure, stacked_gib
from damosrl.experiment.report.inputs import load_run
from damosrl.experiment.report.node_panels import tier_names, used_columns
from damosrl.experiment.report.table import Table

MakeRun = Callable[..., Path]
GIB = 2**30


def _steps(**columns: list[float]) -> Table:
    return Table({name: np.array([str(v) for v in values]) for name, values in columns.items()})


def test_nodes_are_in_the_order_of_their_numbers() -> None:
    """Node 10 stands behind node 2, and other columns are no nodes."""
    steps = _steps(node10_used_bytes=[1], node2_used_bytes=[1], node2_free=[1], time_s=[1])
    assert used_columns(steps) == ["node2_used_bytes", "node10_used_bytes"]


def test_what_no_node_holds_is_swapped_out() -> None:
    """The layers add up to the footprint; without a rest there is no layer of swap."""
    steps = _steps(node0_used_bytes=[GIB, 2 * GIB], node1_used_bytes=[3 * GIB, 2 * GIB])
    nodes = used_columns(steps)
    assert stacked_gib(steps, nodes, 5.0 * GIB).tolist() == [[1, 2], [3, 2], [1, 1]]
    assert stacked_gib(steps, nodes, 4.0 * GIB).shape == (2, 2)


def test_nodes_are_called_as_the_machine_says(make_compare: MakeRun) -> None:
    """Names come from config.yaml; where it says nothing, numbers stand for them."""
    run = load_run(make_compare())
    machine = {"tiers": [{"name": "dram"}, {"name": "cxl"}, {"name": "zram"}]}
    assert tier_names(replace(run, config={"machine": machine}), 2) == ["dram", "cxl"]
    assert tier_names(replace(run, config={}), 2) == ["node 0", "node 1"]


@pytest.mark.parametrize("tuners", [["noop"], ["noop", "oracle", "pi", "consist"]])
def test_every_tuner_has_a_panel(make_compare: MakeRun, tuners: list[str]) -> None:
    """One panel per tuner with an episode, none without the columns."""
    run = load_run(make_compare())
    figure = occupancy_figure(run, cast_of(run), "zipf", tuners)
    assert figure is not None
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") or axes.get_title() for axes in shown] == tuners
    assert run.steps is not None
    bare = {name: row for name, row in run.steps.columns.items() if "used_bytes" not in name}
    assert occupancy_figure(replace(run, steps=Table(bare)), cast_of(run), "zipf", tuners) is None
