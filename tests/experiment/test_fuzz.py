"""Random documents: none breaks the reader, the explanation or the engine, and breakage shows."""

import numpy as np
import pytest

from damosrl.cli import main
from damosrl.damon import AddressRange, Attrs, Context, Ops, Target
from damosrl.damon.documents import read_document
from damosrl.emulator.loading import load_context
from damosrl.emulator.state import EngineState, allocate
from damosrl.errors import DamosrlError
from damosrl.experiment.fuzz.campaign import fuzz_chunk
from damosrl.experiment.fuzz.documents import random_document
from damosrl.experiment.fuzz.soundness import joined, violations


def test_random_documents_break_nothing() -> None:
    """Of 2,000 documents many run; none crashes, hangs or violates an invariant."""
    tally = fuzz_chunk(7, range(2000))
    assert tally.failures == []
    assert tally.contexts > 500
    assert tally.refused > 200


def test_documents_repeat() -> None:
    """Document i of a series is always the same."""
    first, again = (random_document(np.random.default_rng([3, 4])) for _ in range(2))
    assert repr(first) == repr(again)


def test_documents_are_read_or_refused_and_both_happen() -> None:
    """A share between a fifth and four fifths is valid, so both ways are tried."""
    valid = 0
    for number in range(200):
        try:
            read_document(random_document(np.random.default_rng([5, number])))
            valid += 1
        except DamosrlError:
            continue
    assert 40 < valid < 160


def _loaded() -> tuple[EngineState, Context]:
    target = Target(pid=1, regions=(AddressRange(0, 1 << 20),))
    context = Context(Ops.FVADDR, (target,), Attrs(min_nr_regions=4, max_nr_regions=9))
    state = allocate(1, region_capacity=16)
    load_context(state, 0, context, 1)
    return state, context


def test_sound_context_has_no_violations() -> None:
    """A freshly loaded context is sound."""
    state, context = _loaded()
    assert violations(state, 0, context) == []


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("end", 0, "empty"),
        ("start", 4096, "cover"),
        ("end", 4097, "grid"),
        ("nr_accesses", 21, "samples"),
        ("target", 1, "order"),
    ],
)
def test_broken_regions_are_noticed(column: str, value: int, words: str) -> None:
    """Each kind of damage to the first region is named."""
    state, context = _loaded()
    getattr(state.regions, column)[0, 0] = value
    assert any(words in text for text in violations(state, 0, context))


def test_ranges_that_touch_are_joined() -> None:
    """Only neighbours that touch become one range."""
    assert joined([(0, 4), (4, 6), (8, 9), (7, 8)]) == [(0, 6), (8, 9), (7, 8)]


def test_command_counts_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints its counts; a senseless number is a user's error."""
    assert main(["conformance", "--fuzz", "50", "--quiet"]) == 0
    assert "50 documents" in capsys.readouterr().out
    assert main(["conformance", "--fuzz", "0", "--quiet"]) == 2
    assert "--fuzz is too small" in capsys.readouterr().err
