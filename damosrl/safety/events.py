"""The record of every difference between what a tuner asked for and what was done.

A step of many machines keeps its events as bits in one array ``(N, k)``; people and files get
them as records.
"""

from collections.abc import Sequence
from enum import IntFlag
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from damosrl.knobs import FloatArray

EventBits = NDArray[np.uint8]


class EventKind(IntFlag):
    """Why an applied knob differs from the requested one."""

    NOT_A_NUMBER = 1
    """The request was NaN; the knob stays as it is."""
    LIMIT = 2
    """The request was outside the knob's limits."""
    SLEW = 4
    """The request was further away than one step may go."""
    DEAD_BAND = 8
    """The request was too near to what is in force to be worth a commit."""
    FALLBACK = 16
    """The breaker tripped: the kernel's own loop takes over."""
    REFUSED = 32
    """The kernel did not take the action: the one before stays in force."""


CLAMPS = EventKind.NOT_A_NUMBER | EventKind.LIMIT | EventKind.SLEW


class Event(TypedDict):
    """One event, ready for a line of JSON; values are normalised, NaN is None."""

    step: int
    machine: int
    kind: str
    knob: str
    requested: float | None
    applied: float


def mark(bits: EventBits, where: NDArray[np.bool_], kind: EventKind) -> None:
    """Set a kind's bit where the mask ``(N, k)`` or ``(N,)`` says so, in place."""
    bits[where] |= np.uint8(kind)


def event_records(
    bits: EventBits,
    requested: FloatArray,
    applied: FloatArray,
    knobs: Sequence[str],
    steps: NDArray[np.int64],
) -> list[Event]:
    """Turn event bits into records, ordered by machine, knob and kind.

    Args:
        bits: `EventKind` bits, ``(N, k)``.
        requested: Normalised request, ``(N, k)``.
        applied: Normalised action in force, ``(N, k)``.
        knobs: Names, k of them.
        steps: Decision number of every machine, ``(N,)``.

    Example:
        >>> one = np.array([[2]], dtype=np.uint8), np.array([[3.0]]), np.array([[1.0]])
        >>> event_records(*one, ["quota"], np.array([7]))[0]["kind"]
        'limit'
    """
    records: list[Event] = []
    for machine, knob in zip(*np.nonzero(bits), strict=True):
        wanted = float(requested[machine, knob])
        records.extend(
            Event(
                step=int(steps[machine]),
                machine=int(machine),
                kind=str(kind.name).lower(),
                knob=knobs[knob],
                requested=wanted if np.isfinite(wanted) else None,
                applied=float(applied[machine, knob]),
            )
            for kind in EventKind
            if bits[machine, knob] & kind
        )
    return records


def event_counts(bits: EventBits, kinds: EventKind = CLAMPS) -> NDArray[np.int64]:
    """Count knobs with an event of the given kinds, by machine.

    Args:
        bits: `EventKind` bits, ``(N, k)``.
        kinds: Kinds that count; NaN, limit and slew unless told.
    """
    return np.asarray((bits & np.uint8(kinds) != 0).sum(axis=1), dtype=np.int64)
