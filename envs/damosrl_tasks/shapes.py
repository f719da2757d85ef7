"""Quantities that observations of several tasks are made of."""

from dataclasses import replace

from damosrl.knobs import Quantity, QuantitySet


def share(name: str, meaning: str, default: float = 0.0) -> Quantity:
    """Return a share, 0..1."""
    return Quantity(name, "ratio", 0.0, 1.0, meaning, default=default)


def small_share(name: str, meaning: str, low: float = 0.001) -> Quantity:
    """Return a share that matters down to a thousandth, or less; nothing at all is -1."""
    return Quantity(name, "ratio", low, 1.0, meaning, scale="log", off_below=-0.9)


def rate(name: str, meaning: str) -> Quantity:
    """Return a rate of bytes, 1 MiB/s to 4 GiB/s; nothing at all is -1."""
    high = 4.0 * 2**30
    return Quantity(name, "bytes/s", 2.0**20, high, meaning, scale="log", off_below=-0.9)


def last_action(knobs: QuantitySet) -> list[Quantity]:
    """Return the knobs in force, as features."""
    return [
        replace(knob, name=f"last_{knob.name}", meaning=f"{knob.name} in force (after safety).")
        for knob in knobs.items
    ]
