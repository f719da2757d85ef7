"""The written report: figures, one page that loads nothing, whatever the folder holds."""

import base64
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from damosrl.errors import RunFolderError
from damosrl.experiment.report import interactive, write_report
from damosrl.experiment.report.cast import cast_of
from damosrl.experiment.report.figures.episode import episode_figure
from damosrl.experiment.report.figures.heatmap import heatmap_figure, monitor_error
from damosrl.experiment.report.figures.learning import search_figure
from damosrl.experiment.report.figures.profile import profile_figure
from damosrl.experiment.report.figures.ranking import ranking_figure
from damosrl.experiment.report.figures.style import drawing_style, to_drawing
from damosrl.experiment.report.figures.tradeoff import tradeoff_figure
from damosrl.experiment.report.inputs import Heatmap, load_run
from damosrl.experiment.report.panels import PANELS
from damosrl.experiment.report.scores import score_rows
from damosrl.experiment.report.series import (
    curve,
    episode_steps,
    headline_tuners,
    panels_of,
)
from damosrl.wording import Wording

MakeRun = Callable[..., Path]
COMPARE_FIGURES = {
    "scores",
    "tradeoff",
    "workloads",
    "profile",
    "episode",
    "occupancy",
    "heatmap",
}
MAX_PAGE_BYTES = 6_000_000
VOID = {"meta", "img", "br", "link", "input", "hr"}


class PageReader(HTMLParser):
    """Collects what a browser would see: tags, anchors, texts, and whether tags match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.alternatives: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and what it refers to."""
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "a":
            self.links.append(str(values["href"]))
        if tag == "img":
            self.alternatives.append(str(values["alt"]))
        self.sources += [str(values[key]) for key in ("src", "srcset") if values.get(key)]

    def handle_endtag(self, tag: str) -> None:
        """Check that what closes was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect visible text."""
        if not {"script", "style"} & set(self.open):
            self.text += data


def read_page(path: Path) -> PageReader:
    """Parse a page and check that every tag was closed."""
    reader = PageReader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def packed(path: Path, name: str) -> str:
    """Unpack one of the page's compressed texts."""
    found = re.search(rf'id="{name}">([^<]+)<', path.read_text(encoding="utf-8"))
    assert found is not None
    return gzip.decompress(base64.b64decode(found.group(1))).decode()


@pytest.fixture(scope="module")
def _style() -> Any:
    with drawing_style():
        yield


def test_a_comparison_gets_page_and_figures(reported: Path) -> None:
    """One page within its size, all figures as PNG, every part linked from the contents."""
    page = reported / "report.html"
    assert page.stat().st_size < MAX_PAGE_BYTES
    pictures = {path.stem: path.read_bytes() for path in (reported / "figures").iterdir()}
    assert set(pictures) == COMPARE_FIGURES
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
    reader = read_page(page)
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert len(reader.links) == 8
    assert len(reader.ids) == len(set(reader.ids))
    assert all(reader.alternatives)
    assert len(reader.alternatives) == len(COMPARE_FIGURES)


def test_the_page_loads_nothing(reported: Path) -> None:
    """No reference leaves the file: pictures are embedded, scripts are inline."""
    page = reported / "report.html"
    reader = read_page(page)
    assert all(source.startswith("data:image/svg+xml;base64,") for source in reader.sources)
    assert all(link.startswith("#") for link in reader.links)
    markup = re.sub(r'id="packed-[a-z]+">[^<]+<', "", page.read_text(encoding="utf-8"))
    assert not re.search(r"@import|url\(|<link|https?://", markup)


def test_plotly_travels_once_and_whole(reported: Path) -> None:
    """The packed script is the one that the plotly package ships, and it is there once."""
    page = reported / "report.html"
    script = packed(page, "packed-plotly")
    assert "plotly.js v" in script[:400]
    assert page.read_text(encoding="utf-8").count('id="packed-plotly"') == 1


