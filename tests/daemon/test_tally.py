"""What a daemon has done, in numbers."""

from damosrl.daemon.decision import Mode, Veto
from damosrl.daemon.tally import MAX_REASONS, OTHER, Tally
from tests.daemon.decisions import decision


def test_a_fallback_is_counted_when_it_begins() -> None:
    """Steps in a row in fall-back are one fall-back; a second one after recovery is another."""
    tally = Tally()
    modes = [Mode.ACTIVE, Mode.FALLBACK, Mode.FALLBACK, Mode.ACTIVE, Mode.FALLBACK]
    for mode in modes:
        tally.observe(decision(mode=mode, reason="pressure" if mode is Mode.FALLBACK else ""))
    assert tally.counters.fallbacks == {"pressure": 2}
    assert tally.counters.steps == 5


def test_every_count_has_its_cause() -> None:
    """Refusals, stops, vetoes, overruns and dropped lines are told from each other."""
    tally = Tally()
    tally.observe(decision(refused="EBUSY"))
    tally.observe(decision(mode=Mode.STOPPED, vetoes=()))
    tally.observe(decision(mode=Mode.STOPPED, vetoes=(Veto(knob="a", kind="limit"),)))
    counters = tally.observe(decision(overruns=7), dropped_log_lines=4)
    assert counters.refused == 1
    assert counters.stops == 1
    assert counters.vetoes == {"slew": 2, "limit": 1}
    assert counters.overruns == 7
    assert counters.dropped_log_lines == 4
    assert counters.fallbacks == {}


def test_reasons_are_bounded() -> None:
    """However many different reasons there are, memory does not grow; no fall-back is lost."""
    tally = Tally()
    for number in range(10 * MAX_REASONS):
        tally.observe(decision(mode=Mode.FALLBACK, reason=f"reason {number}"))
        tally.observe(decision())
    counts = tally.counters.fallbacks
    assert len(counts) == MAX_REASONS + 1
    assert counts[OTHER] == 9 * MAX_REASONS


def test_counters_taken_earlier_stay() -> None:
    """Counters once handed out never change: another thread may still read them."""
    tally = Tally()
    before = tally.observe(decision(mode=Mode.FALLBACK, reason="first"))
    tally.observe(decision())
    tally.observe(decision(mode=Mode.FALLBACK, reason="second"))
    assert before.fallbacks == {"first": 1}
    assert before.steps == 1
