"""Whole documents committed to running machines, tried regions, tuned intervals."""

from dataclasses import replace

import numpy as np
import pytest

from damosrl.damon import (
    AccessPattern,
    Attrs,
    Context,
    Document,
    Intervals,
    IntervalsGoal,
    Kdamond,
    Scheme,
    Target,
)
from damosrl.emulator.limits import WorkLimits
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import MachineConfig
from damosrl.errors import DocumentError, EmulatorLimitError, MachineError
from damosrl.machine import Plan, SchemeField, Setting
from tests.emulator.memory.conftest import MakeTemplate, MakeWorkload

MIB = 1 << 20
SNAPSHOT = Scheme(access_pattern=AccessPattern())


def _each(document: Document, **parts: object) -> Document:
    contexts = (kdamond.contexts[0] for kdamond in document.kdamonds)
    return Document(
        tuple(Kdamond((replace(context, **parts),)) for context in contexts)  # type: ignore[arg-type]
    )


def _with_snapshots(document: Document) -> Document:
    contexts = (kdamond.contexts[0] for kdamond in document.kdamonds)
    return Document(
        tuple(
            Kdamond((replace(context, schemes=(*context.schemes, SNAPSHOT)),))
            for context in contexts
        )
    )


@pytest.fixture
def machines(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> EmulatedMachines:
    """Return two machines that have run for some seconds."""
    machines = EmulatedMachines(two_tiers, 2, make_template())
    for index in range(2):
        machines.load(index, make_workload([50.0, 0.0, 5.0, 0.0]), seed=index)
    machines.run(3.0)
    return machines


def test_document_is_exchanged_in_the_run(
    machines: EmulatedMachines, make_template: MakeTemplate
) -> None:
    """A plan with other schemes is in force after a sample, with numbers per machine."""
    tried = machines.telemetry().stats.sz_tried[:, 0, 0].tolist()
    other = _with_snapshots(make_template(quota_bytes=MIB))
    quotas = np.array([2 * MIB, 3 * MIB])
    machines.commit(Plan(other, {Setting(0, 0, SchemeField.QUOTA_BYTES): quotas}))
    stats = machines.run(1.0).stats
    assert stats.sz_tried.shape == (2, 2, 2)
    assert machines.engine.schemes["quota_bytes"][::2, 0].tolist() == quotas.tolist()
    assert machines.engine.schemes["quota_bytes"][1, 0] == MIB
    assert np.all(stats.nr_tried[:, :, 1] > 0)
    assert stats.sz_tried[0, 0, 0] >= tried[0]


def test_numbers_reach_a_document_that_still_waits(
    machines: EmulatedMachines, make_template: MakeTemplate
) -> None:
    """Numbers of a plan that follows a commit before any time has passed replace the earlier."""
    other = _with_snapshots(make_template())
    setting = Setting(1, 0, SchemeField.QUOTA_BYTES)
    for size in (5 * MIB, 6 * MIB):
        machines.commit(Plan(other, {setting: np.array([size, size])}))
    machines.run(0.1)
    assert machines.engine.schemes["quota_bytes"][1::2, 0].tolist() == [6 * MIB, 6 * MIB]


def test_loading_goes_back_to_the_first_document(
    machines: EmulatedMachines, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """A new episode runs the first document; a plan for the other commits where it differs."""
    other = Plan(_with_snapshots(make_template()), {})
    machines.commit(other)
    machines.run(0.1)
    machines.load(1, make_workload([50.0, 0.0, 5.0, 0.0]), seed=1)
    assert machines.engine.contexts["nr_schemes"].tolist() == [2, 2, 1, 1]
    machines.commit(other)
    assert machines.engine.contexts["request"].tolist() == [0, 0, 4, 4]
    machines.run(0.1)
    assert machines.engine.contexts["nr_schemes"].tolist() == [2, 2, 2, 2]


def test_refused_documents_change_nothing(
    machines: EmulatedMachines, make_template: MakeTemplate
) -> None:
    """Another number of kdamonds and missing targets are refused before anything is staged."""
    with pytest.raises(MachineError, match="EBUSY"):
        machines.commit(Plan(make_template(3), {}))
    good, bad = _with_snapshots(make_template()).kdamonds
    gone = replace(bad.contexts[0], targets=(Target(obsolete=True),))
    paused = Context(gone.ops, (), gone.attrs, gone.schemes)
    machines.commit(Plan(Document((good, Kdamond((paused,)))), {}))
    machines.run(0.1)
    machines.engine.contexts["nr_targets"][1] = 0
    with pytest.raises(DocumentError, match="EINVAL"):
        machines.commit(Plan(Document((good, Kdamond((gone,)))), {}))
    assert not machines.engine.contexts["request"].any()


def test_machines_pause_and_go_on(machines: EmulatedMachines, make_template: MakeTemplate) -> None:
    """Paused monitors see nothing and cost nothing; the application runs on."""
    machines.commit(Plan(_each(make_template(), pause=True), {}))
    machines.run(0.1)
    passed = machines.engine.contexts["passed"].copy()
    before = machines.telemetry()
    after = machines.run(2.0)
    assert np.array_equal(machines.engine.contexts["passed"], passed)
    assert np.array_equal(after.stats.nr_tried, before.stats.nr_tried)
    assert np.all(machines.truth().throughput_per_s > 0)
    machines.commit(Plan(make_template(), {}))
    machines.run(1.0)
    assert np.all(machines.engine.contexts["passed"] > passed)


def test_tried_regions_are_a_snapshot(
    machines: EmulatedMachines, make_template: MakeTemplate
) -> None:
    """A stat scheme that matches all memory reports the whole node, region by region."""
    machines.commit(Plan(_with_snapshots(make_template()), {}))
    machines.run(0.2)
    machines.request_tried_regions(1, 0)
    with pytest.raises(MachineError, match="EBUSY"):
        machines.request_tried_regions(1, 0)
    with pytest.raises(MachineError, match="EBUSY"):
        machines.tried_regions(1, 0)
    telemetry = machines.run(1.1)
    demotion, snapshot = machines.tried_regions(1, 0)
    assert snapshot.total_bytes == telemetry.node_total_bytes[1, 0]
    assert sum(piece.end - piece.start for piece in snapshot.regions) == snapshot.total_bytes
    assert all(piece.nr_accesses <= 1 for piece in demotion.regions)
    with pytest.raises(MachineError, match="nobody has asked"):
        machines.tried_regions(1, 0)


def test_untuned_plan_reverts_tuning(
    machines: EmulatedMachines, make_template: MakeTemplate
) -> None:
    """Committing a tuning document again reverts its intervals; the tuned document keeps them."""
    goal = IntervalsGoal(access_bp=1, aggrs=1, min_sample_us=1000, max_sample_us=50_000)
    tuning = _each(make_template(), attrs=Attrs(Intervals(sample_us=5000, goal=goal)))
    machines.commit(Plan(tuning, {}))
    machines.run(2.0)
    tuned = int(machines.engine.contexts["sample_us"][0])
    assert tuned != 5000
    kept = machines.tuned_document(0, tuning)
    assert kept.kdamonds[0].contexts[0].attrs.intervals.sample_us == tuned
    other = _with_snapshots(kept)
    machines.commit(Plan(other, {}))
    machines.run(0.001)
    assert int(machines.engine.contexts["sample_us"][0]) == tuned
    machines.commit(Plan(tuning, {}))
    machines.run(0.001)
    assert int(machines.engine.contexts["sample_us"][0]) == 5000


def test_kernel_is_chosen_per_machine(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """One batch may hold both kernels; numbers reach 6.12 at a window's end, 7.3 at once."""
    old = replace(two_tiers, kernel="6.12")
    template = make_template()
    machines = EmulatedMachines([two_tiers, old], 2, template)
    for index in range(2):
        machines.load(index, make_workload([50.0, 0.0, 5.0, 0.0]), seed=index)
    setting = Setting(0, 0, SchemeField.QUOTA_BYTES)
    machines.commit(Plan(template, {setting: np.array([MIB, 2 * MIB])}))
    assert machines.engine.schemes["quota_bytes"][::2, 0].tolist() == [MIB, 64 * MIB]
    machines.run(0.1)
    assert machines.engine.schemes["quota_bytes"][::2, 0].tolist() == [MIB, 2 * MIB]
    assert machines.engine.schemes["legacy"][:, 0].tolist() == [0, 0, 1, 1]
    with pytest.raises(MachineError, match=r"quota goal node_mem_free_bp.*kernel 6\.16"):
        machines.commit(Plan(make_template(goals=True), {}))


def test_bad_commit_ends_old_kdamonds(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """An invalid document changes nothing on 7.3 and ends the kdamonds of 6.12; time goes on."""
    machines = EmulatedMachines([two_tiers, replace(two_tiers, kernel="6.12")], 2, make_template())
    for index in range(2):
        machines.load(index, make_workload([50.0, 0.0, 5.0, 0.0]), seed=index)
    machines.run(1.0)
    bad = {"kdamonds": [{"contexts": [{"ops": "paddr", "nr_regions": {"min": 1, "max": 2}}]}]}
    with pytest.raises(DocumentError):
        machines.commit_document(bad)
    passed = machines.engine.contexts["passed"].copy()
    telemetry = machines.run(1.0)
    grown = machines.engine.contexts["passed"] > passed
    assert grown.tolist() == [True, True, False, False]
    assert telemetry.time_s.tolist() == [2.0, 2.0]
    with pytest.raises(MachineError, match="ECANCELED"):
        machines.request_tried_regions(1, 0)


def test_work_limits_reach_the_kdamonds(
    two_tiers: MachineConfig, make_template: MakeTemplate, make_workload: MakeWorkload
) -> None:
    """A limit given to the machines stops a run with the error that names it."""
    limits = WorkLimits(regions_per_second=20)
    machines = EmulatedMachines(two_tiers, 1, make_template(), limits=limits)
    machines.load(0, make_workload([50.0, 0.0]), seed=1)
    with pytest.raises(EmulatorLimitError, match="regions_per_second=20"):
        machines.run(1.0)
