"""Watermarks: when a scheme is active (semantics 2.4)."""

from damosrl.emulator.conformance.reference.scheme import Scheme


def evaluate(scheme: Scheme, free_permil: int) -> int:
    """Switch a scheme on or off; return how long to wait in us, 0 if it is active."""
    marks = scheme.watermarks
    if marks is None or marks.metric == "none":
        return 0
    if free_permil > marks.high or free_permil < marks.low:
        scheme.activated = False
        return marks.interval_us
    if free_permil >= marks.mid and not scheme.activated:
        return marks.interval_us
    scheme.activated = True
    return 0
