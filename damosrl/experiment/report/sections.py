"""The parts of the page, each from what the run folder holds; a part without data is left out."""

from collections import Counter
from html import escape
from typing import Any

import numpy as np
import yaml

from damosrl.experiment.report import interactive
from damosrl.experiment.report.cast import Cast, label
from damosrl.experiment.report.figures.episode import MAX_POINTS
from damosrl.experiment.report.figures.heatmap import monitor_error
from damosrl.experiment.report.figures.style import Drawing
from damosrl.experiment.report.findings import findings
from damosrl.experiment.report.html import (
    Cell,
    Section,
    code_block,
    column_head,
    grid,
    paragraph,
    picture,
    word_list,
)
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.score_section import duel_grid, findings_list, score_grid
from damosrl.experiment.report.scores import ScoreRow, number
from damosrl.experiment.report.series import headline_tuners
from damosrl.experiment.report.workloads import ScoreMatrix
from damosrl.experiment.scoring import LOWEST_MOVEMENT_SCORE

Drawings = dict[str, Drawing]

SLOWDOWN = {"words": "slowdown", "smallest_gain": 0.02}
"""What scores are made of where a summary does not say it."""


def score_definition(run: Run) -> str:
    """Say what the score of an episode is, in words."""
    cost = {**SLOWDOWN, **run.summary.get("cost", {})}
    words = cost["words"]
    return (
        f"The score of an episode is ({words} of noop − {words} of the tuner) / ({words} of noop − "
        f"{words} of the oracle), on the same workload and seed: 0 is doing nothing, 1 is the "
        f"oracle, negative is worse than doing nothing. {run.wording.slowdown} Where the "
        f"oracle gains less than {cost['smallest_gain']:g} in {words} there is nothing to win; "
        "such an episode is scored by movement instead, 1 − moved bytes / footprint, at least "
        f"{number(LOWEST_MOVEMENT_SCORE, 0)}: moving nothing is right, so there noop earns 1."
    )


WORDS = (
    ("best_static", "The best single fixed configuration found on the training workloads."),
    ("train, held-out", "Families of workloads used in training, and families kept from it."),
    ("IQM", "Interquartile mean: the mean of the middle half of the episodes."),
    ("PSI", "Pressure stall information, as the kernel reports it."),
)
"""Of every comparison; the task's own come before them."""


def short_section(run: Run, rows: list[ScoreRow], matrix: ScoreMatrix | None) -> Section | None:
    """Say the result in sentences."""
    body = findings_list(findings(run, rows, matrix))
    return Section("short", "In short", body) if body else None


def score_section(run: Run, cast: Cast, rows: list[ScoreRow], drawn: Drawings) -> Section | None:
    """Score table, forest plot, and score against movement."""
    if not rows:
        return None
    missing = "" if run.summary.get("scores") else "Intervals are missing: the run has no summary."
    body = score_grid(cast, rows, run.wording) + (paragraph(missing, "note") if missing else "")
    body += picture(
        drawn.get("scores"),
        "Forest plot of the scores of all tuners",
        "Large mark: interquartile mean. Bar: 95 % bootstrap interval. Small dots: single "
        "episodes; arrows at −1 stand for episodes below it.",
    )
    body += picture(
        drawn.get("pareto"),
        "What each tuner gains over the slowdown that it costs",
        "The line is the front: no tuner below or right of it is better in one without being worse "
        "in the other. Means over all episodes.",
    )
    body += picture(
        drawn.get("tradeoff"),
        "Score of each tuner over the bytes it moved",
        f"{run.wording.moving} Two tuners of equal score are not equal if one moves ten times as "
        "much.",
    )
    return Section("scores", "Scores", body)


def workload_section(run: Run, cast: Cast, rows: list[ScoreRow], drawn: Drawings) -> Section | None:
    """Scores workload by workload, profiles, and one against one."""
    body = picture(
        drawn.get("workloads"),
        "Matrix of mean scores, workloads by tuners",
        "Blue is better than doing nothing, orange is worse. Colours end at −1 and 1; the numbers "
        "do not.",
    )
    body += picture(
        drawn.get("profile"),
        "Performance profile of each tuner",
        "Read it from a bar upwards: at τ = 0.8 the curve says how many per cent of the episodes "
        "scored more than 0.8. A curve that starts below 100 % on the left has episodes far worse "
        "than doing nothing.",
    )
    duels = duel_grid(run, cast, rows)
    if duels:
        body += "<h3>One against one</h3>" + duels
        body += paragraph(
            "Chance that the tuner of the row scores higher than the tuner of the column on the "
            "same workload. Under 50 % is a loss, in red. * marks pairs whose paired difference "
            "has a 95 % interval without zero.",
            "note",
        )
    return Section("workloads", "Every workload", body) if body else None


