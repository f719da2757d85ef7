"""`damosrl conformance --fuzz`: random documents through reader, explanation and engine."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from damosrl.damon import Context, Ops
from damosrl.damon.documents import read_document
from damosrl.damon.explain import explain, to_text
from damosrl.emulator.engine import run_until
from damosrl.emulator.limits import WorkLimits
from damosrl.emulator.loading import check_status, load_context
from damosrl.emulator.scripted import ScriptedWorld, empty_script
from damosrl.emulator.state import EXACT, FAST, EngineState, allocate
from damosrl.errors import ConfigError, DamosrlError, EmulatorLimitError
from damosrl.experiment.fuzz.documents import SPAN, random_document
from damosrl.experiment.fuzz.soundness import violations
from damosrl.experiment.jobs import run_jobs
from damosrl.experiment.progress import progress_bar

CHUNK = 2000
ITERATIONS = 150
"""Sampling intervals that a context runs at most."""
PROBE_FILTERS = 2
"""Filters that a probe of a document has at most."""
GOALS = 2
"""Goals that a scheme of a document has at most."""
LIMITS = WorkLimits(cuts_per_pass=20_000, regions_per_second=1_000_000_000)
TOO_LONG_S = 30.0
"""A document that takes longer, in CPU time, counts as a hang: the machine may be busy."""


@dataclass
class Tally:
    """What a series of documents came to.

    Args:
        documents: Documents drawn.
        refused: Refused with a user's error by the reader, or by the emulator.
        contexts: Contexts that ran to their end.
        limited: Contexts that met a work limit and said so.
        slowest_s: Longest CPU time of a document.
        failures: Document number and what was wrong: an invariant, a crash, a hang.
    """

    documents: int = 0
    refused: int = 0
    contexts: int = 0
    limited: int = 0
    slowest_s: float = 0.0
    failures: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add another series."""
        self.documents += other.documents
        self.refused += other.refused
        self.contexts += other.contexts
        self.limited += other.limited
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.failures += other.failures

    def __str__(self) -> str:
        return (
            f"{self.documents} documents: {self.refused} refused; {self.contexts} contexts ran, "
            f"{self.limited} met a work limit; slowest document {self.slowest_s:.2f} s; "
            f"{len(self.failures)} failed"
        )


def fuzz(documents: int, seed: int, jobs: int, *, quiet: bool) -> Tally:
    """Draw documents and let each be read and run; stop soon after a failure.

    Args:
        documents: Number of documents.
        seed: Number of the series; document i is the same however many there are.
        jobs: Processes.
        quiet: Show no progress.

    Raises:
        ConfigError: A number is too small.
    """
    for name, value, least in (("fuzz", documents, 1), ("jobs", jobs, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"--{name} is too small", got=value, allowed=f">= {least}")
    total = Tally()
    firsts = range(0, documents, CHUNK)
    chunks = [range(first, min(first + CHUNK, documents)) for first in firsts]
    with progress_bar("random documents", documents, quiet=quiet) as advance:
        for _, tally in run_jobs(partial(fuzz_chunk, seed), chunks, jobs):
            total.add(tally)
            advance(total.documents, f"{len(total.failures)} failed")
            if total.failures:
                break
    return total


def fuzz_chunk(seed: int, numbers: range) -> Tally:
    """Draw, read and run the documents of some numbers."""
    tally = Tally()
    state = allocate(
        1, region_capacity=4096, schemes=3, goals=GOALS, filters=4, probe_filters=PROBE_FILTERS
    )
    _compile(state)
    for number in numbers:
        rng, start = np.random.default_rng([seed, number]), time.thread_time()
        try:
            tally.failures += [(number, text) for text in _try_document(state, rng, tally)]
        except Exception as error:  # noqa: BLE001  whatever is no user's error is a crash
            tally.failures.append((number, f"crash: {error!r}"))
        took_s = time.thread_time() - start
        tally.slowest_s = max(tally.slowest_s, took_s)
        if took_s > TOO_LONG_S:
            tally.failures.append((number, f"hang: {took_s:.0f} s"))
        tally.documents += 1
    return tally


def _compile(state: EngineState) -> None:
    """Compile what documents run, so that no document's time contains it."""
    load_context(state, 0, Context(Ops.PADDR), seed=0)
    run_until(state, _world(np.random.default_rng(0), 1), 0, 1, np.array([1]))


def _try_document(state: EngineState, rng: np.random.Generator, tally: Tally) -> Iterator[str]:
    try:
        document = read_document(random_document(rng))
    except DamosrlError:
        tally.refused += 1
        return
    to_text(explain(document))
    for kdamond in document.kdamonds:
        yield from _try_context(state, rng, kdamond.contexts[0], tally)


def _try_context(
    state: EngineState, rng: np.random.Generator, context: Context, tally: Tally
) -> Iterator[str]:
    monitor, seed = (EXACT, FAST)[int(rng.integers(2))], int(rng.integers(2**63))
    world = _world(rng, len(context.schemes))
    sample_us = max(context.attrs.intervals.sample_us, 1)
    iterations = min(3 * context.attrs.samples_per_aggregation + 1, ITERATIONS)
    try:
        load_context(state, 0, context, seed, monitor=monitor, limits=LIMITS)
        for part in (1, 2):
            until_us = min(sample_us * iterations * part // 2, 2**62)
            run_until(state, world, 0, 1, np.array([until_us]))
            check_status(state)
            yield from violations(state, 0, context)
        tally.contexts += 1
    except EmulatorLimitError:
        tally.limited += 1
    except DamosrlError:
        tally.refused += 1


def _world(rng: np.random.Generator, schemes: int) -> ScriptedWorld:
    """Draw accesses, free memory and how far actions succeed."""
    hot = int(rng.integers(0, 4))
    span = np.zeros((hot, 4), np.uint64)
    span[:, :2] = np.sort(rng.integers(0, SPAN, (hot, 2)), axis=1)
    span[:, 3] = np.uint64(2**64 - 1)
    free = np.array([[0, rng.integers(0, 1001)], [100_000, rng.integers(0, 1001)]], np.uint64)
    return empty_script(schemes)._replace(
        access_target=rng.integers(0, 3, hot),
        access_span=span,
        free_mem=free,
        goal_first=np.zeros((max(schemes, 1), GOALS + 1), np.int64),
        applied_percent=rng.integers(0, 101, max(schemes, 1)).astype(np.uint64),
    )
