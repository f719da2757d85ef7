"""One kdamond: everything it knows, its script, and the trace it leaves."""

from dataclasses import dataclass, field

from damosrl.emulator.conformance.reference.attributes import (
    Attributes,
    convert_region,
    moving_sum,
)
from damosrl.emulator.conformance.reference.generator import Generator
from damosrl.emulator.conformance.reference.integers import u64
from damosrl.emulator.conformance.reference.regions import (
    Region,
    SplitMemory,
    Targets,
    size_limit,
)
from damosrl.emulator.conformance.reference.scheme import Scheme, Series

FIRST_TICK = 300_000


def value_at(series: Series, now_us: int) -> int:
    """Return the value of the last entry that has begun, 0 before the first."""
    value = 0
    for from_ms, later in series:
        if from_ms * 1000 <= now_us:
            value = later
    return value


@dataclass(slots=True)
class Script:
    """What the world does: accesses (target, start, end, from us, to us), free memory (permil)."""

    accesses: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    free_mem_rate: Series = ()

    def spans(self, target: int, now_us: int) -> list[tuple[int, int]]:
        """Return the address ranges of a target that are accessed now."""
        return [
            (start, end)
            for index, start, end, from_us, to_us in self.accesses
            if index == target and from_us <= now_us < to_us
        ]


@dataclass(slots=True)
class Trace:
    """Rows of the ``expect`` object (FORMAT section 5), and which rules were followed."""

    aggregations: list[dict[str, object]] = field(default_factory=list)
    applied: list[list[int]] = field(default_factory=list)
    esz: list[list[int]] = field(default_factory=list)
    intervals: list[list[int]] = field(default_factory=list)
    rules: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Context:
    """A kdamond with its clock (us), and its counters in passed sampling intervals (1.1)."""

    attributes: Attributes
    targets: Targets
    schemes: list[Scheme] = field(default_factory=list)
    generator: Generator = field(default_factory=lambda: Generator(0))
    script: Script = field(default_factory=Script)
    min_region_sz: int = 4096
    aggr_samples: int = 0
    now_us: int = 0
    passed: int = 0
    next_aggr: int = 0
    next_ops: int = 0
    next_tune: int = 0
    sz_limit: int = 0
    split_memory: SplitMemory = field(default_factory=SplitMemory)
    trace: Trace = field(default_factory=Trace)

    def ticks(self) -> int:
        """Return the time in clock ticks (FORMAT section 2)."""
        return FIRST_TICK + self.now_us // 1000

    def size_limit(self) -> int:
        """Return the size limit of a region, not rounded (1.10)."""
        return size_limit(self.targets, self.attributes.min_nr_regions, self.min_region_sz)

    def count_of(self, region: Region) -> int:
        """Return the moving sum of a region's accesses (1.13)."""
        return moving_sum(
            self.attributes,
            self.passed,
            self.next_aggr,
            region.nr_accesses,
            region.last_nr_accesses,
        )

    def schedule(self, scheme: Scheme) -> None:
        """Set the next time of a scheme, an apply interval from now."""
        interval_us = scheme.apply_interval_us or self.attributes.aggr_us
        scheme.next_apply = u64(self.passed + self.attributes.samples(interval_us))

    def start(self) -> None:
        """Set all schedules from now on (FORMAT section 2)."""
        attributes = self.attributes
        self.aggr_samples = attributes.aggr_samples
        self.next_aggr = self.passed + attributes.aggr_samples
        self.next_ops = u64(self.passed + attributes.samples(attributes.update_us))
        for scheme in self.schemes:
            self.schedule(scheme)

    def set_attributes(self, new: Attributes) -> None:
        """Change the attributes of a running context: convert, start all schedules anew (1.11)."""
        mid_window = self.passed < self.next_aggr
        for regions in self.targets:
            for region in regions:
                convert_region(region, self.attributes, new, mid_window=mid_window)
        self.attributes = new
        self.start()
