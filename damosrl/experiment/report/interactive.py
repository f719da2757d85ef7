"""The interactive twin of the episode figure: every workload, every tuner, drawn by plotly.js.

plotly.js and the data travel gzip-compressed inside the page and are unpacked by the browser;
a browser that cannot (or paper) shows the static figure instead.
"""

import base64
import gzip
import json
from functools import cache
from typing import Any

import numpy as np
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from damosrl.experiment.report.cast import Cast, Look
from damosrl.experiment.report.figures.style import GRID, INK, MUTED
from damosrl.experiment.report.inputs import Run
from damosrl.experiment.report.panels import Panel
from damosrl.experiment.report.scores import ScoreRow, column
from damosrl.experiment.report.series import (
    curve,
    episode_steps,
    panels_of,
    series_workloads,
    thinned,
)
from damosrl.experiment.report.table import Table
from damosrl.knobs import FloatArray

MAX_POINTS = 400
"""Longer episodes are averaged down to this many points per curve."""

PLOTLY_MARGIN = {"l": 58, "r": 14, "t": 56, "b": 46}


def pack(text: str) -> str:
    """Compress a text for a page: gzip, then base64; the same text gives the same bytes.

    Example:
        >>> gzip.decompress(base64.b64decode(pack("hot"))).decode()
        'hot'
    """
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


@cache
def packed_plotly() -> str:
    """Return the plotly.js that the Python package ships, packed."""
    return pack(get_plotlyjs())


def episode_data(
    run: Run, cast: Cast, rows: list[ScoreRow], shown: list[str]
) -> dict[str, Any] | None:
    """Build what plotly.js draws.

    Args:
        run: The run.
        cast: Labels and looks.
        rows: Score table; gives the order of the legend.
        shown: Tuners visible at first; the others wait in the legend.

    Returns:
        ``{"layout": ..., "episodes": {workload: traces}, "thinned": whether steps were averaged}``,
        or None without recorded steps.
    """
    panels = panels_of(run)
    if not panels or not series_workloads(run):
        return None
    episodes = {
        workload: _traces(run, cast, workload, panels, [row.name for row in rows], shown)
        for workload in series_workloads(run)
    }
    return {
        "layout": _layout(panels),
        "episodes": episodes,
        "thinned": any(len(steps) > MAX_POINTS for steps in _all_episodes(run, rows)),
    }


def _all_episodes(run: Run, rows: list[ScoreRow]) -> list[Table]:
    found = [
        episode_steps(run, workload, row.name) for workload in series_workloads(run) for row in rows
    ]
    return [steps for steps in found if steps is not None]


def packed_episodes(data: dict[str, Any]) -> str:
    """Return the data of `episode_data` as packed JSON."""
    return pack(json.dumps(data, allow_nan=False, separators=(",", ":")))


def _traces(
    run: Run, cast: Cast, workload: str, panels: list[Panel], order: list[str], shown: list[str]
) -> list[dict[str, Any]]:
    traces = []
    for name in order:
        steps = episode_steps(run, workload, name)
        if steps is None:
            continue
        for place, panel in enumerate(panels):
            look, values = cast.looks[name], curve(run, panel, name, steps)
            trace = _ticks(panel, steps, look, cast.labels[name]) if panel.ticks else None
            traces.append(
                {
                    "type": "scatter",
                    "name": cast.labels[name],
                    "legendgroup": name,
                    "showlegend": place == 0,
                    "visible": True if name in shown else "legendonly",
                    "xaxis": _axis("x", place),
                    "yaxis": _axis("y", place),
                    **(trace or _line_trace(panel, steps, values, look, cast.labels[name])),
                }
            )
    return traces


def _line_trace(
    panel: Panel, steps: Table, values: FloatArray, look: Look, text: str
) -> dict[str, Any]:
    return {
        "mode": "lines",
        "line": _line(look),
        "x": _rounded(thinned(column(steps, "time_s"), MAX_POINTS)),
        "y": _rounded(thinned(values, MAX_POINTS)),
        "hovertemplate": f"%{{y:.4~g}} {panel.unit}<extra>{text}</extra>",
    }


def _ticks(panel: Panel, steps: Table, look: Look, text: str) -> dict[str, Any]:
    counts = panel.read(steps)
    some = counts > 0
    return {
        "mode": "markers",
        "marker": {
            "symbol": "line-ns-open",
            "size": 11,
            "color": look.colour,
            "line": {"width": 2, "color": look.colour},
        },
        "x": _rounded(column(steps, "time_s")[some]),
        "y": [text] * int(some.sum()),
        "customdata": _rounded(counts[some]),
        "hovertemplate": f"%{{customdata}} per step<extra>{text}</extra>",
    }


def _rounded(values: FloatArray) -> list[float | None]:
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values]


def _axis(letter: str, place: int) -> str:
    return letter if place == 0 else f"{letter}{place + 1}"


def _line(look: Look) -> dict[str, Any]:
    dash = ",".join(f"{1.6 * length:g}px" for length in look.dash) or "solid"
    return {"color": look.colour, "width": look.width, "dash": dash}


def _layout(panels: list[Panel]) -> dict[str, Any]:
    lines = (len(panels) + 1) // 2
    figure = make_subplots(
        rows=lines,
        cols=2,
        shared_xaxes="all",
        horizontal_spacing=0.085,
        vertical_spacing=0.24 / lines,
        subplot_titles=[f"<b>{panel.title}</b> ({panel.unit})" for panel in panels],
    )
    for place, panel in enumerate(panels):
        row, col = place // 2 + 1, place % 2 + 1
        kind = "category" if panel.ticks else "log" if panel.log else "linear"
        figure.update_yaxes(row=row, col=col, type=kind)
        if panel.ticks:
            figure.update_yaxes(row=row, col=col, automargin=True)
        if panel.log:
            figure.update_yaxes(row=row, col=col, dtick=1)
        elif panel.shown is not None:
            figure.update_yaxes(row=row, col=col, rangemode="tozero")
        if panel.shown is not None:
            figure.update_yaxes(row=row, col=col, autorangeoptions={"include": list(panel.shown)})
    figure.update_xaxes(title_text="time in the episode (s)", row=lines, title_standoff=6)
    figure.update_xaxes(showline=True, linecolor="#9AA1AD", gridcolor=GRID, zeroline=False)
    figure.update_xaxes(autorangeoptions={"clipmin": 0})
    figure.update_yaxes(showline=True, linecolor="#9AA1AD", gridcolor=GRID, zeroline=False)
    figure.update_annotations(font={"size": 12.5, "color": INK})
    figure.update_layout(
        template="none",
        height=110 + 190 * lines,
        margin=PLOTLY_MARGIN,
        font={"family": "system-ui, sans-serif", "size": 12, "color": MUTED},
        legend={"orientation": "h", "y": 1.035, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        hovermode="x unified",
        hoverlabel={"font": {"size": 11}, "bgcolor": "rgba(255,255,255,0.92)"},
        uirevision="keep",
        plot_bgcolor="white",
        paper_bgcolor="white",
    )
    layout: dict[str, Any] = json.loads(figure.to_json())["layout"]
    return layout
