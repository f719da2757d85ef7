"""The whole page: one file that opens offline, on a laptop and on paper."""

from html import escape
from importlib.resources import files

import numpy as np

from damosrl.experiment.report import sections
from damosrl.experiment.report.cast import Cast
from damosrl.experiment.report.document_section import document_section
from damosrl.experiment.report.html import Section, paragraph
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.scores import ScoreRow
from damosrl.experiment.report.workloads import ScoreMatrix

HEATMAP = "heatmap.npz"
"""What the monitor saw: only tasks with a monitor have it."""
EXPECTED = {
    "compare": ("summary.json", "episodes.csv", "steps.csv", HEATMAP),
    "train": ("learning_curve.csv", "config.yaml"),
    "tune": ("trials.csv", "config.yaml"),
}


def build_page(
    run: Run,
    cast: Cast,
    rows: list[ScoreRow],
    matrix: ScoreMatrix | None,
    drawn: sections.Drawings,
    workload: str | None,
) -> str:
    """Return the page as HTML text.

    Args:
        run: The run's files.
        cast: Labels and looks of its tuners.
        rows: Score table, best first.
        matrix: Scores per workload.
        drawn: Finished figures by name.
        workload: Workload of the episode that is shown first.
    """
    found = [
        sections.short_section(run, rows, matrix),
        sections.score_section(run, cast, rows, drawn),
        sections.workload_section(run, cast, rows, drawn),
        sections.learning_section(drawn),
        sections.episode_section(run, cast, rows, drawn, workload),
        sections.monitor_section(run, drawn),
        sections.safety_section(run, cast),
        document_section(run),
        sections.method_section(run),
        sections.reproduce_section(run),
    ]
    parts = [part for part in found if part is not None]
    title = f"{_kind_title(run)}: {run.path.resolve().name}"
    return html_document(title, _header(run, title), parts)


def _kind(run: Run) -> str:
    if run.learning is not None:
        return "train"
    return "tune" if run.trials is not None else "compare"


def _kind_title(run: Run) -> str:
    return {"compare": "Tuners compared", "train": "Training", "tune": "Search"}[_kind(run)]


def _header(run: Run, title: str) -> str:
    lead = {
        "compare": "Tuners on the same workloads, seeds, limits and budget.",
        "train": f"A tuner learning on {run.wording.machines}.",
        "tune": "A search for the best fixed configuration.",
    }[_kind(run)]
    missing = _missing(run)
    banner = ""
    if missing:
        banner = (
            '<div class="banner">This run is not complete. Shown is what its folder holds; '
            f"missing: {escape(', '.join(missing))}.</div>"
        )
    return header(title, lead, _facts(run), banner)


def _missing(run: Run) -> list[str]:
    """Return the files that a finished run has and this one has not, or not in a sound state."""
    held = {
        "summary.json": run.summary,
        "episodes.csv": run.episodes,
        "steps.csv": run.steps,
        HEATMAP: run.heatmap,
        "learning_curve.csv": run.learning,
        "trials.csv": run.trials,
        "config.yaml": run.config,
    }
    unseen = () if run.wording.monitored else (HEATMAP,)  # no monitor, no picture of what it saw
    return [name for name in EXPECTED[_kind(run)] if name not in unseen and not held[name]]


def header(title: str, lead: str, facts: list[tuple[str, str]], banner: str = "") -> str:
    """Return the head of a page.

    Args:
        title: Plain text.
        lead: Plain text, one sentence.
        facts: Names and values.
        banner: HTML of a warning.
    """
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts
    )
    strip = f'<dl class="facts">{items}</dl>' if items else ""
    return f"<header><h1>{escape(title)}</h1>{paragraph(lead, 'lead')}{strip}{banner}</header>"


def _facts(run: Run) -> list[tuple[str, str]]:
    facts = []
    episodes = run.episodes
    if episodes is not None:
        for name, plural in (("tuner", "tuners"), ("workload", "workloads"), ("seed", "seeds")):
            if episodes.has(name):
                facts.append((plural, str(len(episodes.names(name)))))
        facts.append(("episodes", f"{len(episodes):,}"))
        if episodes.has("steps_count"):
            steps = episodes.numbers("steps_count")
            facts.append(("steps per episode", f"{np.nanmax(steps):,.0f}"))
        if episodes.has("monitor") and run.wording.monitored:
            facts.append(("monitor", ", ".join(episodes.names("monitor"))))
    if run.learning is not None and run.learning.has("timesteps_count"):
        facts.append(("training steps", f"{run.learning.numbers('timesteps_count')[-1]:,.0f}"))
    if run.trials is not None:
        facts.append(("trials", f"{len(run.trials):,}"))
    if run.versions.get("damosrl"):
        facts.append(("damosrl", str(run.versions["damosrl"])))
    return facts


def _section(part: Section) -> str:
    return f'<section id="{part.key}"><h2>{escape(part.title)}</h2>{part.body}</section>\n'


def html_document(title: str, head: str, parts: list[Section]) -> str:
    """Return a page that needs nothing else.

    Args:
        title: Plain text.
        head: HTML, see `header`.
        parts: Sections, listed in the contents.
    """
    content = head + "".join(map(_section, parts))
    here = files("damosrl.experiment.report")
    style = here.joinpath("page.css").read_text(encoding="utf-8")
    script = here.joinpath("page.js").read_text(encoding="utf-8")
    links = "".join(f'<li><a href="#{part.key}">{escape(part.title)}</a></li>' for part in parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} - damosrl</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f'<div class="layout">\n<nav aria-label="Contents"><p>Contents</p><ol>{links}</ol></nav>\n'
        f"<main>\n{content}"
        "<footer>Made by damosrl from the plain files beside this page. It loads nothing from "
        "the network.</footer>\n</main>\n</div>\n"
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )
