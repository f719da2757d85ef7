"""A daemon's process from start to every end, on a fake kernel of files."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from damosrl.artifact import save_artifact
from damosrl.cli import main
from damosrl.daemon.decision import Mode
from damosrl.daemon.journal_reader import read_decisions
from damosrl.daemon.status import Phase
from damosrl.damon import GoalTuner
from damosrl.policy import ControllerPolicy
from damosrl_tasks.tiering.task import kernel_task
from tests.daemon.served import ServedKernel, served_kernel, write_bundle


@pytest.fixture(name="kernel")
def _kernel(tmp_path: Path) -> Iterator[ServedKernel]:
    with served_kernel(tmp_path) as kernel:
        yield kernel


def test_one_decision_is_explained_and_leaves_everything_as_it_was(kernel: ServedKernel) -> None:
    """One decision is explained and leaves everything as it was."""
    before = kernel.texts()
    done = kernel.run("--once")
    assert (done.returncode, kernel.texts()) == (0, before)
    assert "demotion_quota" in done.stdout
    assert "slew" in done.stdout
    assert "fast_free" in done.stdout


def test_a_dry_run_prints_every_write_and_makes_none(kernel: ServedKernel) -> None:
    """A dry run prints every write and makes none."""
    before = kernel.texts()
    done = kernel.run("--once", "--dry-run")
    assert (done.returncode, kernel.texts()) == (0, before)
    assert "schemes/0/action <- migrate_cold" in done.stdout
    assert "state <- commit" in done.stdout
    assert "dry-run" in done.stdout
    assert not kernel.state_dir.exists()


def test_a_shadow_monitors_and_moves_nothing(kernel: ServedKernel) -> None:
    """A shadow monitors and moves nothing."""
    with kernel.daemon("--shadow") as daemon:
        status = daemon.await_steps(4)
        assert status.last is not None
        assert (status.last.mode, status.last.committed) == (Mode.SHADOW, False)
        quotas = [k.contexts[0].schemes[0].quota.sz_bytes for k in kernel.document().kdamonds]
        assert quotas == [1, 1]


@pytest.mark.parametrize("words", [(), ("--shadow",), ("--dry-run",)])
def test_somebody_elses_kdamond_is_left_alone(kernel: ServedKernel, words: tuple[str, ...]) -> None:
    """Somebody elses kdamond is left alone."""
    folder = kernel.tree.roots.damon / "kdamonds"
    for path, text in (
        ("nr_kdamonds", "1"),
        ("0/contexts/nr_contexts", "1"),
        ("0/contexts/0/operations", "paddr"),
        ("0/contexts/0/targets/nr_targets", "1"),
        ("0/contexts/0/targets/0/regions/nr_regions", "1"),
        ("0/contexts/0/targets/0/regions/0/end", "4096"),
        ("0/state", "on"),
    ):
        kernel.tree.write(folder / path, text)
    before = kernel.texts()
    done = kernel.run("--once", *words)
    assert (done.returncode, kernel.texts()) == (2, before)
    assert "error: DAMON is in use by kdamond 0" in done.stderr
    assert kernel.tree.read(folder / "0/state").strip() == "on"


def test_a_second_daemon_is_refused(kernel: ServedKernel) -> None:
    """A second daemon is refused."""
    with kernel.daemon() as daemon:
        daemon.await_steps(1)
        second = kernel.run("--once")
        assert second.returncode == 2
        assert f"pid {daemon.process.pid}" in second.stderr
        assert daemon.await_steps(3).phase is Phase.RUNNING


def test_sigterm_restores_and_ends_well(kernel: ServedKernel) -> None:
    """Sigterm restores and ends well."""
    before = kernel.texts()
    with kernel.daemon() as daemon:
        daemon.await_steps(2)
        assert kernel.texts() != before
        assert daemon.end()[0] == 0
    assert kernel.texts() == before
    assert kernel.status().phase is Phase.ENDED


def test_sigusr1_gives_the_wheel_to_the_kernels_loop(kernel: ServedKernel) -> None:
    """Sigusr1 gives the wheel to the kernels loop."""
    with kernel.daemon() as daemon:
        daemon.await_steps(2)
        daemon.signal(signal.SIGUSR1)
        status = daemon.await_status(lambda s: s.last is not None and s.last.mode is Mode.FALLBACK)
        assert status.last is not None
        assert status.last.reason == "asked for by a signal"
        schemes = [item.contexts[0].schemes[0] for item in kernel.document().kdamonds]
        assert {scheme.quota.goal_tuner for scheme in schemes} == {GoalTuner.CONSIST}


def test_the_kill_switch_works_while_its_file_exists(kernel: ServedKernel) -> None:
    """The kill switch works while its file exists."""
    with kernel.daemon() as daemon:
        daemon.await_steps(2)
        kernel.switch.touch()
        daemon.await_status(lambda s: s.last is not None and s.last.mode is Mode.STOPPED)
        kernel.switch.unlink()
        daemon.await_status(lambda s: s.last is not None and s.last.mode is Mode.ACTIVE)


def test_sighup_loads_a_new_bundle_without_a_gap(kernel: ServedKernel) -> None:
    """Sighup loads a new bundle without a gap."""
    with kernel.daemon() as daemon:
        first = daemon.await_steps(2)
        write_bundle(kernel.bundle, hot_threshold_percent=50.0)
        daemon.signal(signal.SIGHUP)
        status = daemon.await_status(
            lambda s: (
                s.identity.bundle_sha256 != first.identity.bundle_sha256
                and s.last is not None
                and s.last.requested["hot_threshold"] == pytest.approx(50.0)
            )
        )
        assert status.identity.started == first.identity.started
        assert "reloaded" in daemon.end()[1]
    steps = [decision.step for decision in read_decisions(kernel.state_dir / "journal")]
    assert steps == list(range(1, len(steps) + 1))


def test_a_bad_bundle_changes_nothing_at_a_reload(kernel: ServedKernel) -> None:
    """A bad bundle changes nothing at a reload."""
    with kernel.daemon() as daemon:
        first = daemon.await_steps(2)
        kernel.bundle.write_bytes(kernel.bundle.read_bytes()[:-100])
        daemon.signal(signal.SIGHUP)
        status = daemon.await_steps(first.counters.steps + 3)
        assert status.identity.bundle_sha256 == first.identity.bundle_sha256
        assert status.last is not None
        assert status.last.committed
        assert "reload refused, the old bundle stays" in daemon.end()[1]


def test_after_sigkill_the_next_daemon_adopts_and_restores_what_was_there_first(
    kernel: ServedKernel,
) -> None:
    """After sigkill the next daemon adopts and restores what was there first."""
    before = kernel.texts()
    for _ in range(3):
        with kernel.daemon() as daemon:
            daemon.await_steps(2)
            pids = [kernel.tree.read(kernel.tree.roots.damon / f"kdamonds/{k}/pid") for k in (0, 1)]
            daemon.signal(signal.SIGKILL)
            daemon.process.wait()
        assert len(kernel.document().kdamonds) == 2
        assert pids == [
            kernel.tree.read(kernel.tree.roots.damon / f"kdamonds/{k}/pid") for k in (0, 1)
        ]
    with kernel.daemon() as daemon:
        daemon.await_steps(2)
        assert pids == [
            kernel.tree.read(kernel.tree.roots.damon / f"kdamonds/{k}/pid") for k in (0, 1)
        ]
        code, said = daemon.end()
        assert code == 0
        assert "adopted" in said
    assert kernel.texts() == before


def test_a_shadow_that_adopts_takes_the_quotas_away(kernel: ServedKernel) -> None:
    """What a killed daemon had set to move memory moves none under a shadow."""
    for words, expected in (((), None), (("--shadow",), [1, 1])):
        with kernel.daemon(*words) as daemon:
            daemon.await_steps(2)
            quotas = [k.contexts[0].schemes[0].quota.sz_bytes for k in kernel.document().kdamonds]
            assert expected in (None, quotas)
            assert expected or min(quotas) > 1
            daemon.signal(signal.SIGKILL)
            daemon.process.wait()


def test_a_kernel_that_lacks_what_the_policy_needs_is_refused_before_any_write(
    kernel: ServedKernel,
) -> None:
    """A kernel that lacks what the policy needs is refused before any write."""
    before = kernel.texts()
    (kernel.folder / "kernel/proc/pressure/memory").unlink()
    done = kernel.run("--once")
    assert (done.returncode, kernel.texts()) == (2, before)
    assert "missing: pressure" in done.stderr
    assert "psi=1" in done.stderr


def test_a_kdamond_that_somebody_ends_is_not_started_again(kernel: ServedKernel) -> None:
    """A kdamond that somebody ends is not started again."""
    with kernel.daemon() as daemon:
        daemon.await_steps(2)
        kernel.tree.write(kernel.tree.roots.damon / "kdamonds/0/state", "off")
        daemon.await_status(
            lambda s: s.last is not None and "kdamond 0 has stopped" in s.last.reason
        )
        time.sleep(1.0)
        state = kernel.tree.read(kernel.tree.roots.damon / "kdamonds/0/state")
        assert state.strip() == "off"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--canary", "0"), "--canary is out of range: got 0.0; allowed: above 0"),
        (("--canary", "nan"), "--canary is out of range"),
        (("--steps", "0"), "--steps is too small"),
        (("--shadow", "--dry-run"), "not allowed with"),
        (("--public-key", "/nowhere"), "the bundle is not signed"),
        (("--config", "/nowhere.yaml"), "/nowhere.yaml"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_status_2(
    kernel: ServedKernel, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong option is one line and exit status 2."""
    assert main(kernel.command("--once", *words)[3:]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_what_a_bundle_does_not_say_is_told_at_the_start(kernel: ServedKernel) -> None:
    """A bundle without task settings and limits is taken, and that is said."""
    spec = kernel_task({}, 2).spec
    kernel.bundle.unlink()
    save_artifact(kernel.bundle, ControllerPolicy("pi"), spec=spec, algorithm="controller")
    done = kernel.run("--once")
    assert done.returncode == 0
    assert done.stderr.count("the bundle") == 2
