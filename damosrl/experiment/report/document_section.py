"""The part of the page that says what the kdamonds are told, in words."""

from damosrl.damon.documents import read_document
from damosrl.damon.explain import explain, to_text
from damosrl.errors import DamosrlError
from damosrl.experiment.report.html import Section, code_block, paragraph
from damosrl.experiment.report.inputs import Run


def document_section(run: Run) -> Section | None:
    """Explain the run's document as `damosrl explain` does; None where there is none to read."""
    if not run.document:
        return None
    try:
        words = to_text(explain(read_document(run.document)))
    except DamosrlError as error:
        return Section("document", "What the kernel is told", paragraph(str(error)))
    lead = (
        "The kdamonds document of the first machine under default knobs, as "
        "`damosrl explain document.json` tells it. Tuners change quotas, thresholds and "
        "goal targets from step to step; the structure stays."
    )
    return Section("document", "What the kernel is told", paragraph(lead) + code_block(words))