def test_the_live_curves_are_the_recorded_steps(reported: Path) -> None:
    """What plotly.js draws equals steps.csv, four digits, for each tuner and workload."""
    data = json.loads(packed(reported / "report.html", "packed-episodes"))
    assert len(data["episodes"]) == 6
    traces = data["episodes"]["zipf"]
    assert len(panels_of(load_run(reported))) == 8
    assert len(traces) == 9 * 8
    curve = next(
        trace for trace in traces if trace["legendgroup"] == "pi" and trace["yaxis"] == "y"
    )
    steps = episode_steps(load_run(reported), "zipf", "pi")
    assert steps is not None
    assert np.allclose(curve["y"], steps.numbers("slowdown_ratio"), rtol=1e-3)
    assert curve["x"] == steps.numbers("time_s").tolist()
    axes = {key for key in data["layout"] if key.startswith("yaxis")}
    assert {trace["yaxis"].replace("y", "yaxis") for trace in traces} == axes


def test_a_quota_that_is_off_is_a_gap(reported: Path) -> None:
    """One byte per second, the way to write off, is not drawn on the logarithmic axis."""
    steps = episode_steps(load_run(reported), "zipf", "noop")
    assert steps is not None
    panel = next(panel for panel in PANELS if panel.source == "knob_promotion_quota")
    assert np.isnan(panel.read(steps)).all()


def test_moved_bytes_become_a_rate_by_the_steps_length(reported: Path) -> None:
    """Bytes per step are divided by the time between decisions."""
    steps = episode_steps(load_run(reported), "zipf", "pi")
    assert steps is not None
    slower = {**steps.columns, "time_s": np.array([str(4.0 * k) for k in range(len(steps))])}
    panel = next(panel for panel in PANELS if panel.source == "promoted_bytes")
    ratio = panel.read(steps) / panel.read(type(steps)(slower))
    assert np.allclose(ratio, 4.0)


def test_the_report_is_the_same_twice(small_compare: Path) -> None:
    """The same folder gives the same bytes, so that a published report can be checked."""
    folder = small_compare
    first = write_report(folder).read_bytes()
    pictures = [path.read_bytes() for path in sorted((folder / "figures").iterdir())]
    assert write_report(folder).read_bytes() == first
    assert [path.read_bytes() for path in sorted((folder / "figures").iterdir())] == pictures


def test_results_are_left_as_they_were(small_compare: Path) -> None:
    """Writing a report changes no result and leaves no scraps."""
    folder = small_compare
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert write_report(folder) == folder / "report.html"
    after = {path.name: path for path in folder.iterdir()}
    assert set(after) == set(before) | {"report.html", "figures"}
    assert all(after[name].read_bytes() == content for name, content in before.items())


@pytest.mark.parametrize(
    ("lost", "figures", "section"),
    [
        ("summary.json", COMPARE_FIGURES, "scores"),
        ("episodes.csv", {"scores", "episode", "heatmap", "occupancy"}, "scores"),
        ("steps.csv", COMPARE_FIGURES - {"episode", "occupancy"}, "workloads"),
        ("heatmap.npz", COMPARE_FIGURES - {"heatmap"}, "episode"),
    ],
)
def test_an_interrupted_run_shows_what_is_there(
    small_compare: Path, lost: str, figures: set[str], section: str
) -> None:
    """A missing file removes its figures only, and the page says which file is missing."""
    folder = small_compare
    (folder / lost).unlink()
    reader = read_page(write_report(folder))
    assert {path.stem for path in (folder / "figures").iterdir()} == figures
    assert section in reader.ids
    assert "not complete" in reader.text
    assert f"missing: {lost}" in reader.text


def test_a_damaged_file_counts_as_missing(small_compare: Path) -> None:
    """The page does not pass over a summary that cannot be read."""
    (small_compare / "summary.json").write_bytes(b"\xff{")
    assert "missing: summary.json" in read_page(write_report(small_compare)).text


