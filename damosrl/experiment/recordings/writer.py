"""`damosrl report --recording`: from a recording to its figures and its page."""

from pathlib import Path

import numpy as np

from damosrl.damon.recorded import Recording
from damosrl.experiment.folder import RunFolder, writing
from damosrl.experiment.recordings import figures, numbers
from damosrl.experiment.recordings.sizes import rounded_size
from damosrl.experiment.report.figures.style import Drawing, drawing_style, to_drawing
from damosrl.experiment.report.html import (
    Cell,
    Section,
    column_head,
    grid,
    paragraph,
    picture,
)
from damosrl.experiment.report.page import header, html_document

PAGE = "report.html"


def write_recording_report(recording: Recording, name: str, out: Path) -> Path:
    """Write ``figures/*.png`` and ``report.html`` of a recording; older ones are replaced.

    Args:
        recording: What was recorded.
        name: Its title.
        out: Folder to write to, made where it is missing.

    Returns:
        The path of report.html.

    Raises:
        RecordingError: No snapshot holds a region.
        RunFolderError: The folder cannot be written.
    """
    with drawing_style():
        drawn = {
            key: to_drawing(key, figure)
            for key, figure in (
                ("heatmap", figures.heat_figure(recording)),
                ("working_set", figures.working_set_figure(recording)),
                ("idle", figures.idle_figure(recording)),
                ("regions", figures.regions_figure(recording)),
            )
            if figure is not None
        }
    pictures = out / "figures"
    with writing(pictures):
        pictures.mkdir(parents=True, exist_ok=True)
    for drawing in drawn.values():
        RunFolder(pictures).write_bytes(f"{drawing.name}.png", drawing.png)
    RunFolder(out).write_text(PAGE, _page(recording, name, drawn))
    return out / PAGE


def _page(recording: Recording, name: str, drawn: dict[str, Drawing]) -> str:
    sections = [
        _heat_section(drawn["heatmap"]),
        _working_set_section(recording, drawn["working_set"]),
        _idle_section(recording, drawn.get("idle")),
        _regions_section(recording, drawn["regions"]),
    ]
    title = f"Recording: {name}"
    lead = "What DAMON saw of one monitoring target."
    return html_document(title, header(title, lead, _facts(recording)), sections)


def _facts(recording: Recording) -> list[tuple[str, str]]:
    shots = recording.snapshots
    monitored = int(np.median(numbers.wss_bytes(recording, 0)))
    mean_s = recording.duration_s / len(shots)
    return [
        ("snapshots", f"{len(shots):,}"),
        ("duration", f"{recording.duration_s:.4g} s"),
        ("target", str(recording.target_id)),
        ("asked for", f"{recording.sample_us:,} / {recording.aggr_us:,} us"),
        ("interval, mean", f"{1e3 * mean_s:.4g} ms"),
        ("monitored, median", rounded_size(monitored)),
    ]


def _heat_section(drawing: Drawing) -> Section:
    caption = (
        "Light is cold, dark is hot, white was not monitored. Large gaps between areas are left "
        "out; sizes on the axis count from the address below them."
    )
    body = picture(drawing, "Access rates over time and address", caption)
    return Section("heatmap", "Accesses over time and address", body)


def _working_set_section(recording: Recording, drawing: Drawing) -> Section:
    sizes = numbers.percentiles(numbers.wss_bytes(recording))
    rows = [
        [Cell(f"{percent} %", head=True), Cell(rounded_size(int(size)))]
        for percent, size in zip(numbers.PERCENTILES, sizes, strict=True)
    ]
    text = (
        "The working set of a snapshot is the size of all regions in which at least one sample "
        "saw an access. Regions are coarse: one hot page makes its whole region count."
    )
    body = (
        paragraph(text)
        + picture(drawing, "Working-set size over time and its percentiles", "")
        + grid([column_head("share of snapshots"), column_head("working set, at most")], rows)
    )
    return Section("working-set", "Working set", body)


def _idle_section(recording: Recording, drawing: Drawing | None) -> Section:
    if drawing is None:
        return Section("idle", "Idle times", paragraph("This recording holds no ages."))
    last = next(shot for shot in reversed(recording.snapshots) if len(shot))
    both = (
        numbers.idle_times(recording, recording.snapshots),
        numbers.idle_times(recording, (last,)),
    )
    rows = [
        [
            Cell(f"{percent} %", head=True),
            *(Cell(f"{times.percentile(percent):.4g}") for times in both),
        ]
        for percent in numbers.PERCENTILES
    ]
    heads = [
        column_head("share of memory"),
        column_head("idle for at most, all snapshots", "s"),
        column_head("in the last one", "s"),
    ]
    text = (
        "Memory without an access in the interval is idle for its region's age; memory with one "
        "is idle for 0 s."
    )
    body = paragraph(text) + picture(drawing, "Idle times by share of memory", "")
    return Section("idle", "Idle times", body + grid(heads, rows))


def _regions_section(recording: Recording, drawing: Drawing) -> Section:
    counts = numbers.region_counts(recording)
    text = (
        f"{counts.min()} to {counts.max()} regions, median {np.median(counts):g}. Each costs one "
        "access check per sampling interval."
    )
    body = paragraph(text) + picture(drawing, "Number of regions over time", "")
    return Section("regions", "Regions", body)
