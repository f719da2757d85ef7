"""The daemon drives control groups: those that it needs, and those that go away while it runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from damosrl.artifact import Deployment, save_artifact
from damosrl.config import load_choice
from damosrl.daemon.decision import Decision, Mode
from damosrl.daemon.driver import Driver
from damosrl.daemon.setting_up import Bundle
from damosrl.daemon.settings import DaemonSettings
from damosrl.damon import FilterType, GoalMetric, GoalTuner, Scheme
from damosrl.kernel.config import kernel_machine
from damosrl.kernel.host.memcgs import LISTS
from damosrl.kernel.roots import Roots
from damosrl.policy import ControllerPolicy, PolicyNetwork
from damosrl.task import memcgs_of
from damosrl.testing.fake_kernel import FakeKernel
from damosrl.testing.fake_tree import FakeTree
from damosrl.testing.sample_policies import sample_network
from damosrl_tasks.tenants.task import kernel_task
from tests.daemon.rig import Rig, plain
from tests.daemon.served import served_kernel

GROUPS = ("/web", "/batch")
STALE_STEPS = 3
TEXT = "".join(f"{name} N0=33554432 N1=33554432\n" for name in LISTS)
SPEC = kernel_task(load_choice("task", "tiering_tenants"), 2).spec


def _bundle(path: Path, policy: PolicyNetwork | ControllerPolicy, algorithm: str) -> Path:
    settings = load_choice("task", "tiering_tenants")
    deployment = Deployment(task_settings=settings, safety=plain("default"))
    return save_artifact(path, policy, spec=SPEC, algorithm=algorithm, deployment=deployment)


def _network(path: Path) -> Path:
    policy = sample_network(np.random.default_rng(1), SPEC, normalised=False)
    return _bundle(path, policy, "random")


def _even(path: Path) -> Path:
    return _bundle(path, ControllerPolicy("tenants_even"), "controller")


def _set_groups(tree: FakeTree, roots: Roots, *groups: str) -> None:
    """Let control groups exist, and no others."""
    tree.groups = {"/", *groups}
    for path in GROUPS:
        text = TEXT if path in groups else ""
        tree.set_host(f"{roots.cgroupfs}{path}/memory.numa_stat", text)


@contextmanager
def _daemon(folder: Path, bundle: Path) -> Iterator[Rig]:
    """Begin the daemon's driver with a bundle on a fake kernel that has both groups."""
    kernel = FakeKernel(folder / "state")
    _set_groups(kernel.tree, kernel.roots, *GROUPS)
    settings = DaemonSettings(settle_s=0.0, stale_steps=STALE_STEPS)
    pilot = Bundle(bundle, None, settings, None, 2).pilot()
    with kernel_machine(
        kernel.config,
        files=kernel.tree,
        pipe=kernel.pipe,
        clock=kernel.clock,
        take_over=True,
        memcgs=memcgs_of(pilot.task),
    ) as machine:
        driver = Driver(machine, pilot, settings)
        driver.begin(adopt=True)
        yield Rig(kernel, driver, [])


def _schemes(found: Rig) -> list[Scheme]:
    kdamonds = found.in_force().kdamonds
    return [scheme for kdamond in kdamonds for scheme in kdamond.contexts[0].schemes]


def _in_files(found: Rig) -> set[str]:
    return set().union(*(scheme.memcg_paths for scheme in _schemes(found)))


def test_two_minutes_of_decisions_reach_the_kernel(tmp_path: Path) -> None:
    """A network turns limits of both groups 120 times; nothing is refused, late, or held."""
    with _daemon(tmp_path, _network(tmp_path / "x.damosrl")) as found:
        decisions = found.steps(120)
        assert {(item.mode, item.reason) for item in decisions} == {(Mode.ACTIVE, "")}
        assert all(item.committed and item.refused is None for item in decisions)
        assert decisions[-1].overruns == 0
        assert decisions[-1].features["web_fast"] == pytest.approx(0.125, rel=1e-3)
        assert _in_files(found) == set(GROUPS)
        limits = [
            goal.target_value
            for scheme in _schemes(found)
            for goal in scheme.quota.goals
            if goal.metric is GoalMetric.NODE_MEMCG_USED_BP
        ]
        wanted = [decisions[-1].applied[f"{name}_share"] for name in ("web", "batch")]
        assert limits == [min(round(100.0 * share) + 20, 10_000) for share in wanted]


