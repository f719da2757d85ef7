"""Integers as C has them: of 32 or 64 bit, wrapping around."""

U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1


def u32(x: int) -> int:
    """Return what an ``unsigned int`` keeps of a number."""
    return x & U32_MAX


def s32(x: int) -> int:
    """Return what an ``int`` keeps of a number."""
    return u32(x + 2**31) - 2**31


def u64(x: int) -> int:
    """Return what an ``unsigned long`` keeps of a number."""
    return x & U64_MAX


def align_down(x: int, size: int) -> int:
    """Return the multiple of a power of two at or below a number."""
    return x - x % size


def align_up(x: int, size: int) -> int:
    """Return the multiple of a power of two at or above a number."""
    return align_down(x + size - 1, size)


def mult_frac(x: int, numerator: int, denominator: int) -> int:
    """Return x * numerator // denominator as the kernel's macro of that name does in 64 bit.

    Example:
        >>> mult_frac(2**63, 3, 4) == 2**63 * 3 // 4
        True
    """
    quotient, rest = divmod(x, denominator)
    return u64(quotient * numerator + u64(rest * numerator) // denominator)


def reached(now: int, when: int) -> bool:
    """Tell whether a counter that wraps around is at or after a point (``time_after_eq``).

    Example:
        >>> reached(5, 5), reached(4, 5), reached(3, 2**64 - 1)
        (True, False, True)
    """
    return u64(now - when) < 2**63
