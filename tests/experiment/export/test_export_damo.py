"""Documents that go on without a tuner."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from damosrl.cli import main
from damosrl.damon import AddressRange, Document, GoalMetric, GoalTuner
from damosrl.damon.documents import read_document
from damosrl.errors import UnknownNameError
from damosrl.export.damo_document import kernel_loop
from damosrl.machine import QuotaLoop
from damosrl.registry import make_tuner
from tests.experiment.export.exporting import exported, refused

GIB = 1 << 30
NODES = ["--node", "0-4G", "--node", "0x100000000-0x200000000"]
SMALL = ["--seeds", "2", "--steps", "20", "--warm-up", "5", "--jobs", "1"]


def _document(out: Path) -> Document:
    return read_document(out)


def test_a_static_tuner_becomes_its_own_knobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quotas, thresholds and targets of best_static are in the document, on the given nodes."""
    text = exported(capsys, "best_static", "damo", tmp_path / "d.json", *NODES)
    assert "static: the same knobs whatever is observed" in text
    fast, slow = (item.contexts[0] for item in _document(tmp_path / "d.json").kdamonds)
    assert fast.targets[0].regions == (AddressRange(0, 4 * GIB),)
    assert slow.targets[0].regions == (AddressRange(4 * GIB, 8 * GIB),)
    (demotion,), (promotion,) = fast.schemes, slow.schemes
    assert (demotion.target_nid, promotion.target_nid) == (1, 0)
    assert demotion.quota.sz_bytes == pytest.approx(212_038_739, abs=100)
    assert promotion.quota.sz_bytes == pytest.approx(709_327_350, abs=100)
    assert [goal.metric for goal in demotion.quota.goals] == [GoalMetric.NODE_MEM_FREE_BP]
    assert demotion.quota.goals[0].target_value == 214


def test_control_groups_and_their_limits_are_in_the_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Equal limits of two tenants become goals of their groups, under filters of the same paths."""
    task = ["--task", "tiering_tenants"]
    exported(capsys, "tenants_even", "damo", tmp_path / "d.json", *NODES, *task)
    fast, slow = (item.contexts[0] for item in _document(tmp_path / "d.json").kdamonds)
    for path, demotion, promotion in zip(
        ("/web", "/batch"), fast.schemes[1:3], slow.schemes[:2], strict=True
    ):
        for scheme, metric, target in (
            (demotion, GoalMetric.NODE_MEMCG_FREE_BP, 5050),
            (promotion, GoalMetric.NODE_MEMCG_USED_BP, 4970),
        ):
            assert [item.memcg_path for item in scheme.filters] == [path]
            (goal,) = scheme.quota.goals
            assert (goal.metric, goal.target_value, goal.memcg_path) == (metric, target, path)


@pytest.mark.parametrize(
    ("tuner", "more", "goal_tuner"),
    [
        ("best_static", [], GoalTuner.TEMPORAL),
        ("best_static", ["--loop", "consist"], GoalTuner.CONSIST),
        ("consist", [], GoalTuner.CONSIST),
        ("temporal", [], GoalTuner.TEMPORAL),
    ],
)
def test_the_kernels_loop_goes_on_alone(
    tuner: str, more: list[str], goal_tuner: GoalTuner, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Both directions have a goal, and the tuner's own loop or the one asked for."""
    exported(capsys, tuner, "damo", tmp_path / "d.json", *NODES, *more)
    for kdamond in _document(tmp_path / "d.json").kdamonds:
        for scheme in kdamond.contexts[0].schemes:
            assert scheme.quota.goal_tuner is goal_tuner
            assert scheme.quota.goals