@pytest.mark.parametrize("make", [_network, _even], ids=["network", "controller"])
def test_a_group_that_goes_away_is_switched_off_at_once(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    """Without a group its schemes touch nothing from the next decision on; the others stay."""
    with _daemon(tmp_path, make(tmp_path / "x.damosrl")) as found:
        found.steps(5)
        before = _schemes(found)
        _set_groups(found.kernel.tree, found.kernel.roots, "/web")
        decision = found.step()
        assert decision.reason == "telemetry: missing: memcgs of /batch"
        assert (decision.committed, decision.refused) == (True, None)
        for was, scheme in zip(before, _schemes(found), strict=True):
            if "/batch" not in was.memcg_paths:
                assert scheme == was
                continue
            assert [item.filter_type for item in scheme.filters] == [FilterType.ANON] * 2
            assert {(item.matching, item.allow) for item in scheme.filters} == {
                (True, False),
                (False, False),
            }
            assert (scheme.quota.sz_bytes, scheme.quota.goals) == (1, ())


def test_the_kernels_loop_takes_over_where_a_group_stays_away(tmp_path: Path) -> None:
    """After the patience the fall-back configuration is in force for who is left."""
    with _daemon(tmp_path, _network(tmp_path / "x.damosrl")) as found:
        found.steps(5)
        _set_groups(found.kernel.tree, found.kernel.roots, "/web")
        decisions = found.steps(STALE_STEPS + 2)
        modes = [item.mode for item in decisions]
        assert modes[: STALE_STEPS - 1] == [Mode.ACTIVE] * (STALE_STEPS - 1)
        assert set(modes[STALE_STEPS - 1 :]) == {Mode.FALLBACK}
        assert all(item.refused is None for item in decisions)
        assert _in_files(found) == {"/web"}
        tuners = {item.quota.goal_tuner for item in _schemes(found) if item.quota.goals}
        assert tuners == {GoalTuner.CONSIST}


@pytest.mark.parametrize("away", [1, STALE_STEPS + 2])
def test_a_group_that_comes_back_is_named_to_the_kernel_again(tmp_path: Path, away: int) -> None:
    """A new group of the old path gets its schemes back, after a short and after a long absence."""
    with _daemon(tmp_path, _network(tmp_path / "x.damosrl")) as found:
        found.steps(5)
        _set_groups(found.kernel.tree, found.kernel.roots, "/web")
        found.steps(away)
        found.kernel.forget()
        _set_groups(found.kernel.tree, found.kernel.roots, *GROUPS)
        decisions: list[Decision] = found.steps(STALE_STEPS + 1)
        assert decisions[-1].mode is Mode.ACTIVE
        assert _in_files(found) == set(GROUPS)
        filters = [text for path, text in found.kernel.tree.writes if path.endswith("memcg_path")]
        assert "/batch" in filters


@pytest.mark.parametrize("words", [(), ("--shadow",), ("--dry-run",)])
def test_groups_that_do_not_exist_are_refused_before_anything_is_written(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """The command names what is missing, ends with 2, and leaves neither settings nor files."""
    with served_kernel(tmp_path) as kernel:
        kernel.bundle = _even(tmp_path / "even.damosrl")
        _set_groups(kernel.tree, kernel.tree.roots, "/web")
        before, writes = kernel.texts(), list(kernel.tree.writes)
        done = kernel.run("--once", *words)
        assert (done.returncode, kernel.texts(), kernel.tree.writes) == (2, before, writes)
        assert "lacks control groups that the bundle drives" in done.stderr
        assert "/batch/memory.numa_stat" in done.stderr
        assert "Traceback" not in done.stderr
        assert not kernel.state_dir.exists()


def test_the_command_drives_groups_that_exist(tmp_path: Path) -> None:
    """One decision of `damosrl daemon` reaches the kernel's files, and is taken back."""
    with served_kernel(tmp_path) as kernel:
        kernel.bundle = _even(tmp_path / "even.damosrl")
        _set_groups(kernel.tree, kernel.tree.roots, *GROUPS)
        before = kernel.texts()
        done = kernel.run("--once")
        assert (done.returncode, kernel.texts()) == (0, before)
        assert "web_share" in done.stdout
        told = {text for path, text in kernel.tree.writes if path.endswith("memcg_path")}
        assert told >= set(GROUPS)