def learning_section(drawn: Drawings) -> Section | None:
    """Learning curve, or the course of a search."""
    body = picture(
        drawn.get("learning"),
        "Learning curve",
        "Measured while exploring, on randomised training episodes; not comparable with the "
        "scores of a comparison.",
    )
    body += picture(
        drawn.get("search"),
        "Score of every trial and the best so far",
        "Every dot is one fixed configuration, scored on the training workloads. The best of many "
        "noisy numbers is partly luck, so the best few are measured again on fresh seeds.",
    )
    return Section("learning", "Learning", body) if body else None


def episode_section(
    run: Run, cast: Cast, rows: list[ScoreRow], drawn: Drawings, workload: str | None
) -> Section | None:
    """One episode over time: live where the browser can, static on paper."""
    shown = headline_tuners(rows)
    data = interactive.episode_data(run, cast, rows, shown)
    if data is None or workload is None:
        return None
    options = "".join(
        f"<option{' selected' if name == workload else ''}>{escape(name)}</option>"
        for name in data["episodes"]
    )
    body = paragraph(
        "The first seed of a workload, step by step: what the tuner set, what was moved, and what "
        "the application felt. The workload shown first is the one on which the tuners differ "
        "most. A gap in a quota curve means the quota was off; under a kernel loop the quota "
        "shown is its cap; noop and the oracle use none."
    )
    body += (
        f'<p class="control"><label>Workload <select id="episode-choice">{options}</select>'
        "</label></p>"
        '<p class="control note">Click a tuner in the legend to show or hide it; drag to zoom, '
        "double-click to reset.</p>"
        '<div id="live-episode" role="img" aria-label="Time series of one episode"></div>'
    )
    if data["thinned"]:
        body += paragraph(
            f"The live curves average neighbouring steps down to {interactive.MAX_POINTS} points; "
            "steps.csv has every step.",
            "note",
        )
    body += picture(
        drawn.get("episode"),
        f"Time series of one episode on {workload}",
        f"One episode on {workload}; only the ends of the scale and the strongest tuners are "
        f"drawn here, averaged down to {MAX_POINTS} points per curve.",
        "still",
    )
    body += picture(
        drawn.get("occupancy"),
        f"Memory in use on each node over one episode on {workload}",
        "The same episode: where the workload's memory lies, the fastest node at the bottom.",
    )
    body += picture(
        drawn.get("shared"),
        f"Share of the fast node and slowdown of each tenant over one episode on {workload}",
        "The same episode: how much of the fast node each tenant has, and how slow it is.",
    )
    body += (
        f'<script type="text/plain" id="packed-plotly">{interactive.packed_plotly()}</script>'
        f'<script type="text/plain" id="packed-episodes">'
        f"{interactive.packed_episodes(data)}</script>"
    )
    return Section("episode", "One episode, step by step", body)


def monitor_section(run: Run, drawn: Drawings) -> Section | None:
    """Heatmap of belief beside truth."""
    if run.heatmap is None:
        return None
    difference, correlation = monitor_error(run.heatmap)
    told = f"On average the monitor is off by {100 * difference:.1f} percentage points"
    if np.isfinite(correlation):
        told += f"; correlation with the truth {number(correlation)}"
    body = picture(
        drawn.get("heatmap"),
        "Heatmaps of the monitor's belief and of the truth",
        f"{_pictured(run)}Share of sampling intervals in which a page is found accessed, over "
        "time and physical address; both panels have the same scale. The left one is all that a "
        "tuner can know: heat finer than a region is smeared over it. A hot band that ends in one "
        "place and begins in another is memory that was migrated, or a program that turned "
        f"elsewhere. {told}.",
    )
    return Section("monitor", "What the monitor saw", body)


def _pictured(run: Run) -> str:
    """Say which episode the heatmap shows, where the configuration tells."""
    tuners, workloads = run.config.get("tuners"), run.config.get("workloads")
    if not (isinstance(tuners, list) and isinstance(workloads, list) and tuners and workloads):
        return ""
    tuner = run.config.get("heatmap_tuner") or tuners[0]
    return f"First seed of {workloads[0]}, under {label(str(tuner))}. "


