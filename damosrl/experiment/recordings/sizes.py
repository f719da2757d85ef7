"""Sizes for people: rounded, in the unit that reads best."""

SIZE_UNITS = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


def size_unit(size_bytes: float) -> tuple[int, str]:
    """Return the unit in which a size reads best, and its name.

    Example:
        >>> size_unit(3 * 2**30)
        (1073741824, 'GiB')
    """
    return next((unit for unit in SIZE_UNITS if size_bytes >= unit[0]), SIZE_UNITS[-1])


def rounded_size(size_bytes: float) -> str:
    """Print a size with three digits; `damosrl.damon.units.format_size` is the exact one.

    Example:
        >>> rounded_size(1_234_567_890), rounded_size(0)
        ('1.15 GiB', '0 B')
    """
    unit, name = size_unit(size_bytes)
    number = size_bytes / unit
    return f"{number:.0f} {name}" if number >= 100 else f"{number:.3g} {name}"
