"""Numbers with units, read and printed as pairs: ``parse_x(format_x(value)) == value``.

All arithmetic is exact (integers and fractions, never floats), so that ``99.7 %`` is 9970 basis
points and not 9969. A number without a unit is in the field's own unit, as in damo's documents.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

from damosrl.damon.checks import U32_MAX, U64_MAX
from damosrl.errors import UnitError

Value = int | float | str
"""What a document may hold: a number, or text with a unit."""

SIZE_UNITS: Mapping[str, int] = {
    "": 1,
    "b": 1,
    **{
        prefix + ending: 1 << (10 * power)
        for power, prefix in enumerate("kmgtpe", start=1)
        for ending in ("", "b", "ib")
    },
}
"""Bytes by lower-case unit; KB is 1024 bytes, as in the kernel's own files and in damo."""

TIME_UNITS_NS: Mapping[str, int] = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
"""Nanoseconds by unit."""

_NUMBER = r"(\d{1,3}(?:,\d{3}){1,12}|\d{1,40})(?:\.(\d{1,40}))?"
_QUANTITY = re.compile(_NUMBER + r"\s*([A-Za-z_%]*)", re.ASCII)
_TIMES = re.compile(rf"(?:{_NUMBER}\s*[a-z]+\s*)+", re.ASCII)


def parse_size(value: Value) -> int:
    """Read bytes: ``200 MiB``, ``4G``, ``1,000``, ``max``; parts of a byte are dropped.

    Raises:
        UnitError: No size, or above 2^64-1.

    Example:
        >>> parse_size("5.5G")
        5905580032
    """
    if value == "max":
        return U64_MAX
    number, unit = _quantity(value, "size", "4096, 200 MiB, 4G or max")
    if unit.lower() not in SIZE_UNITS:
        raise UnitError(
            "unknown unit of size",
            got=repr(value),
            allowed="B, KiB, MiB, GiB, TiB, PiB, EiB (or K, M, G, T, P, E)",
            fix="give for example 200 MiB",
        )
    return _bounded(int(number * SIZE_UNITS[unit.lower()]), value, "size")


def format_size(size_bytes: int) -> str:
    """Print bytes exactly, in the largest unit that divides them; 2^64-1 is ``max``.

    Example:
        >>> format_size(209715200), format_size(4097)
        ('200 MiB', '4097 B')
    """
    if size_bytes == U64_MAX:
        return "max"
    names = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
    power = 0
    while size_bytes and power + 1 < len(names) and size_bytes % 1024 == 0:
        size_bytes //= 1024
        power += 1
    return f"{size_bytes} {names[power]}"


def parse_time_us(value: Value) -> int:
    """Read microseconds: ``5 ms``, ``1 s``, ``1 h 30 m``, ``5000`` (us), ``max``.

    Raises:
        UnitError: No time, no whole number of microseconds, or above 2^64-1.
    """
    return _parse_time(value, "us")


def format_time_us(time_us: int) -> str:
    """Print microseconds exactly, as s, ms or us; 2^64-1 is ``max``.

    Example:
        >>> format_time_us(5000), format_time_us(1500000)
        ('5 ms', '1500 ms')
    """
    return _format_time(time_us, "us")


def parse_time_ms(value: Value) -> int:
    """Read milliseconds: ``1 s``, ``500 ms``, ``1000`` (ms), ``max``.

    Raises:
        UnitError: No time, no whole number of milliseconds, or above 2^64-1.
    """
    return _parse_time(value, "ms")


def format_time_ms(time_ms: int) -> str:
    """Print milliseconds exactly, as s or ms; 2^64-1 is ``max``."""
    return _format_time(time_ms, "ms")


def parse_bp(value: Value) -> int:
    """Read basis points: ``99.7 %`` is 9970, a number without a unit is basis points.

    Raises:
        UnitError: No share, or no whole number of basis points.
    """
    return _parse_share(value, 100, "basis points")


def format_bp(share_bp: int) -> str:
    """Print basis points as per cent.

    Example:
        >>> format_bp(9970)
        '99.7 %'
    """
    return _format_percent(share_bp, 100)


def parse_permil(value: Value) -> int:
    """Read permil: ``10 %`` is 100, a number without a unit is permil.

    Raises:
        UnitError: No share, or no whole number of permil.
    """
    return _parse_share(value, 10, "permil")


def format_permil(share_permil: int) -> str:
    """Print permil as per cent."""
    return _format_percent(share_permil, 10)


def parse_nr_accesses(value: Value, samples_per_aggregation: int) -> int:
    """Read an access count: ``3 samples``, ``15 %`` of all samples (rounded down), ``max``.

    A number without a unit is per cent, as in damo's documents; ``max`` and per cents beyond the
    kernel's 32 bits mean no bound. Samples are taken as given, up to 64 bits as in sysfs.

    Args:
        value: Text or number.
        samples_per_aggregation: Samples that 100 % stand for.

    Raises:
        UnitError: No access count, or more than 2^64-1 samples.

    Example:
        >>> parse_nr_accesses("16 %", 20)
        3
    """
    if value in ("min", "max"):
        return 0 if value == "min" else U32_MAX
    number, unit = _quantity(value, "access count", "'3 samples', '15 %' or max")
    if unit in ("samples", "sample"):
        return _bounded(_whole(number, value, "samples"), value, "access count")
    if unit not in ("", "%"):
        raise UnitError(
            "unknown unit of an access count",
            got=repr(value),
            allowed="samples, %",
            fix="give for example '3 samples'",
        )
    return min(int(number * samples_per_aggregation / 100), U32_MAX)


