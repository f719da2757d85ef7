"""Whether telemetry can be used: all there, possible values, fresh, no impossible jump."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from damosrl.daemon.gone_groups import gone_groups
from damosrl.machine import Source, Telemetry

LARGEST_MOVED_BYTES_PER_S = 2.0**40
"""No machine migrates a TiB in a second; a counter that says so is wrong."""
LARGEST_BYTES = 2.0**60
SLACK_S = 1.0
"""Readings of different files are not of the same moment."""


class Plausibility:
    """Judges readings of one machine, each against the one before.

    Args:
        needed: Sources that must be there.
        frozen_s: Time without any sign of life that makes readings stale.
        kdamonds_run: Whether there are kdamonds at all; not so in a dry run.
    """

    def __init__(
        self, needed: Collection[Source], frozen_s: float, *, kdamonds_run: bool = True
    ) -> None:
        self.needed = frozenset(needed)
        """Sources that must be there."""
        self._frozen_s = frozen_s
        self._kdamonds_run = kdamonds_run
        self._last: Telemetry | None = None
        self._alive: tuple[float, ...] = ()
        self._alive_s = 0.0

    def problem(self, telemetry: Telemetry) -> str | None:
        """Return why a reading cannot be used, in words; None where it can.

        Args:
            telemetry: Of one machine, N = 1.
        """
        found = (
            (_ended(telemetry) if self._kdamonds_run else None)
            or self._missing(telemetry)
            or _impossible(telemetry)
            or self._jumped(telemetry)
            or self._frozen(telemetry)
        )
        self._last = telemetry
        return found

    def _missing(self, telemetry: Telemetry) -> str | None:
        missing = sorted(self.needed & set(telemetry.missing))
        if not missing:
            return None
        gone = ", ".join(sorted(gone_groups(telemetry)))
        return f"missing: {', '.join(missing)}" + (f" of {gone}" if gone else "")

    def _jumped(self, telemetry: Telemetry) -> str | None:
        """Life-time counters only grow, and not faster than hardware can."""
        if self._last is None:
            return None
        elapsed_s = float(telemetry.time_s[0] - self._last.time_s[0])
        if elapsed_s < 0.0:
            return "time went back"
        for name, fastest in (
            ("migrated_up_bytes", LARGEST_MOVED_BYTES_PER_S),
            ("migrated_down_bytes", LARGEST_MOVED_BYTES_PER_S),
            ("kdamond_cpu_us", np.inf),
        ):
            grown = float(getattr(telemetry, name)[0] - getattr(self._last, name)[0])
            if grown < 0.0 or grown > fastest * (elapsed_s + SLACK_S):
                return f"{name} jumped by {grown:g} in {elapsed_s:g} s"
        for name in ("some_total_us", "full_total_us"):
            now, then = (getattr(item.pressure, name)[0] for item in (telemetry, self._last))
            if now < then:
                return f"PSI {name} went back"
        return None

    def _frozen(self, telemetry: Telemetry) -> str | None:
        """Kdamonds that work use CPU time and apply schemes."""
        stats = telemetry.stats
        alive = (
            float(np.nan_to_num(telemetry.kdamond_cpu_us[0])),
            *(float(counter.sum()) for counter in (stats.nr_tried, stats.sz_tried)),
            float(telemetry.snapshot.age[0].sum()),
            float(telemetry.snapshot.nr_accesses[0].sum()),
        )
        now_s = float(telemetry.time_s[0])
        if alive != self._alive:
            self._alive, self._alive_s = alive, now_s
        silent_s = now_s - self._alive_s
        if silent_s > self._frozen_s:
            return f"frozen: no sign of life of the kdamonds for {silent_s:.0f} s"
        return None


def _ended(telemetry: Telemetry) -> str | None:
    ended = np.flatnonzero(telemetry.kdamonds.pid[0] < 0).tolist()
    return f"kdamond {ended[0]} has stopped" if ended else None


def _impossible(telemetry: Telemetry) -> str | None:
    missing = set(telemetry.missing)
    if Source.NODES not in missing:
        total, free = telemetry.node_total_bytes[0], telemetry.node_free_bytes[0]
        if not _within(total, 1.0, LARGEST_BYTES) or not _within(free, 0.0, LARGEST_BYTES):
            return f"impossible memory: {total.tolist()} bytes, {free.tolist()} free"
        if bool((free > total).any()):
            return "impossible memory: more free than there is"
    if Source.PRESSURE not in missing:
        pressure = telemetry.pressure
        averages = np.concatenate([pressure.some_avg[0], pressure.full_avg[0]])
        totals = np.array([pressure.some_total_us[0], pressure.full_total_us[0]])
        if not _within(averages, 0.0, 1.0) or not _within(totals, 0.0, np.inf):
            return f"impossible PSI: averages {averages.tolist()}"
    if bool((telemetry.snapshot.end < telemetry.snapshot.start).any()):
        return "impossible snapshot: a region ends before it starts"
    if any(bool((counter < 0).any()) for counter in telemetry.stats):
        return "impossible statistics: a counter below zero"
    return None


def _within(values: NDArray[np.float64], low: float, high: float) -> bool:
    """NaN is not within anything."""
    return bool(((values >= low) & (values <= high)).all())