def safety_section(run: Run, cast: Cast) -> Section | None:
    """Count what the limits changed, by tuner and kind."""
    if not run.events:
        return None
    tuners = {str(event.get("tuner", "")) for event in run.events}
    kinds = sorted({_kind(event) for event in run.events})
    heads = [
        column_head("tuner", style="text"),
        *(column_head(kind.replace("_", " ")) for kind in kinds),
        column_head("knob changed most", style="text"),
    ]
    order = [name for name in cast.labels if name in tuners]
    order += sorted(tuners - set(order))
    lines = [_event_line(run, cast.labels.get(name, name), name, kinds) for name in order]
    body = paragraph(
        "Every action passes the same limits in training, here and in the daemon. An event is an "
        "action that was changed on its way (clipped, slowed down, not a number) or a fall "
        "back to the configuration that the limits name. Counted over the recorded episodes, the "
        "first seed of each workload; events.jsonl has each event with requested and applied value."
    )
    return Section("safety", "What the limits changed", body + grid(heads, lines))


def _kind(event: dict[str, Any]) -> str:
    return str(event.get("kind") or "unknown")


def _event_line(run: Run, text: str, tuner: str, kinds: list[str]) -> list[Cell]:
    own = [event for event in run.events if str(event.get("tuner", "")) == tuner]
    counts = Counter(map(_kind, own))
    knobs = Counter(str(event["knob"]) for event in own if event.get("knob"))
    most = ", ".join(f"{knob} ({count:,})" for knob, count in knobs.most_common(1))
    return [
        Cell(escape(text) or "-", "text", head=True),
        *(Cell(f"{counts[kind]:,}") for kind in kinds),
        Cell(escape(most) or "-", "text"),
    ]


def method_section(run: Run) -> Section:
    """Define score, reward, monitor mode and words."""
    body = ""
    if run.is_compare:
        body += "<h3>Score</h3>" + paragraph(score_definition(run))
        body += _rules(run)
    reward = run.config.get("reward")
    if reward:
        body += "<h3>Reward</h3>" + paragraph(
            "What learning tuners maximise: the sum of these terms, from config.yaml. Tuners are "
            "compared by score, not by reward."
        )
        body += code_block(_as_yaml(reward))
    body += "<h3>Words</h3>" + word_list((*run.wording.terms, *WORDS))
    return Section("method", "How it was measured", body)


def _rules(run: Run) -> str:
    if run.episodes is None:
        return ""
    body = ""
    if run.episodes.has("score_rule"):
        rules = Counter(run.episodes.text("score_rule").tolist())
        counted = ", ".join(f"{count} by {rule or 'none'}" for rule, count in rules.items())
        body += paragraph(f"Episodes by rule of scoring: {counted}.")
    if run.episodes.has("monitor") and run.wording.monitored:
        modes = " and ".join(run.episodes.names("monitor"))
        body += paragraph(
            f"Monitor: {modes}. exact draws one address per region and sample, as the kernel "
            "does; fast draws a region's access count in one go, equal in distribution."
        )
    return body


def reproduce_section(run: Run) -> Section:
    """Give the command, the versions and the whole configuration."""
    body = ""
    if run.command:
        body += paragraph("The command that made this run:") + code_block(run.command)
    body += paragraph("Draw this page again from the folder's plain files:")
    body += code_block("damosrl report DIR")
    if run.versions:
        body += "<h3>Versions</h3>" + grid(
            [column_head("part", style="text"), column_head("version", style="text")],
            [
                [
                    Cell(escape(str(key)), "text", True),
                    Cell(escape(str(value or "not installed")), "text"),
                ]
                for key, value in _flat_versions(run)
            ],
        )
    if run.config:
        body += (
            "<details><summary>Whole configuration (config.yaml)</summary>"
            f"{code_block(_as_yaml(run.config))}</details>"
        )
    return Section("reproduce", "Do it again", body)


def _flat_versions(run: Run) -> list[tuple[str, Any]]:
    packages = run.versions.get("packages")
    plain = [(name, value) for name, value in run.versions.items() if name != "packages"]
    return [*plain, *(packages.items() if isinstance(packages, dict) else ())]


def _as_yaml(content: Any) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).strip()
