"""KUnit cases of the kernel's schemes and commits, through the emulator's own steps."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.damon import (
    AddressRange,
    Context,
    Filter,
    FilterLayer,
    FilterType,
    Ops,
    Range,
    Scheme,
    Target,
)
from damosrl.damon.documents import read_document
from damosrl.emulator.commit import commit_staged
from damosrl.emulator.conformance.rig import get_regions, put_regions
from damosrl.emulator.conformance.tables import TABLES
from damosrl.emulator.loading import default_reject, load_context
from damosrl.emulator.probe_state import IN_FORCE
from damosrl.emulator.quota import feed_loop_next_input
from damosrl.emulator.staging import request_commit
from damosrl.emulator.state import (
    CONTEXT,
    ENDED,
    SCHEME,
    SCHEME_STATE,
    EngineState,
    allocate,
    code_of,
)
from damosrl.emulator.tried import read_tried, request_tried
from damosrl.errors import DamosrlError, DocumentError, MachineError
from damosrl.experiment.fuzz.documents import random_document

PAGE = 4096
ADDR = {"type": "addr", "start": 2 * PAGE, "end": 6 * PAGE}


@pytest.mark.parametrize(
    ("span", "rejected", "after"),
    [
        ((3, 5), True, [(3, 5)]),
        ((1, 2), False, [(1, 2)]),
        ((6, 10), False, [(6, 10)]),
        ((1, 4), False, [(1, 2), (2, 4)]),
        ((2, 8), True, [(2, 6), (6, 8)]),
        ((1, 8), False, [(1, 2), (2, 8)]),
    ],
)
def test_address_filter(
    span: tuple[int, int], rejected: bool, after: list[tuple[int, int]]
) -> None:
    """[2, 6) pages are rejected; regions across its borders are cut there (filter_out)."""
    region = [span[0] * PAGE, span[1] * PAGE, 0, 0, 0]
    vector = {
        "targets": [[region]],
        "filters": [ADDR | {"matching": True, "allow": False}],
        "min_region_sz": PAGE,
        "target_idx": 0,
        "region_idx": 0,
    }
    result = TABLES["core_filter_out"](vector)
    assert result["filtered_out"] is rejected
    pages = [(start // PAGE, end // PAGE) for start, end, *_ in result["out_targets"][0]]
    assert pages == after


ARGUMENTS: dict[FilterType, dict[str, Any]] = {
    FilterType.ADDR: {"address_range": AddressRange(PAGE, 3 * PAGE)},
    FilterType.TARGET: {"damon_target_idx": 3},
    FilterType.MEMCG: {"memcg_path": "/wl"},
    FilterType.HUGEPAGE_SIZE: {"hugepage_size": Range(PAGE, 3 * PAGE)},
}


@pytest.mark.parametrize("kind", FilterType)
@pytest.mark.parametrize(("matching", "allow"), list(product([True, False], repeat=2)))
def test_filter_is_installed_as_made(kind: FilterType, matching: bool, allow: bool) -> None:
    """A filter is what it was made as, alone in its layer of the scheme (new_filter)."""
    made = Filter(kind, matching, allow, **ARGUMENTS.get(kind, {}))
    state = _loaded(_context(Scheme(filters=(made,))))
    record, scheme = state.filters[0, 0, 0], state.schemes[0, 0]
    assert int(record["type"]) == code_of(kind)
    assert (bool(record["matching"]), bool(record["allow"])) == (matching, allow)
    assert int(record["target_idx"]) == (made.damon_target_idx or 0)
    with_range = kind in (FilterType.ADDR, FilterType.HUGEPAGE_SIZE)
    bounds = (PAGE, 3 * PAGE) if with_range else (0, 0)
    assert (int(record["start"]), int(record["end"])) == bounds
    assert (int(record["memcg"]) != 0) == (kind is FilterType.MEMCG)
    numbers = (int(scheme["nr_filters"]), int(scheme["nr_ops_filters"]))
    assert numbers == ((1, 0) if made.layer is FilterLayer.CORE else (0, 1))


def _step(last: int, score: int) -> int:
    return int(feed_loop_next_input(np.uint64(last), np.uint64(score)))


def test_feedback_loop() -> None:
    """Below the goal the input grows, above it shrinks, and the further the faster (KUnit)."""
    assert _step(900_000, 200) > 900_000
    assert _step(900_000, 250_000_000) < 900_000
    assert _step(900_000, 200) > _step(900_000, 2000)


def _filters(core: str, ops: str) -> list[Filter]:
    """Make two filters per layer: one of the other kind, then the one that is named."""
    made = []
    for word, kind in ((core, FilterType.TARGET), (ops, FilterType.ANON)):
        argument = 0 if kind is FilterType.TARGET else None
        if word != "none":
            allows = (word != "allow", word == "allow")
            made += [Filter(kind, True, allow, damon_target_idx=argument) for allow in allows]
    return made


@pytest.mark.parametrize(
    ("core", "ops", "rejects"),
    [
        ("none", "none", (False, False)),
        ("allow", "none", (True, False)),
        ("reject", "none", (False, False)),
        *((core, "allow", (False, True)) for core in ("none", "allow", "reject")),
        *((core, "reject", (False, False)) for core in ("none", "allow", "reject")),
    ],
)
def test_default_of_filters(core: str, ops: str, rejects: tuple[bool, bool]) -> None:
    """What no filter fires on is told by each layer's last filter (set_filters_default_reject)."""
    assert default_reject(_filters(core, ops)) == rejects


