"""The score table and the sentences made from it."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.lines import Line2D
from rich.console import Console

from damosrl.experiment.report import score_markdown, score_table
from damosrl.experiment.report.cast import LOOKS, Look, cast_of, is_policy, label
from damosrl.experiment.report.figures.style import marker_of
from damosrl.experiment.report.findings import Finding, findings
from damosrl.experiment.report.inputs import Run, load_run
from damosrl.experiment.report.score_section import score_grid
from damosrl.experiment.report.scores import Interval, ScoreRow, score_rows
from damosrl.experiment.report.table import Table
from damosrl.experiment.report.workloads import score_matrix
from damosrl.experiment.statistics import interquartile_mean
from damosrl.wording import Wording

MakeRun = Callable[..., Path]
POLICY = "results/test-data/train/artifact"


def _rows(folder: Path) -> list[ScoreRow]:
    run = load_run(folder)
    return score_rows(run, cast_of(run))


def _edit_summary(folder: Path, **changes: Any) -> None:
    path = folder / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    summary.update(changes)
    path.write_text(json.dumps(summary), encoding="utf-8")


def _findings(folder: Path) -> list[Finding]:
    run = load_run(folder)
    cast = cast_of(run)
    rows = score_rows(run, cast)
    return findings(run, rows, score_matrix(run, cast, rows))


def test_rows_are_the_summary_best_first(make_compare: MakeRun) -> None:
    """The table shows the summary's numbers, ordered by score, with marked ends."""
    folder = make_compare()
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["scores"]
    rows = _rows(folder)
    values = [row.score.value for row in rows]
    assert values == sorted(values, reverse=True)
    for row in rows:
        assert row.score.value == summary[row.name]["iqm"]
        assert [row.score.low, row.score.high] == summary[row.name]["ci95"]
    assert [row.name for row in rows if row.sees_truth] == ["oracle"]
    assert [row.name for row in rows if row.is_baseline] == ["noop"]


def test_an_interrupted_run_gets_scores_without_intervals(make_compare: MakeRun) -> None:
    """Without a summary the score comes from the episodes, and no interval is claimed."""
    folder = make_compare()
    (folder / "summary.json").unlink()
    run = load_run(folder)
    assert run.episodes is not None
    row = next(row for row in score_rows(run, cast_of(run)) if row.name == "pi")
    own = run.episodes.where(run.episodes.text("tuner") == "pi")
    assert row.score.value == interquartile_mean(own.numbers("score"))
    assert row.score.range_text == "-"


def test_costs_are_per_episode(tmp_path: Path) -> None:
    """Moved bytes are summed over directions and averaged over episodes."""
    table = {
        "tuner": ["pi", "pi"],
        "score": ["-0.5", "1.0"],
        "migrated_up_bytes": [str(1 << 30), str(3 << 30)],
        "migrated_down_bytes": ["0", str(2 << 30)],
        "clamp_events_count": ["2", "5"],
    }
    run = Run(tmp_path, episodes=Table({key: np.array(text) for key, text in table.items()}))
    (row,) = score_rows(run, cast_of(run))
    assert row.moved_gib == 3.0
    assert row.clamps == 7
    assert row.worse_share == 0.5
    assert np.isnan(row.p99_latency_ns)


def test_matrix_averages_over_seeds_and_groups_splits(make_compare: MakeRun) -> None:
    """Training workloads come first, each cell is a mean over seeds, movement is marked."""
    run = load_run(make_compare())
    cast = cast_of(run)
    matrix = score_matrix(run, cast, score_rows(run, cast))
    assert matrix is not None
    assert run.episodes is not None
    assert matrix.splits == ("train",) * 3 + ("held_out",) * 3
    assert [name for name, by in zip(matrix.workloads, matrix.by_movement, strict=True) if by] == [
        "uniform"
    ]
    cell = run.episodes.where(
        (run.episodes.text("tuner") == "pi") & (run.episodes.text("workload") == "zipf")
    )
    expected = cell.numbers("score").mean()
    assert matrix.of("pi")[matrix.workloads.index("zipf")] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("interval", "verb", "tone"),
    [
        ([0.2, 0.4], "beats", "gain"),
        ([-0.4, -0.2], "loses to", "loss"),
        ([-0.1, 0.1], "is level with", "plain"),
    ],
)
def test_a_duel_is_called_by_its_paired_interval(
    make_compare: MakeRun, interval: list[float], verb: str, tone: str
) -> None:
    """With overlapping score intervals the paired difference decides the word."""
    folder = make_compare()
    scores = {
        POLICY: {"iqm": 0.5, "ci95": [0.3, 0.7], "n": 30},
        "best_static": {"iqm": 0.5, "ci95": [0.3, 0.7], "n": 30},
    }
    mean = sum(interval) / 2
    paired = {POLICY: {"best_static": {"mean": mean, "ci95": interval}}}
    _edit_summary(folder, scores=scores, paired_difference=paired)
    duel = next(f for f in _findings(folder) if f"policy train {verb} best_static" in f.text)
    assert duel.tone == tone


