"""Traps: each is found where it is and only there, under a name of the catalogue."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from damosrl import damon
from damosrl.damon import explain as package
from damosrl.damon.explain import RULES, explain
from tests.damon.explain_cases import (
    ANON,
    DEMOTE,
    HOT,
    OTHER_RAM,
    PROMOTE,
    STAT,
    TRAPS,
    TUNING,
    UNMAPPED,
    YOUNG,
    Action,
    Metric,
    document,
    goals,
    physical,
    probed,
    rules,
    times,
    virtual,
)

LOSES = "tuning-loses-counts"


@pytest.mark.parametrize(("rule", "trap", "clean"), TRAPS, ids=lambda value: str(value)[:30])
def test_each_trap_is_found_and_only_there(
    rule: str, trap: damon.Context, clean: damon.Context
) -> None:
    """A rule warns of a document that falls into it, and not of its sound neighbour."""
    assert rule in rules(trap)
    assert rule not in rules(clean)


def test_two_kdamonds_on_one_memory_are_named() -> None:
    """Overlapping physical ranges warn, neighbouring ones do not."""
    elsewhere = physical(targets=(damon.Target(regions=OTHER_RAM),))
    assert "memory-monitored-twice" in rules(physical(), physical())
    assert "memory-monitored-twice" not in rules(physical(), elsewhere)


@pytest.mark.parametrize(
    ("since", "before", "context"),
    [
        ("6.14", "6.12", physical(replace(STAT, filters=(replace(ANON, allow=True),)))),
        ("6.15", "6.14", physical(attrs=times(goal=TUNING))),
        ("6.15", "6.14", physical(replace(STAT, filters=(UNMAPPED,)))),
        ("6.17", "6.16", virtual(replace(DEMOTE, quota=damon.Quota()))),
        ("6.18", "6.17", physical(addr_unit=2)),
        ("7.0", "6.19", physical(replace(STAT, max_nr_snapshots=1))),
        ("7.2", "7.1", physical(pause=True)),
        ("7.2", "7.1", virtual(damon.Scheme(Action.COLLAPSE))),
        ("7.2", "7.1", probed(0)),
        ("7.3", "7.2", probed(1)),
    ],
)
def test_features_are_dated(since: str, before: str, context: damon.Context) -> None:
    """A kernel before the feature's own is warned of, the first that has it is not."""
    assert "kernel-too-old" in rules(context, kernel=before)
    assert "kernel-too-old" not in rules(context, kernel=since)


def test_promotion_and_demotion_of_one_rate_are_named() -> None:
    """Two nodes that send each other memory of the same access rate warn, unless young parts it."""
    lower = physical(replace(DEMOTE, access_pattern=damon.AccessPattern()))
    upper = physical(PROMOTE, targets=(damon.Target(regions=OTHER_RAM),))
    young = replace(PROMOTE, filters=(replace(YOUNG, allow=True),))
    old = replace(DEMOTE, access_pattern=damon.AccessPattern(), filters=(YOUNG,))
    parted = physical(young, targets=upper.targets)
    assert "nodes-fight" in rules(lower, upper)
    assert "nodes-fight" not in rules(physical(DEMOTE), upper)
    assert "nodes-fight" not in rules(physical(old), parted)


def test_rates_are_compared_in_shares() -> None:
    """Monitors that take different numbers of samples are compared by the share of accesses."""
    half = replace(DEMOTE, access_pattern=damon.AccessPattern(nr_accesses=damon.Range(0, 10)))
    lower = physical(half)
    upper = replace(HOT, nr_accesses=damon.Range(51, 100))
    attrs = times(1_000, 100_000)
    other = (damon.Target(regions=OTHER_RAM),)
    apart = physical(replace(PROMOTE, access_pattern=upper), attrs=attrs, targets=other)
    meeting = replace(HOT, nr_accesses=damon.Range(50, 100))
    together = physical(replace(PROMOTE, access_pattern=meeting), attrs=attrs, targets=other)
    assert "nodes-fight" not in rules(lower, apart)
    assert "nodes-fight" in rules(lower, together)


def test_old_kernels_surprise_in_the_first_window() -> None:
    """6.12 has no limit at first, and stall goals before 7.3 begin with all since boot."""
    stall = goals(Metric.SOME_MEM_PSI_US)
    assert "first-window-unlimited" in rules(physical(DEMOTE), kernel="6.12")
    assert "first-window-unlimited" not in rules(physical(DEMOTE), kernel="7.3")
    assert "first-stall-is-total" in rules(stall, kernel="7.2")
    assert "first-stall-is-total" not in rules(stall, kernel="7.3")


def test_refreshed_intervals_survive_a_commit() -> None:
    """Where refresh_ms copies tuned intervals into sysfs, nothing is reverted."""
    tuned = damon.Kdamond((physical(attrs=times(goal=TUNING)),), refresh_ms=1_000)
    found = explain(damon.Document((tuned,))).traps
    assert "tuned-intervals-reverted" not in {trap.rule for trap in found}


@pytest.mark.parametrize(
    ("samples", "lost"), [(3, "2"), (4, None), (7, "6"), (12, "8"), (24, "16"), (30, "20")]
)
def test_lost_counts_are_the_kernel_s(samples: int, lost: str | None) -> None:
    """How many counts a conversion changes is what the compiled kernel gave (semantics 1.11)."""
    context = physical(attrs=times(5_000, 5_000 * samples, goal=TUNING))
    found = [trap for trap in explain(document(context)).traps if trap.rule == LOSES]
    assert [trap.effect.split(": ")[1].split(" of ")[0] for trap in found] == (
        [lost] if lost else []
    )


def test_an_empty_document_starts_nothing() -> None:
    """No kdamond is a trap of the document itself."""
    assert rules() == {"no-kdamonds"}


def test_every_rule_is_in_the_catalogue_and_tested() -> None:
    """Code, catalogue and tests know the same names."""
    files = Path(package.__file__).parent.glob("*.py")
    code = "".join(path.read_text() for path in files if path.name != "rules.py")
    named = set(re.findall(r'Trap\(\s*(?:f?"[^"]*"|[\w.]+),\s*"([a-z0-9-]+)"', code))
    own = "".join(path.read_text() for path in Path(__file__).parent.glob("*explain*.py"))
    tests = set(re.findall(r'"([a-z0-9-]+)"', own))
    assert named == set(RULES)
    assert set(RULES) <= tests | {"damo-max-accesses"}
