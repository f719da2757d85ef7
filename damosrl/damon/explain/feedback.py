"""The kernel's feedback function on plain integers, and how long it takes to get somewhere."""

from damosrl.damon.checks import U64_MAX

BASIS = 10_000
"""One byte of effective quota, and a goal that is exactly met (semantics 2.8)."""

FULL_AT_ONCE = 2 * BASIS


def next_input(last: int, score: int) -> int:
    """Return the next input of ``damon_feed_loop_next_input()`` (Linux 7.3, mm/damon/core.c).

    Args:
        last: Previous input, basis points of a byte.
        score: How far the goal is reached, basis points.

    Example:
        >>> next_input(10_000, 5_000)
        15000
    """
    if score == BASIS:
        return last
    if score >= FULL_AT_ONCE:
        return BASIS
    distance = abs(score - BASIS)
    exact = last < U64_MAX // distance
    change = last * distance // BASIS if exact else last // BASIS * distance % 2**64
    if score > BASIS:
        return max((last - change) % 2**64, BASIS)
    return last + change if last < U64_MAX - change else U64_MAX


def windows_until(size_bytes: int, score: int = 0) -> int:
    """Return after how many windows the effective quota, from its start at 1 byte, is enough.

    Args:
        size_bytes: Wanted effective quota, at most 2^64 // 10,000.
        score: Constant score of the goal below 10,000; 0 is the fastest growth.

    Example:
        >>> windows_until(4096), windows_until(2**20)
        (12, 20)
    """
    wanted = min(size_bytes, U64_MAX // BASIS)
    quota_bp, windows = BASIS, 0
    while quota_bp // BASIS < wanted:
        quota_bp, windows = next_input(quota_bp, score), windows + 1
    return windows