def test_a_task_without_a_monitor_lacks_no_picture_of_it(small_compare: Path) -> None:
    """Where nothing is monitored, a whole run has no heatmap."""
    summary = json.loads((small_compare / "summary.json").read_text("utf-8"))
    summary["wording"] = {**asdict(Wording()), "monitored": False}
    (small_compare / "summary.json").write_text(json.dumps(summary), "utf-8")
    (small_compare / "heatmap.npz").unlink()
    assert "not complete" not in read_page(write_report(small_compare)).text


def test_a_run_with_only_its_baseline_has_no_score_yet(small_compare: Path) -> None:
    """Episodes whose score cannot be known yet (no oracle) are listed with a dash."""
    folder = small_compare
    for name in ("summary.json", "steps.csv", "heatmap.npz"):
        (folder / name).unlink()
    lines = (folder / "episodes.csv").read_text(encoding="utf-8").splitlines()
    place = lines[0].split(",").index("score")
    kept = [lines[0]]
    for line in lines[1:31]:
        cells = line.split(",")
        kept.append(",".join([*cells[:place], "", *cells[place + 1 :]]))
    (folder / "episodes.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    reader = read_page(write_report(folder))
    assert "noop" in reader.text
    assert "nan" not in reader.text.lower()


def test_a_training_gets_its_learning_curve(make_train: MakeRun) -> None:
    """A training folder yields the curve, the reward's definition, and no score table."""
    folder = make_train()
    reader = read_page(write_report(folder))
    assert {path.stem for path in (folder / "figures").iterdir()} == {"learning"}
    assert "migration: 0.1" in reader.text
    assert "scores" not in reader.ids
    assert "not complete" not in reader.text


def test_a_training_of_one_reading_can_be_drawn(make_train: MakeRun) -> None:
    """A curve of a single point is no reason to fail."""
    assert write_report(make_train(readings=1)).is_file()


def test_a_search_gets_its_course(make_tune: MakeRun) -> None:
    """A search folder yields every trial and the best so far."""
    folder = make_tune()
    write_report(folder)
    assert {path.stem for path in (folder / "figures").iterdir()} == {"search"}


def test_names_from_files_are_escaped(small_compare: Path) -> None:
    """A tuner called like a tag is shown, not run."""
    folder = small_compare
    for name in ("summary.json", "episodes.csv", "steps.csv", "events.jsonl"):
        path = folder / name
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("quantile", "<script>x"), encoding="utf-8")
    page = write_report(folder)
    assert "<script>x" in read_page(page).text
    assert "<script>x" not in re.sub(r"<code>.*?</code>", "", page.read_text(encoding="utf-8"))


def test_a_folder_that_cannot_be_written_is_named(small_compare: Path) -> None:
    """A file where the figures should go ends in one line that names the place."""
    folder = small_compare
    (folder / "figures").write_text("in the way", encoding="utf-8")
    with pytest.raises(RunFolderError, match="figures"):
        write_report(folder)


@pytest.mark.usefixtures("_style")
def test_every_axis_has_a_name_with_its_unit(reported: Path) -> None:
    """Score, movement, time, and address axes all say what they count in."""
    run = load_run(reported)
    cast = cast_of(run)
    rows = score_rows(run, cast)
    tradeoff, heatmap = tradeoff_figure(cast, rows, run.wording), heatmap_figure(run.heatmap)
    profile, ranking = profile_figure(run, cast, rows), ranking_figure(run, cast, rows)
    assert tradeoff is not None
    assert heatmap is not None
    assert profile is not None
    assert ranking is not None
    assert "GiB" in tradeoff.axes[0].get_xlabel()
    assert "(s)" in heatmap.axes[0].get_xlabel()
    assert "GiB" in heatmap.axes[0].get_ylabel()
    assert "%" in heatmap.axes[2].get_ylabel()
    assert "%" in profile.axes[0].get_ylabel()
    assert "0 = doing nothing" in ranking.axes[0].get_xlabel()