@pytest.mark.parametrize(
    ("score", "interval", "phrase", "tone"),
    [
        (0.6, [-0.1, 0.1], "policy train scores lower than best_static", "loss"),
        (0.98, [-0.1, 0.1], "does not clearly beat, best_static", "plain"),
        (0.98, [-0.3, -0.1], "policy train neither beats nor loses to best_static", "plain"),
    ],
)
def test_mixed_evidence_is_no_win(
    make_compare: MakeRun, score: float, interval: list[float], phrase: str, tone: str
) -> None:
    """Where score intervals and paired difference disagree no win is claimed."""
    folder = make_compare()
    scores = {
        POLICY: {"iqm": score, "ci95": [score - 0.05, score + 0.05], "n": 30},
        "best_static": {"iqm": 0.8, "ci95": [0.75, 0.85], "n": 30},
    }
    paired = {POLICY: {"best_static": {"mean": sum(interval) / 2, "ci95": interval}}}
    _edit_summary(folder, scores=scores, paired_difference=paired)
    duel = next(f for f in _findings(folder) if phrase in f.text)
    assert duel.tone == tone


def test_a_tuner_below_zero_is_named_as_a_loss(make_compare: MakeRun) -> None:
    """Worse than doing nothing is said in so many words."""
    lost = [f for f in _findings(make_compare()) if f.text.startswith("Worse than doing nothing")]
    assert [f.tone for f in lost] == ["loss"]
    assert "random" in lost[0].text


def test_waste_where_nothing_can_be_gained_is_named(make_compare: MakeRun) -> None:
    """The tuner that moved most on the uniform control is named."""
    assert any(
        f.text.startswith("Where nothing can be gained (uniform)") and "random" in f.text
        for f in _findings(make_compare())
    )


def test_terminal_and_markdown_show_the_same_cells(make_compare: MakeRun) -> None:
    """Both tables have one line per tuner and the same scores; the terminal's fits 80 columns."""
    folder = make_compare()
    stream = StringIO()
    Console(file=stream, width=80).print(score_table(folder))
    printed = [row for row in stream.getvalue().splitlines() if row.strip()]
    lines = score_markdown(folder).splitlines()
    assert len(lines) == 2 + 9
    assert len({line.count("|") for line in lines}) == 1
    for line in lines[2:]:
        name, *numbers = (part.strip() for part in line.strip("|").split("|"))
        shown = next(row for row in printed if row.split()[0] == name.split()[0])
        assert all(cell in shown for cell in numbers[:-2])
    assert "oracle (ground truth)" in lines[2]


UNDER_ATTACK = {
    "workloads": ["adversarial"],
    "tuners": {
        name: {
            "score": {"iqm": score, "ci95": [score - 0.1, score + 0.1], "n": 5},
            "harm": {"mean": harm, "ci95": [harm - 0.01, harm + 0.01], "n": 5},
        }
        for name, score, harm in (
            ("noop", 0.0, 0.0),
            ("pi", -0.9, 0.0234),
            ("quantile", 0.3, -0.04),
        )
    },
}


def test_what_happens_under_attack_stands_beside_the_scores(make_compare: MakeRun) -> None:
    """Page, terminal and sentences tell it; a tuner that did not run there has a dash."""
    folder = make_compare()
    _edit_summary(folder, under_attack=UNDER_ATTACK)
    run = load_run(folder)
    rows = {row.name: row for row in _rows(folder)}
    assert rows["pi"].harm.value == pytest.approx(2.34)
    assert rows["pi"].attacked.value == -0.9
    assert rows["random"].harm.text == "-"
    page = score_grid(cast_of(run), list(rows.values()), Wording())
    assert '<td class="loss-value"><span title="1.34 … 3.34">2.34</span></td>' in page
    assert '<td><span title="\N{MINUS SIGN}5.00 … \N{MINUS SIGN}3.00">' in page
    stream = StringIO()
    Console(file=stream, width=80).print(score_table(folder))
    printed = [line.strip() for line in stream.getvalue().splitlines()]
    assert "2.34" in next(line for line in printed if line.startswith("pi "))
    assert not any("\N{HORIZONTAL ELLIPSIS} " in line.replace(" … ", "") for line in printed)
    told = next(one for one in _findings(folder) if one.text.startswith("Under attack"))
    assert "of pi is 2.34 % above" in told.text
    assert told.tone == "loss"