def test_a_policy_becomes_the_median_of_its_knobs(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The steady state over workloads is taken, its spread is told, and it repeats."""
    words = [*NODES, *SMALL, "--workloads", "zipf,uniform"]
    first, second = (
        exported(capsys, trained, "damo", tmp_path / name, *words) for name in ("a", "b")
    )
    assert first.splitlines()[:-1] == second.splitlines()[:-1]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "after 5 decisions, over 2 workloads, 2 seeds" in first
    assert "(zipf)" in first
    assert "one document cannot adapt" in first


def test_the_document_is_explained_without_warnings(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`damosrl explain --strict` finds nothing that was probably not meant."""
    words = [*NODES, *SMALL, "--workloads", "zipf"]
    exported(capsys, trained, "damo", tmp_path / "d.json", *words)
    assert main(["explain", "--strict", str(tmp_path / "d.json")]) == 0
    assert "no warnings" in capsys.readouterr().out


def _machine(root: Path, nodes: int) -> None:
    folder = root / "devices/system"
    (folder / "memory").mkdir(parents=True)
    (folder / "memory/block_size_bytes").write_text("8000000\n")
    (folder / "node").mkdir()
    (folder / "node/has_memory").write_text(f"0-{nodes - 1}\n")
    for nid in range(nodes):
        node = folder / f"node/node{nid}"
        node.mkdir()
        (node / "cpulist").write_text("0-1\n" if nid == 0 else "\n")
        for block in (4 * nid, 4 * nid + 1):
            memory = folder / f"memory/memory{block}"
            memory.mkdir()
            (memory / "state").write_text("online\n")
            (node / f"memory{block}").mkdir()
            (node / f"memory{block}/state").write_text("online\n")


def test_addresses_are_read_from_a_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --node, nodes and their online blocks are those below the given sysfs."""
    _machine(tmp_path / "sys", 2)
    exported(
        capsys, "best_static", "damo", tmp_path / "d.json", "--sysfs-root", str(tmp_path / "sys")
    )
    found = [
        item.contexts[0].targets[0].regions for item in _document(tmp_path / "d.json").kdamonds
    ]
    block = 0x8000000
    assert found == [
        (AddressRange(0, 2 * block),),
        (AddressRange(4 * block, 6 * block),),
    ]


def test_a_machine_with_one_node_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to tier, and nothing is written."""
    _machine(tmp_path / "sys", 1)
    words = ["--sysfs-root", str(tmp_path / "sys")]
    line = refused(capsys, "best_static", "damo", tmp_path / "d.json", *words)
    assert "second memory node" in line
    assert not (tmp_path / "d.json").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--node", "4G"], "no address range"),
        ([*NODES, "--loop", "consit"], "did you mean 'consist'?"),
        ([*NODES, "--workloads", ""], "--workloads names nothing"),
        ([*NODES, "--workloads", "zipf,zipf"], "something twice"),
        ([*NODES, "--steps", "50"], "the warm-up leaves nothing to measure"),
    ],
)
def test_bad_words_are_refused(
    more: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ranges, loops and warm-ups that mean nothing are named."""
    assert words in refused(capsys, "pi", "damo", tmp_path / "d.json", *more)


def test_a_tuner_that_moves_nothing_has_no_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The no-op leaves no loop to the kernel and is refused."""
    assert "moves nothing" in refused(capsys, "noop", "damo", tmp_path / "d.json", *NODES)


def test_a_warm_start_is_not_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Quotas that a loop has reached are its state, and no part of a document."""
    text = exported(capsys, "consist_warm", "damo", tmp_path / "d.json", *NODES)
    assert "no warm start" in text


def test_the_loop_that_stays_is_the_tuners() -> None:
    """A kernel's loop stays; a tuner that sets quotas itself leaves temporal."""
    for name in ("consist", "temporal"):
        assert kernel_loop(make_tuner(name).quota_loop) is QuotaLoop(name)
    assert kernel_loop(QuotaLoop.DIRECT) is QuotaLoop.TEMPORAL
    with pytest.raises(UnknownNameError, match="loop of the kernel"):
        kernel_loop(QuotaLoop.DIRECT, "direct")


PYTHON = os.environ.get("DAMO_PYTHON", sys.executable)
PARSE = """
import importlib.metadata, importlib.util, json, sys
spec = importlib.util.find_spec("damo")
if spec is None or importlib.metadata.version("damo") != "3.4.3":
    sys.exit(77)
sys.path[:0] = spec.submodule_search_locations
import _damon_args
kdamonds, error = _damon_args.kdamonds_from_json_arg(sys.argv[1])
if error is not None:
    sys.exit(str(error))
found = []
for kdamond in kdamonds:
    (context,) = kdamond.contexts
    (scheme,) = context.schemes
    (goal,) = scheme.quotas.goals
    pattern = scheme.access_pattern
    found.append([
        context.ops, [[area.start, area.end] for area in context.targets[0].regions],
        context.intervals.sample, context.intervals.aggr,
        scheme.action, scheme.target_nid, scheme.apply_interval_us,
        [bound.samples for bound in pattern.nr_acc_min_max],
        [bound.aggr_intervals for bound in pattern.age_min_max],
        scheme.quotas.sz_bytes, scheme.quotas.reset_interval_ms, scheme.quotas.goal_tuner,
        goal.metric, goal.target_value, int(goal.nid),
    ])
print(json.dumps(found))
"""


def _meant(document: Document) -> list[object]:
    found: list[object] = []
    for kdamond in document.kdamonds:
        (context,) = kdamond.contexts
        (scheme,) = context.schemes
        (goal,) = scheme.quota.goals
        pattern, quota, intervals = scheme.access_pattern, scheme.quota, context.attrs.intervals
        found.append([
            context.ops, [[area.start, area.end] for area in context.targets[0].regions],
            intervals.sample_us, intervals.aggr_us,
            scheme.action, scheme.target_nid, scheme.apply_interval_us,
            [pattern.nr_accesses.min, pattern.nr_accesses.max],
            [pattern.age.min, pattern.age.max],
            quota.sz_bytes, quota.reset_interval_ms, quota.goal_tuner,
            goal.metric, goal.target_value, goal.nid,
        ])  # fmt: skip
    return found


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["consist", "temporal"])
def test_damo_reads_the_document_as_it_was_meant(
    loop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers, nodes, goals and actions as damo 3.4.3 parses them are those of the document."""
    out = tmp_path / "d.json"
    exported(capsys, "best_static", "damo", out, *NODES, "--loop", loop)
    done = subprocess.run(
        [PYTHON, "-c", PARSE, str(out)],
        capture_output=True, text=True, check=False, env={"HOME": "/nonexistent"},
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("damo 3.4.3 is not installed; DAMO_PYTHON may name a Python that has it")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == _meant(read_document(out))
