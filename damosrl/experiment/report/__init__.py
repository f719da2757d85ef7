"""Figures, an offline HTML page and score tables from a run folder's plain files."""

from damosrl.experiment.report.terminal import score_markdown, score_table
from damosrl.experiment.report.writer import write_report

__all__ = ["score_markdown", "score_table", "write_report"]