def test_an_interval_that_is_unknown_prints_a_dash() -> None:
    """No interval is shown as a dash, never as a number."""
    assert Interval(0.5).range_text == "-"
    assert Interval(-0.5, -0.6, -0.4).range_text == "\N{MINUS SIGN}0.60 … \N{MINUS SIGN}0.40"


def test_looks_are_distinct_and_fixed(make_compare: MakeRun, tmp_path: Path) -> None:
    """No two tuners share colour and marker, and a look does not depend on the company."""
    assert len({(look.colour, look.marker) for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.marker for look in LOOKS.values()}) == len(LOOKS)
    cast = cast_of(load_run(make_compare()))
    alone = cast_of(Run(tmp_path, summary={"scores": {"pi": {}, "mine": {}, "yours": {}}}))
    assert alone.looks["pi"] == cast.looks["pi"] == LOOKS["pi"]
    assert alone.looks["mine"] != alone.looks["yours"]
    assert cast.looks[POLICY] == LOOKS["ppo"]


def _looks(folder: Path, *names: str) -> dict[str, Look]:
    return cast_of(Run(folder, summary={"scores": {name: {} for name in names}})).looks


def test_two_policies_look_different(tmp_path: Path) -> None:
    """Only the first policy has PPO's look, however their folders are called."""
    names = ("results/a/reclaim_ppo", "results/b/reclaim_ppo_nvme", "runs/x/artifact")
    looks = _looks(tmp_path, *names)
    first, *others = (looks[name] for name in names)
    assert first == LOOKS["ppo"]
    assert len({look.colour for look in (first, *others)}) == 3


def test_tuners_from_elsewhere_are_told_apart(tmp_path: Path) -> None:
    """Eight have a colour each; fifty still differ in colour or marker, from ours too."""
    names = [*LOOKS, *(f"mine{place}" for place in range(50))]
    looks = _looks(tmp_path, *names)
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(names)
    assert len({looks[f"mine{place}"].colour for place in range(8)}) == 8


def test_other_forms_of_one_tuner_do_not_share_its_look(tmp_path: Path) -> None:
    """A task's own form looks like what it is named after, unless somebody else does already."""
    names = ("acma_best_static", "tenants_best_static", "best_static")
    looks = _looks(tmp_path, *names)
    assert looks["best_static"] == LOOKS["best_static"]
    assert len({look.colour for look in looks.values()}) == 3
    alone = _looks(tmp_path, "acma_best_static")
    assert alone["acma_best_static"] == LOOKS["best_static"]


def test_no_marker_is_drawn_in_white_alone(tmp_path: Path) -> None:
    """Markers without a face have their tuner's colour as their edge."""
    for look in _looks(tmp_path, *LOOKS, *(f"mine{place}" for place in range(20))).values():
        style = marker_of(look)
        faceless = look.marker not in Line2D.filled_markers
        assert style["markeredgecolor" if faceless else "color"] == look.colour


def test_a_yaml_is_no_policy(tmp_path: Path) -> None:
    """Settings in a file have the file's name, and the look of what they are settings of."""
    name = "results/tune/best_static.yaml"
    assert not is_policy(name)
    cast = cast_of(Run(tmp_path, summary={"scores": {name: {}, POLICY: {}}}))
    assert cast.labels[name] == "best_static.yaml"
    assert cast.looks[name] == LOOKS["best_static"]
    assert cast.looks[POLICY] == LOOKS["ppo"]


def test_labels_of_artifacts_are_short() -> None:
    """A path is shortened to what tells it apart; a given label wins."""
    assert is_policy(POLICY)
    assert label(POLICY) == "policy train"
    assert label(POLICY, {POLICY: "ppo"}) == "ppo"
    assert label("pi") == "pi"
