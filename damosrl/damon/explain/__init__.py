"""What a kdamonds document will do, in plain words, and the traps it falls into.

Needs neither NumPy nor numba; facts are those of Linux 7.3 (semantics 0-2, 4.4, 6.3 and 9).
"""

from damosrl.damon.explain.kernels import kernel_traps, require_kernel
from damosrl.damon.explain.monitoring_words import monitoring_words
from damosrl.damon.explain.parts import Explanation, Statement, Trap, contexts_of
from damosrl.damon.explain.rules import RULES, Severity
from damosrl.damon.explain.scheme_words import scheme_words
from damosrl.damon.explain.text import to_data, to_text
from damosrl.damon.explain.traps_action import action_traps
from damosrl.damon.explain.traps_damo import damo_traps
from damosrl.damon.explain.traps_filters import filter_traps
from damosrl.damon.explain.traps_goals import goal_traps
from damosrl.damon.explain.traps_monitoring import monitoring_traps
from damosrl.damon.explain.traps_pattern import pattern_traps
from damosrl.damon.explain.traps_quota import quota_traps
from damosrl.damon.explain.traps_together import traps_together
from damosrl.damon.features import NEWEST
from damosrl.damon.kdamond import Document

__all__ = ["RULES", "Explanation", "Severity", "Statement", "Trap", "explain", "to_data", "to_text"]

SCHEME_RULES = (
    pattern_traps,
    quota_traps,
    goal_traps,
    action_traps,
    filter_traps,
    damo_traps,
)


def explain(document: Document, kernel: str = NEWEST) -> Explanation:
    """Say what a document will do.

    Args:
        document: Any valid document.
        kernel: Version it is for, 6.12 to 7.3; decides which features are missing. What the
            statements say is the behaviour of 7.3.

    Raises:
        UnknownNameError: The kernel is none of `features.RELEASES`.

    Example:
        >>> from damosrl.damon.documents import read_document
        >>> found = explain(read_document('{"kdamonds": [{"contexts": [{"ops": "vaddr"}]}]}'))
        >>> [trap.rule for trap in found.traps]
        ['no-target']
    """
    require_kernel(kernel)
    statements: list[Statement] = []
    traps: list[Trap] = []
    contexts = list(contexts_of(document))
    for at in contexts:
        statements += monitoring_words(at)
        traps += monitoring_traps(at)
        for scheme in at.schemes():
            statements += scheme_words(scheme)
            for rules in SCHEME_RULES:
                traps += rules(scheme)
        traps += kernel_traps(at, kernel)
    if not contexts:
        traps.append(Trap("", "no-kdamonds", "nothing is started", "add a kdamond"))
    traps += traps_together(contexts)
    return Explanation(kernel, tuple(statements), tuple(traps))
