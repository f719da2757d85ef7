"""Every task's page speaks of its own world: words, units and columns come from the task."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from damosrl.experiment.plugins import task_metrics
from damosrl.experiment.report import write_report
from damosrl.experiment.report.cast import cast_of
from damosrl.experiment.report.figures.pareto import pareto_figure
from damosrl.experiment.report.figures.style import drawing_style
from damosrl.experiment.report.figures.tradeoff import tradeoff_figure
from damosrl.experiment.report.inputs import load_run
from damosrl.experiment.report.scores import score_rows
from damosrl.experiment.report.series import panels_of
from damosrl.wording import Wording

TASKS = ("Acma-v0", "Reclaim-v0", "Tiering-v0", "Attack-v0")
TIERS = re.compile("fast tier|all-fast|promoted|both tiers|both directions", re.IGNORECASE)
HIDDEN = re.compile(r"<(script|style)[^>]*>.*?</\1>|data:[^\"]*", re.DOTALL)


def retold(folder: Path, environment: str, unknown: tuple[str, ...] = ()) -> str:
    """Let a run be one of another task, without some columns; return the text of its page."""
    metrics = task_metrics(f"damosrl/{environment}")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    summary["wording"] = asdict(metrics.wording)
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    for name in ("episodes.csv", "steps.csv"):
        table = folder / name
        head, *rest = table.read_text(encoding="utf-8").splitlines()
        for column in unknown:
            head = head.replace(column, f"no_{column}")
        table.write_text("\n".join([head, *rest]) + "\n", encoding="utf-8")
    text = write_report(folder).read_text(encoding="utf-8")
    return HIDDEN.sub("", text)


@pytest.mark.parametrize("task", TASKS)
def test_words_survive_json(task: str) -> None:
    """What a summary holds is read back as the task's own words."""
    wording = task_metrics(f"damosrl/{task}").wording
    assert Wording.read(json.loads(json.dumps(asdict(wording)))) == wording


def test_a_page_of_guests_speaks_of_no_tiers(small_compare: Path) -> None:
    """Slowdown, movement and words are those of hosts with guests; the monitor is not theirs."""
    columns = ("promoted_bytes", "demoted_bytes", "fast_free", "knob_promotion", "knob_demotion")
    page = retold(small_compare, "Acma-v0", columns)
    assert "unstalled" in page
    assert "moved inside guests" in page
    assert not TIERS.search(page)
    assert "exact draws one address" not in page


def test_a_page_of_reclaim_speaks_of_resident_memory(small_compare: Path) -> None:
    """Reclaim has no tiers either, but a monitor."""
    page = retold(small_compare, "Reclaim-v0", ("promoted_bytes", "fast_free", "knob_promotion"))
    assert "all-resident" in page
    assert "swapped in and out" in page
    assert not TIERS.search(page)
    assert "exact draws one address" in page


def test_a_page_of_tiers_is_as_it_was(small_compare: Path) -> None:
    """The default words are those of tiering, with and without a summary that says so."""
    page = retold(small_compare, "Tiering-v0")
    assert page.count("all-fast") >= 1
    assert "both tiers" in page


def test_costs_that_no_tuner_has_are_left_out(small_compare: Path) -> None:
    """A column of dashes says nothing; one with a number for some tuner stays."""
    page = retold(small_compare, "Acma-v0", ("p99_latency_ns", "kdamond_cpu_ratio"))
    assert "monitor CPU" not in page
    assert "p99 latency" not in page
    assert "PSI some" in page


def test_axes_say_what_the_task_says(small_compare: Path) -> None:
    """Figures take unit and words from the run."""
    words = replace(Wording(), unit="told", alone="what was told", moved="things told")
    retold(small_compare, "Tiering-v0")
    summary = json.loads((small_compare / "summary.json").read_text(encoding="utf-8"))
    summary["wording"] = asdict(words)
    summary["shown"] = [
        {"column": "fast_share_ratio", "head": "share", "unit": "%", "factor": 100.0, "digits": 1}
    ]
    (small_compare / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    run = load_run(small_compare)
    cast, rows = cast_of(run), score_rows(run, cast_of(run))
    with drawing_style():
        tradeoff = tradeoff_figure(cast, rows, run.wording)
        pareto = pareto_figure(cast, rows, run.wording)
    assert tradeoff is not None
    assert pareto is not None
    assert tradeoff.axes[0].get_xlabel().startswith("things told")
    assert "what was told" in pareto.axes[0].get_xlabel()
    assert next(p for p in panels_of(run) if p.source == "slowdown_ratio").unit.endswith(" told")
