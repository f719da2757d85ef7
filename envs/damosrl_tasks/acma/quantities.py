"""The names, units, ranges and meanings of what a tuner of auto-scaling sees."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from damosrl.acma.blocks import BLOCK_BYTES, PAGE_BYTES
from damosrl.knobs import FloatArray, Quantity, QuantitySet
from damosrl_tasks.acma.interval import Interval

Column = Callable[[Interval], FloatArray]


def _share(name: str, meaning: str) -> Quantity:
    return Quantity(name, "ratio", 0.0, 1.0, meaning)


def _percent(name: str, meaning: str) -> Quantity:
    return Quantity(name, "%", 0.0, 100.0, meaning, scale="symlog")


def _rate(name: str, meaning: str) -> Quantity:
    return Quantity(name, "1/s", 1e-5, 1.0, meaning, scale="log", off_below=-0.9)


def _capacity_ratio(interval: Interval) -> FloatArray:
    held = interval.now.gauges.held_bytes.sum(axis=1)
    return np.asarray(held / interval.now.capacity_bytes)


def _fullest(interval: Interval) -> FloatArray:
    gauges = interval.now.gauges
    spare = gauges.usable_bytes - gauges.used_bytes - gauges.balloon_bytes
    return np.asarray((spare / gauges.memory_bytes).min(axis=1))


def _cma_success(interval: Interval) -> FloatArray:
    asked = interval.total("cma_requests")
    return np.where(asked > 0, interval.total("cma_served") / np.maximum(asked, 1.0), 1.0)


def _tried_success(interval: Interval) -> FloatArray:
    tried = interval.total("tried_blocks")
    failed = interval.total("failed_blocks")
    return np.where(tried > 0, 1.0 - failed / np.maximum(tried, 1.0), 1.0)


def _stranded(interval: Interval) -> FloatArray:
    guests = interval.now.guests
    return np.asarray((guests["stranded"] * float(BLOCK_BYTES)).sum(axis=1)) / interval.memory_bytes


FEATURES: tuple[tuple[Quantity, Column], ...] = (
    (
        _share("held", "Host memory behind the guests, of what they believe to have."),
        lambda i: i.share("held_bytes"),
    ),
    (
        Quantity("host_use", "ratio", 0.0, 2.0, "Host memory behind the guests, of the host's."),
        _capacity_ratio,
    ),
    (
        _share("usable", "What guests can use now, of what they believe to have."),
        lambda i: i.share("usable_bytes"),
    ),
    (_share("used", "What guests use, of that."), lambda i: i.share("used_bytes")),
    (_share("least_free", "Free share of the fullest guest."), _fullest),
    (_share("paged_out", "Paged out by the guests."), lambda i: i.share("out_bytes")),
    (_share("ballooned", "In the balloons."), lambda i: i.share("balloon_bytes")),
    (_share("whole_free", "Free or given, in 2 MiB or more."), lambda i: i.share("whole_bytes")),
    (
        _share("broken", "Share of free and given memory in smaller pieces."),
        lambda i: i.now.gauges.broken_ratio.mean(axis=1),
    ),
    (
        _share("unmovable", "Share of blocks that hold unmovable pages."),
        lambda i: i.now.gauges.unmovable_ratio.mean(axis=1),
    ),
    (_share("stranded", "Blocks that ACMA had to leave behind."), _stranded),
    (
        _percent("psi_some", "Memory pressure of the guest that suffers most."),
        lambda i: 100.0 * i.pressure_ratio.max(axis=1),
    ),
    (
        _percent("psi_mean", "Memory pressure, mean over guests."),
        lambda i: 100.0 * i.pressure_ratio.mean(axis=1),
    ),
    (
        _rate("refaults", "Pages that came back, of all guests' pages, per second."),
        lambda i: i.now.guests["refaults"].sum(axis=1) * PAGE_BYTES / i.memory_bytes,
    ),
    (
        _rate("given", "Blocks given to the host per second."),
        lambda i: i.rate_ratio("given_blocks"),
    ),
    (
        _rate("returned", "Blocks taken back per second."),
        lambda i: i.rate_ratio("returned_blocks"),
    ),
    (_rate("moved", "Leaves moved per second, in blocks."), lambda i: i.rate_ratio("moved_total")),
    (_share("give_success", "Blocks given of blocks tried; 1 if none."), _tried_success),
    (_share("cma_success", "Contiguous requests served of those asked; 1 if none."), _cma_success),
    (_rate("failed", "Memory asked for and not got, of all."), lambda i: i.failed_ratio),
)


def observation_set(knobs: QuantitySet) -> QuantitySet:
    """Return what is seen: features, then the knobs in force."""
    last = (
        replace(knob, name=f"last_{knob.name}", meaning=f"{knob.name} in force (after safety).")
        for knob in knobs.items
    )
    return QuantitySet((*(quantity for quantity, _ in FEATURES), *last))


def observe(quantities: QuantitySet, interval: Interval, knobs: FloatArray) -> FloatArray:
    """Return normalised observations ``(N, d)``.

    Args:
        quantities: What `observation_set` made.
        interval: What happened.
        knobs: Physical knobs in force, ``(N, k)``.
    """
    columns = [column(interval) for _, column in FEATURES]
    return quantities.to_normal(np.column_stack([*columns, knobs]))
