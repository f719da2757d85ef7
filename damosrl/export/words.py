"""Physical values as people write them."""

from damosrl.knobs import Quantity

MIB = float(2**20)


def said(item: Quantity, value: float) -> str:
    """Say a physical value with its unit; a quota that may be off says so.

    Example:
        >>> said(Quantity("free", "%", 0.0, 100.0, "Free."), 50.0)
        '50 %'
    """
    if item.off_below is not None and item.unit == "bytes/s" and value == 0.0:
        return "off"
    if item.unit == "bytes/s":
        return f"{value / MIB:.4g} MiB/s"
    return f"{value:.4g}" if item.unit == "ratio" else f"{value:.4g} {item.unit}"
