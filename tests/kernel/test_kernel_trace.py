"""The private trace instance, on a folder that behaves like tracefs."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from damosrl.errors import KernelError, KernelFeatureError
from damosrl.kernel.roots import Roots
from damosrl.kernel.trace import TraceInstance, remove_stale
from damosrl.kernel.trace_lines import TraceLines
from damosrl.testing.fake_tracefs import FakeTracefs, aggregated_lines


@pytest.fixture
def tracefs(tmp_path: Path) -> Iterator[FakeTracefs]:
    """Give a mounted tracefs with all events."""
    fake = FakeTracefs(tmp_path / "tracing")
    with fake.mounted():
        yield fake


def _roots(fake: FakeTracefs) -> Roots:
    return Roots(tracefs=fake.root)


def test_an_instance_is_set_up_and_named_after_the_process(tracefs: FakeTracefs) -> None:
    """An instance is set up and named after the process."""
    with TraceInstance(_roots(tracefs), buffer_kb=128) as trace:
        assert tracefs.instances == [f"damosrl-{os.getpid()}"]
        settings = {
            name: (trace.folder / name).read_text()
            for name in ("trace_clock", "buffer_size_kb", "tracing_on")
        }
        enabled = (trace.folder / "events/damon/damon_aggregated/enable").read_text()
        other = (trace.folder / "events/damon/damos_before_apply/enable").read_text()
    assert settings == {"trace_clock": "mono", "buffer_size_kb": "128", "tracing_on": "1"}
    assert (enabled, other) == ("1", "0")


def test_reading_does_not_wait_and_gives_all_that_came(tracefs: FakeTracefs) -> None:
    """Reading does not wait and gives all that came."""
    text = aggregated_lines(
        10**6, [(page * 4096, page * 4096 + 4096, 1, 0) for page in range(2000)]
    )
    with TraceInstance(_roots(tracefs)) as trace:
        assert trace.read() == b""
        tracefs.feed(text)
        assert trace.read() == text
        assert trace.read() == b""


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_instance_is_removed_on_every_exit(
    tracefs: FakeTracefs, kind: type[BaseException]
) -> None:
    """The instance is removed on every exit."""
    with pytest.raises(kind), TraceInstance(_roots(tracefs)):
        raise kind(*tracefs.instances)
    assert tracefs.instances == []
    assert tracefs.removed["events/damon/damon_aggregated/enable"] == "0"


def test_an_instance_that_cannot_be_set_up_is_removed(
    tracefs: FakeTracefs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance that cannot be set up is removed."""
    write = Path.write_text

    def refuse(path: Path, data: str, encoding: str | None = None) -> int:
        if path.name == "buffer_size_kb" and data != "0":
            raise OSError(12, "Cannot allocate memory", str(path))
        return write(path, data, encoding=encoding)

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(KernelError, match="Cannot allocate memory"), TraceInstance(_roots(tracefs)):
        pytest.fail("it must not start")
    assert tracefs.instances == []


def test_what_a_killed_process_left_is_taken_over(tracefs: FakeTracefs) -> None:
    """What a killed process left is taken over."""
    (tracefs.root / "instances" / f"damosrl-{os.getpid()}").mkdir()
    with TraceInstance(_roots(tracefs)) as trace:
        assert trace.read() == b""
    assert tracefs.instances == []


def test_what_other_killed_processes_left_is_removed(tracefs: FakeTracefs) -> None:
    """Instances of living processes, and those of other programs, are left alone."""
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    theirs = ["damosrl", f"damosrl-{os.getppid()}", f"perf-{ended.pid}"]
    for name in (*theirs, f"damosrl-{ended.pid}"):
        (tracefs.root / "instances" / name).mkdir()
    with TraceInstance(_roots(tracefs)):
        assert tracefs.instances == sorted([*theirs, f"damosrl-{os.getpid()}"])
    assert tracefs.instances == sorted(theirs)


def test_nothing_is_removed_where_nobody_tells_who_lives(
    tracefs: FakeTracefs, tmp_path: Path
) -> None:
    """Without procfs every owner is taken to live; without tracefs there is nothing."""
    (tracefs.root / "instances/damosrl-1").mkdir()
    assert remove_stale(Roots(tracefs=tracefs.root, procfs=tmp_path / "none")) == ()
    assert remove_stale(Roots(tracefs=tmp_path / "none")) == ()
    assert tracefs.instances == ["damosrl-1"]


def test_optional_events_are_enabled_where_the_kernel_has_them(tmp_path: Path) -> None:
    """Optional events are enabled where the kernel has them."""
    fake = FakeTracefs(tmp_path / "old", events=("damon_aggregated", "damos_before_apply"))
    wanted = ("damon_aggregated", "damos_before_apply", "damos_esz")
    with fake.mounted(), TraceInstance(_roots(fake), wanted) as trace:
        assert trace.events == wanted[:2]


def test_a_missing_required_event_names_the_kernel_that_has_it(tmp_path: Path) -> None:
    """A missing required event names the kernel that has it."""
    fake = FakeTracefs(tmp_path / "bare", events=())
    with (
        fake.mounted(),
        pytest.raises(KernelFeatureError, match=r"damon_aggregated.*5\.15"),
        TraceInstance(_roots(fake)),
    ):
        pytest.fail("it must not start")
    assert fake.instances == []


def test_tracefs_that_is_not_mounted_gives_the_mount_command(tmp_path: Path) -> None:
    """Tracefs that is not mounted gives the mount command."""
    for root in (tmp_path, tmp_path / "absent"):
        with (
            pytest.raises(KernelError, match=f"mount -t tracefs nodev {root}"),
            TraceInstance(Roots(tracefs=root)),
        ):
            pytest.fail("it must not start")


def test_tracefs_without_rights_says_so(
    tracefs: FakeTracefs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tracefs without rights says so."""
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(KernelError, match="may not be used by this user"):
        TraceInstance(_roots(tracefs)).__enter__()


def test_events_of_schemes_are_read_from_the_same_pipe(tracefs: FakeTracefs) -> None:
    """Events of schemes are read from the same pipe."""
    lines = TraceLines(5_000, 100_000)
    with TraceInstance(_roots(tracefs), ("damon_aggregated", "damos_esz")) as trace:
        tracefs.feed(
            b" kdamond.0-7 [001] ..... 3.000001: damos_esz: ctx_idx=0 scheme_idx=2 esz=4096\n"
            b" kdamond.0-7 [001] ..... 3.000002: damos_before_apply: ctx_idx=0 scheme_idx=1 "
            b"target_idx=0 nr_regions=9 4096-8192: 5 6\n"
        )
        assert lines.feed(trace.read()) == []
    assert lines.quotas == [(3_000_001_000, 0, 2, 4096)]
    assert lines.applications == [(3_000_002_000, 0, 1, 0, 9, 4096, 8192, 5, 6)]