def _context(*schemes: Scheme, target: Target | None = None) -> Context:
    return Context(
        Ops.FVADDR, (target or Target(1, (AddressRange(0, 64 * PAGE),)),), schemes=schemes
    )


def _loaded(what: Context) -> EngineState:
    state = allocate(1, region_capacity=256, schemes=4, goals=4, filters=8)
    load_context(state, 0, what, 1)
    return state


def test_commit_without_ranges_keeps_regions() -> None:
    """An empty list of regions leaves the target's regions as they are (commit_target_regions)."""
    state = _loaded(_context())
    rows = [[0, 3 * PAGE, 1, 2, 3], [8 * PAGE, 9 * PAGE, 4, 5, 6]]
    put_regions(state, [rows])
    state = request_commit(state, [0], _context(target=Target(1)))
    commit_staged(state, 0)
    assert get_regions(state) == [rows]


def test_commit_copies_pause_and_checks_units() -> None:
    """The pause is copied; a smallest region that is no power of two is EINVAL (commit_ctx)."""
    state = _loaded(_context())
    for pause in (True, False):
        state = request_commit(state, [0], Context(Ops.FVADDR, (Target(1),), pause=pause))
        commit_staged(state, 0)
        assert bool(state.contexts["paused"][0]) is pause
    with pytest.raises(DocumentError, match="no power of two"):
        Context(Ops.PADDR, addr_unit=3)


def test_walk_on_a_finished_kdamond() -> None:
    """Tried regions of a kdamond that has ended are cancelled, whenever asked (ECANCELED)."""
    state = request_tried(_loaded(_context(Scheme())), 0)
    state.contexts["status"][0] = ENDED
    with pytest.raises(MachineError, match="ECANCELED"):
        read_tried(state, 0)
    with pytest.raises(MachineError, match="ECANCELED"):
        request_tried(state, 0)


def _random_context(rng: np.random.Generator) -> Context:
    """Draw documents until one is valid and emulated."""
    while True:
        try:
            document = read_document(random_document(rng))
            contexts = [kdamond.contexts[0] for kdamond in document.kdamonds]
        except DamosrlError:
            continue
        for context in contexts:
            if not any(target.obsolete for target in context.targets):
                return context


def _parameters(state: EngineState) -> dict[str, Any]:
    """Return all parameters in force; what an engine only remembers is left out."""
    context = state.contexts[0]
    schemes = []
    for s in range(int(context["nr_schemes"])):
        record = state.schemes[0, s]
        values = {
            name: int(record[name]) for name in SCHEME.names or () if name not in SCHEME_STATE
        }
        goals = state.goals[0, s, : int(record["nr_goals_defined"])]
        values["goals"] = goals[["metric", "target_value", "nid", "memcg"]].tolist()
        values["dests"] = state.dests[0, s, : int(record["nr_dests"])].tolist()
        filters = int(record["nr_filters"]) + int(record["nr_ops_filters"])
        values["filters"] = state.filters[0, s, :filters].tolist()
        schemes.append(values)
    names = [*ATTRIBUTES, "ops", "addr_unit", "min_region_sz", "nr_targets", "nr_schemes", "paused"]
    names += ["nr_probes", "weighted"]
    pids = state.pids[0, : int(context["nr_targets"])].tolist()
    probes = [
        rows[: max(int(rows["nr_filters"][0]), 1)].tolist()
        for rows in state.probes[0, IN_FORCE, : int(context["nr_probes"])]
    ]
    lists = {"schemes": schemes, "pids": pids, "probes": probes}
    return {name: int(context[name]) for name in names} | lists


ATTRIBUTES = ["sample_us", "aggr_us", "ops_update_us", "min_nr_regions", "max_nr_regions"] + [
    name for name in CONTEXT.names or () if name.startswith("goal_")
]


def _fresh(what: Context) -> EngineState:
    state = allocate(
        1,
        region_capacity=4096,
        schemes=8,
        goals=8,
        filters=8,
        dests=8,
        targets=8,
        probe_filters=2,
    )
    load_context(state, 0, what, 1)
    return state


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32 - 1))
def test_parameters_in_force_are_those_committed(seed: int) -> None:
    """After a commit a kdamond runs what was staged, and committing it again changes nothing.

    These are the selftests sysfs.py and no_op_commit_break, and KUnit's commit_* cases, on random
    documents: all actions, quotas, goals, filters, destinations, targets and attributes.
    """
    rng = np.random.default_rng(seed)
    first, second = _random_context(rng), _random_context(rng)
    state, wanted = _fresh(first), _parameters(_fresh(second))
    for _ in range(2):
        state = request_commit(state, [0], second)
        commit_staged(state, 0)
        assert _parameters(state) == wanted