@pytest.mark.usefixtures("_style")
def test_the_episode_figure_shows_few_tuners_and_all_panels(reported: Path) -> None:
    """Both ends, the policy and the strong opponents are drawn; every panel names its unit."""
    run = load_run(reported)
    cast = cast_of(run)
    shown = headline_tuners(score_rows(run, cast))
    assert {"noop", "oracle", "results/test-data/train/artifact", "best_static"} <= set(shown)
    assert len(shown) == 6
    figure = episode_figure(run, cast, "zipf", shown)
    assert figure is not None
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == [f"{panel.title} ({panel.unit})" for panel in panels_of(run)]
    assert len(figure.axes[0].get_lines()) == 6


@pytest.mark.usefixtures("_style")
def test_the_ends_of_the_scale_show_no_quota(reported: Path) -> None:
    """No-op and oracle turn no knobs: the columns' defaults are not drawn as if in force."""
    run = load_run(reported)
    steps = episode_steps(run, "zipf", "pi")
    assert steps is not None
    panel = next(panel for panel in PANELS if panel.source == "knob_demotion_quota")
    assert np.isfinite(curve(run, panel, "pi", steps)).all()
    assert np.isnan(curve(run, panel, "oracle", steps)).all()
    assert np.isnan(curve(run, panel, "noop", steps)).all()


@pytest.mark.usefixtures("_style")
def test_both_heatmaps_share_one_scale() -> None:
    """Monitor and truth are coloured alike, up to the first round share above both."""
    heatmap = Heatmap(
        np.arange(1.0, 4.0), np.arange(3.0) * 2**30, np.full((3, 2), 0.2), np.full((3, 2), 0.7)
    )
    figure = heatmap_figure(heatmap)
    assert figure is not None
    limits = [axes.collections[0].get_clim() for axes in figure.axes[:2]]
    assert limits == [(0.0, 0.8), (0.0, 0.8)]
    assert to_drawing("heatmap", figure).png.startswith(b"\x89PNG")


def test_the_monitors_error_is_counted() -> None:
    """A belief that is 0.1 too high everywhere is off by 0.1 and fully correlated."""
    truth = np.array([[0.1, 0.5], [0.3, 0.8]])
    heatmap = Heatmap(np.arange(2.0), np.arange(3.0), truth + 0.1, truth)
    difference, correlation = monitor_error(heatmap)
    assert difference == pytest.approx(0.1)
    assert correlation == pytest.approx(1.0)


def test_long_episodes_stay_small(small_compare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Curves longer than the limit are averaged down, and the page says so."""
    monkeypatch.setattr(interactive, "MAX_POINTS", 35)
    page = write_report(small_compare)
    data = json.loads(packed(page, "packed-episodes"))
    curves = [t for t in data["episodes"]["zipf"] if t["mode"] == "lines"]
    assert {len(trace["y"]) for trace in curves} == {30}
    assert "average neighbouring steps down to 35 points" in read_page(page).text


@pytest.mark.usefixtures("_style")
def test_failed_trials_are_not_drawn(make_tune: MakeRun) -> None:
    """A failed trial's placeholder score of 0 is no configuration's score."""
    figure = search_figure(load_run(make_tune()).trials)
    assert figure is not None
    dots, _, finalists = figure.axes[0].get_lines()
    assert len(np.asarray(dots.get_xdata())) == 60
    assert len(np.asarray(finalists.get_xdata())) == 4
    assert 0.0 not in np.asarray(dots.get_ydata())


def test_a_document_is_told_in_words(small_compare: Path) -> None:
    """Where the folder holds the kdamonds document the page explains it; a broken one is named."""
    assert "What the kernel is told" not in write_report(small_compare).read_text("utf-8")
    text = '{"kdamonds": [{"contexts": [{"ops": "paddr", "schemes": [{"action": "pageout"}]}]}]}'
    (small_compare / "document.json").write_text(text, encoding="utf-8")
    page = write_report(small_compare).read_text("utf-8")
    assert "What the kernel is told" in page
    assert "Watches 0 B of physical memory" in page
    (small_compare / "document.json").write_text('{"kdamonds": 5}', encoding="utf-8")
    assert "kdamonds is no list" in write_report(small_compare).read_text("utf-8")
