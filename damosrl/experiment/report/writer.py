"""From a run folder to its figures and its page."""

from pathlib import Path

from matplotlib.figure import Figure

from damosrl.experiment.folder import RunFolder, writing
from damosrl.experiment.report.cast import cast_of
from damosrl.experiment.report.figures.episode import episode_figure
from damosrl.experiment.report.figures.heatmap import heatmap_figure
from damosrl.experiment.report.figures.learning import learning_figure, search_figure
from damosrl.experiment.report.figures.matrix import matrix_figure
from damosrl.experiment.report.figures.occupancy import occupancy_figure
from damosrl.experiment.report.figures.pareto import pareto_figure
from damosrl.experiment.report.figures.profile import profile_figure
from damosrl.experiment.report.figures.ranking import ranking_figure
from damosrl.experiment.report.figures.shared import shared_figure
from damosrl.experiment.report.figures.style import Drawing, drawing_style, to_drawing
from damosrl.experiment.report.figures.tradeoff import tradeoff_figure
from damosrl.experiment.report.inputs import load_run
from damosrl.experiment.report.page import build_page
from damosrl.experiment.report.scores import score_rows
from damosrl.experiment.report.series import headline_tuners, most_telling_workload
from damosrl.experiment.report.workloads import score_matrix

PAGE = "report.html"


def write_report(run_dir: Path) -> Path:
    """Write ``figures/*.png`` and ``report.html`` into a run folder, from its plain files.

    Files are replaced one by one, whole; an older report is overwritten, results never are.
    A run that was interrupted gets a report of what it has.

    Returns:
        The path of report.html.

    Raises:
        RunFolderError: The folder is missing, holds no results, or cannot be written.
    """
    run = load_run(run_dir)
    pictures = run_dir / "figures"
    with writing(pictures):
        pictures.mkdir(exist_ok=True)
    cast = cast_of(run)
    rows = score_rows(run, cast)
    matrix = score_matrix(run, cast, rows)
    workload = most_telling_workload(run)
    with drawing_style():
        figures = {
            "scores": ranking_figure(run, cast, rows),
            "tradeoff": tradeoff_figure(cast, rows, run.wording),
            "pareto": pareto_figure(cast, rows, run.wording),
            "workloads": matrix_figure(matrix),
            "profile": profile_figure(run, cast, rows),
            "learning": learning_figure(run.learning, run.wording),
            "search": search_figure(run.trials),
            "episode": episode_figure(run, cast, workload, headline_tuners(rows)),
            "occupancy": occupancy_figure(run, cast, workload, headline_tuners(rows)),
            "shared": shared_figure(run, cast, workload, headline_tuners(rows)),
            "heatmap": heatmap_figure(run.heatmap),
        }
        drawn = _draw(figures)
    page = build_page(run, cast, rows, matrix, drawn, workload)
    for name in figures.keys() - drawn.keys():
        with writing(pictures):
            (pictures / f"{name}.png").unlink(missing_ok=True)  # of an older report
    for drawing in drawn.values():
        RunFolder(pictures).write_bytes(f"{drawing.name}.png", drawing.png)
    RunFolder(run_dir).write_text(PAGE, page)
    return run_dir / PAGE


def _draw(figures: dict[str, Figure | None]) -> dict[str, Drawing]:
    return {
        name: to_drawing(name, figure) for name, figure in figures.items() if figure is not None
    }
