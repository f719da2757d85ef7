"""Bounds of the kernel's integer types, checked with messages a person can act on."""

from enum import StrEnum

from damosrl.damon.refusals import refusal

U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
I32_MAX = 2**31 - 1


def require_integer(
    name: str, value: int, low: int = 0, high: int = U64_MAX, rule: str = "integer-range"
) -> None:
    """Refuse what is no integer in ``low..high`` (both allowed).

    Args:
        name: The field, for the message.
        value: The number.
        low: Smallest allowed number.
        high: Largest allowed number.
        rule: Name in `refusals.REFUSALS` of what the bounds come from.

    Raises:
        DocumentError: Naming the field, the value and the limits.

    Example:
        >>> require_integer("age.max", 4294967295, high=U32_MAX)
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise refusal(
            "integer-range",
            f"{name} is no integer",
            got=repr(value),
            allowed=f"{low}..{high}",
            fix="give a number",
        )
    if not low <= value <= high:
        raise refusal(
            rule,
            f"{name} is out of range",
            got=value,
            allowed=f"{low}..{high}",
            fix=f"give {low if value < low else high}, or something between",
        )


def require_member(name: str, value: object, kind: type[StrEnum]) -> None:
    """Refuse what is not a member of the enumeration.

    Raises:
        DocumentError: Naming the allowed words.
    """
    if not isinstance(value, kind):
        raise refusal(
            "unknown-word",
            f"{name} is no {kind.__name__}",
            got=repr(value),
            allowed=", ".join(kind),
            fix=f"give a member of damosrl.damon.{kind.__name__}",
        )
