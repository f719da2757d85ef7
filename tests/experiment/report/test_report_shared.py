"""What tenants have and how slow they are over time, from the columns of steps.csv."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from damosrl.experiment.report.cast import cast_of
from damosrl.experiment.report.figures.shared import shared_figure, target_of, tenants_in
from damosrl.experiment.report.inputs import Run, load_run
from damosrl.experiment.report.table import Table

MakeRun = Callable[..., Path]
TASK = {"tenants": {"web": {"memcg": "/web", "slowdown": 1.2, "share": 0.5}}}


def _with_tenants(run: Run, *names: str) -> Run:
    assert run.steps is not None
    columns = dict(run.steps.columns)
    for name in names:
        columns[f"{name}_slowdown_ratio"] = columns["slowdown_ratio"]
        columns[f"{name}_fast_ratio"] = columns["fast_free_ratio"]
    return replace(run, steps=Table(columns), config={"task": TASK})


def test_every_tenant_has_a_row(make_compare: MakeRun) -> None:
    """Two panels per tenant, a line per tuner in each, and a dashed one at a target."""
    run = _with_tenants(load_run(make_compare()), "web", "batch")
    figure = shared_figure(run, cast_of(run), "zipf", ["noop", "oracle"])
    assert figure is not None
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes]
    assert [title.split(":")[0] for title in titles] == ["web", "web", "batch", "batch"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 3, 2, 2]


def test_without_tenants_there_is_no_figure(make_compare: MakeRun) -> None:
    """A plain run has slowdown, but nobody's."""
    run = load_run(make_compare())
    assert shared_figure(run, cast_of(run), "zipf", ["noop"]) is None
    assert shared_figure(_with_tenants(run, "web"), cast_of(run), None, ["noop"]) is None


def test_a_tenant_needs_both_columns(make_compare: MakeRun) -> None:
    """A slowdown without fast memory is no tenant's."""
    run = _with_tenants(load_run(make_compare()), "web")
    assert run.steps is not None
    assert tenants_in(run.steps) == ["web"]
    bare = {name: row for name, row in run.steps.columns.items() if name != "web_fast_ratio"}
    assert tenants_in(Table(bare)) == []
    assert (target_of(run, "web"), target_of(run, "batch")) == (1.2, None)