def format_nr_accesses(samples: int) -> str:
    """Print an access count in samples, the only unit that every reader takes exactly."""
    return f"{samples} samples"


def parse_age(value: Value, aggr_us: int) -> int:
    """Read an age: ``30 aggr_intervals``, a time such as ``3 s`` (rounded down), ``max``.

    A number without a unit is microseconds, as in damo's documents; ``max`` and times beyond the
    kernel's 32 bits mean no bound. Intervals are taken as given, up to 64 bits as in sysfs.

    Args:
        value: Text or number.
        aggr_us: Aggregation interval, us.

    Raises:
        UnitError: No age, or more than 2^64-1 aggregation intervals.

    Example:
        >>> parse_age("3 s", 100_000)
        30
    """
    if value in ("min", "max"):
        return 0 if value == "min" else U32_MAX
    if isinstance(value, str) and value.rstrip().endswith(("aggr_intervals", "aggr_interval")):
        number, _ = _quantity(value, "age", "'30 aggr_intervals'")
        return _bounded(_whole(number, value, "aggr_intervals"), value, "age")
    return min(int(_time_ns(value, "us") / (max(aggr_us, 1) * 1000)), U32_MAX)


def format_age(aggr_intervals: int) -> str:
    """Print an age in aggregation intervals, the kernel's own unit."""
    return f"{aggr_intervals} aggr_intervals"


def parse_number(value: Value) -> int:
    """Read a plain whole number, ``1,000`` and ``max`` (2^64-1) included.

    Raises:
        UnitError: No whole number, one with a unit, or above 2^64-1.
    """
    if value == "max":
        return U64_MAX
    number, unit = _quantity(value, "number", "a whole number such as 1,000")
    if unit:
        raise UnitError("a plain number has no unit", got=repr(value), fix=f"remove {unit}")
    return _bounded(_whole(number, value, "ones"), value, "number")


def _quantity(value: Value, what: str, allowed: str) -> tuple[Fraction, str]:
    """Split a value into its exact number and its unit ("" where it has none)."""
    if not isinstance(value, bool):
        match = _QUANTITY.fullmatch(str(value).strip())
        if match is not None:
            whole, decimals, unit = match.groups()
            return _fraction(whole, decimals), unit
    raise UnitError(f"no {what}", got=repr(value), allowed=allowed, fix="give a number and a unit")


def _fraction(whole: str, decimals: str | None) -> Fraction:
    digits = whole.replace(",", "")
    if decimals is None:
        return Fraction(int(digits))
    return Fraction(int(digits + decimals), 10 ** len(decimals))


def _whole(number: Fraction, value: Value, unit: str) -> int:
    if number.denominator != 1:
        raise UnitError(
            f"{value!r} is no whole number of {unit}",
            got=float(number),
            fix=f"round it to {round(number)} {unit}",
        )
    return int(number)


def _bounded(number: int, value: Value, what: str, limit: int = U64_MAX) -> int:
    if number > limit:
        raise UnitError(
            f"{what} is too large", got=repr(value), allowed=f"up to {limit}", fix="give max"
        )
    return number


def _time_ns(value: Value, native: str) -> Fraction:
    """Return exact nanoseconds; a number without a unit is in ``native`` units."""
    allowed = "'5 ms', '1 s', '1 h 30 m' or max"
    text = str(value).strip()
    if isinstance(value, str) and text.count(" ") > 1 and _TIMES.fullmatch(text):
        parts = re.findall(rf"{_NUMBER}\s*([a-z]+)", text)
        numbers = [(_fraction(whole, decimals or None), unit) for whole, decimals, unit in parts]
    else:
        numbers = [_quantity(value, "time", allowed)]
    total = Fraction(0)
    for number, unit in numbers:
        if unit and unit not in TIME_UNITS_NS:
            raise UnitError(
                "unknown unit of time",
                got=repr(value),
                allowed=", ".join(TIME_UNITS_NS),
                fix="give for example 5 ms",
            )
        total += number * TIME_UNITS_NS[unit or native]
    return total


def _parse_time(value: Value, native: str) -> int:
    if value == "max":
        return U64_MAX
    exact = _time_ns(value, native) / TIME_UNITS_NS[native]
    return _bounded(_whole(exact, value, native), value, "time")


def _format_time(time: int, native: str) -> str:
    if time == U64_MAX:
        return "max"
    units = ("us", "ms", "s")
    place = units.index(native)
    while time and place + 1 < len(units) and time % 1000 == 0:
        time //= 1000
        place += 1
    return f"{time} {units[place]}"


def _parse_share(value: Value, per_percent: int, unit_name: str) -> int:
    if value == "max":
        return U64_MAX
    number, unit = _quantity(value, "share", "'99.7 %' or a number")
    if unit not in ("", "%"):
        raise UnitError("unknown unit of a share", got=repr(value), allowed="%", fix="give 99.7 %")
    exact = number * per_percent if unit else number
    return _bounded(_whole(exact, value, unit_name), value, "share")


def _format_percent(share: int, per_percent: int) -> str:
    whole, rest = divmod(share, per_percent)
    if not rest:
        return f"{whole} %"
    digits = f"{rest:0{len(str(per_percent)) - 1}d}".rstrip("0")
    return f"{whole}.{digits} %"
