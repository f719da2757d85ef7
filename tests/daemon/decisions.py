"""Decisions for tests: one by hand, and any there can be."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from damosrl.daemon.decision import Decision, Mode, Veto

NAMES = st.text(max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(max_size=40)

DECISIONS: st.SearchStrategy[Decision] = st.builds(
    Decision,
    step=st.integers(1, 2**53),
    wall_time=WORDS,
    uptime_s=NUMBERS,
    mode=st.sampled_from(Mode),
    reason=WORDS,
    features=st.dictionaries(NAMES, st.none() | NUMBERS, max_size=4),
    requested=st.dictionaries(NAMES, st.none() | NUMBERS, max_size=4),
    applied=st.dictionaries(NAMES, NUMBERS, max_size=4),
    vetoes=st.lists(st.builds(Veto, knob=NAMES, kind=WORDS), max_size=3).map(tuple),
    committed=st.booleans(),
    refused=st.none() | WORDS,
    outside_ratio=st.none() | st.floats(0.0, 1.0),
    guards=st.lists(WORDS, max_size=3).map(tuple),
    decision_us=st.integers(0, 2**53),
    policy_us=st.integers(0, 2**53),
    overruns=st.integers(0, 2**53),
)


def decision(step: int = 1, **changed: Any) -> Decision:
    """Return a decision of an ordinary step, with some fields changed."""
    ordinary = Decision(
        step=step,
        wall_time="2026-11-28T14:00:00Z",
        uptime_s=float(step),
        mode=Mode.ACTIVE,
        reason="",
        features={"fast_free": 3.5, "hot_share": None},
        requested={"promotion_quota": 4e8, "free_target": 2.0},
        applied={"promotion_quota": 2e8, "free_target": 2.0},
        vetoes=(Veto(knob="promotion_quota", kind="slew"),),
        committed=True,
        refused=None,
        outside_ratio=0.25,
        guards=(),
        decision_us=2100,
        policy_us=90,
        overruns=0,
    )
    return msgspec.structs.replace(ordinary, **changed)
