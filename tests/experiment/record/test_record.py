"""Recording on a fake kernel: every target, every way to end, both methods."""

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from damosrl.cli import main
from damosrl.damon import recording as recording_module
from damosrl.damon.recording import Recording, read_recording, read_recordings
from damosrl.errors import ConfigError, KernelBusyError, KernelError, RecordingError
from damosrl.experiment.record import command
from damosrl.experiment.record.loop import StopFlag, Watch
from damosrl.kernel.tried import TriedRegion
from damosrl.testing.fake_tracefs import aggregated_lines
from damosrl.testing.fake_tree import FIRST_PID

ME = str(os.getpid())


def _regions(recording: Recording) -> list[tuple[int, ...]]:
    shot = recording.snapshots[0]
    columns = (shot.start, shot.end, shot.nr_accesses, shot.age)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_a_process_is_recorded_by_tracepoints(
    kernel: Any, regions: list[tuple[int, int, int, int]]
) -> None:
    """A process is recorded by tracepoints."""
    with kernel.tracing():
        command.record(kernel.options("--pid", ME, "--seconds", "0.3"), kernel.tree)
    recording = read_recording(kernel.out)
    assert _regions(recording) == regions
    assert [shot.end_ns for shot in recording.snapshots[:3]] == [10**9, 11 * 10**8, 12 * 10**8]
    assert kernel.out.stat().st_mode & 0o777 == 0o600


def test_all_is_as_before_afterwards(kernel: Any) -> None:
    """All is as before afterwards."""
    before = kernel.tree.texts()
    with kernel.tracing():
        command.record(kernel.options("--pid", ME, "--seconds", "0.2"), kernel.tree)
    assert kernel.tree.texts() == before
    assert kernel.tracefs.instances == []


def test_intervals_and_region_bounds_reach_the_kernel(kernel: Any) -> None:
    """Intervals and region bounds reach the kernel."""
    words = ("--sample", "1ms", "--aggr", "50ms", "--min-regions", "30", "--max-regions", "90")
    with kernel.tracing():
        command.record(kernel.options("--pid", ME, "--seconds", "0.2", *words), kernel.tree)
    written = {path.rpartition("kdamonds/")[2]: text for path, text in kernel.tree.writes}
    attrs = "0/contexts/0/monitoring_attrs"
    assert written[f"{attrs}/intervals/sample_us"] == "1000"
    assert read_recording(kernel.out).samples_per_aggregation == 50
    assert (30, 90) in [
        (int(one), int(two))
        for one in [text for path, text in kernel.tree.writes if path.endswith("nr_regions/min")]
        for two in [text for path, text in kernel.tree.writes if path.endswith("nr_regions/max")]
    ]


def test_a_program_is_run_recorded_and_ended(kernel: Any, tmp_path: Path) -> None:
    """A program is run recorded and ended."""
    mark = tmp_path / "pid"
    program = ("sh", "-c", f"echo $$ > {mark}; exec sleep 60")
    with kernel.tracing():
        command.record(kernel.options("--seconds", "0.5", program=program), kernel.tree)
    assert read_recording(kernel.out).num_regions > 0
    assert not Path("/proc", mark.read_text().strip()).exists()


def test_a_program_that_ends_ends_the_recording_and_keeps_it(kernel: Any) -> None:
    """A program that ends ends the recording and keeps it."""
    with kernel.tracing():
        command.record(kernel.options(program=("sleep", "0.3")), kernel.tree)
    assert read_recording(kernel.out).num_regions > 0


def test_a_process_that_ends_ends_the_recording_and_keeps_it(kernel: Any) -> None:
    """A process that ends ends the recording and keeps it."""
    with subprocess.Popen(["sleep", "60"]) as process, kernel.tracing():
        ender = threading.Timer(0.3, process.kill)
        ender.start()
        command.record(kernel.options("--pid", str(process.pid)), kernel.tree)
        ender.join()
    assert read_recording(kernel.out).num_regions > 0


def test_a_kdamond_that_ends_ends_the_recording_and_keeps_it(kernel: Any) -> None:
    """A kdamond that ends ends the recording and keeps it."""
    ender = threading.Timer(0.3, lambda: kernel.tree.end_kdamond(0))
    with kernel.tracing():
        ender.start()
        command.record(kernel.options("--pid", ME), kernel.tree)
        ender.join()
    assert read_recording(kernel.out).num_regions > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_recording_and_keeps_it(kernel: Any, number: signal.Signals) -> None:
    """A signal ends the recording and keeps it."""
    before = kernel.tree.texts(), signal.getsignal(number)
    sender = threading.Timer(0.4, lambda: os.kill(os.getpid(), number))
    with kernel.tracing():
        sender.start()
        command.record(kernel.options("--pid", ME), kernel.tree)
        sender.join()
    assert read_recording(kernel.out).num_regions > 0
    assert (kernel.tree.texts(), signal.getsignal(number)) == before


def test_a_control_group_is_recorded_target_by_target(kernel: Any) -> None:
    """A control group is recorded target by target."""
    group = kernel.folder / "sys/fs/cgroup/work"
    group.mkdir(parents=True)
    (group / "cgroup.procs").write_text(f"{ME}\n1\n")

    def both(place: int) -> bytes:
        return b"".join(
            aggregated_lines(10**6 + 10**5 * place, [(0, 4096, 1, target)], target, FIRST_PID)
            for target in (0, 1)
        )

    with kernel.tracing(both):
        command.record(kernel.options("--cgroup", "/work", "--seconds", "0.3"), kernel.tree)
    pids = [int(text) for path, text in kernel.tree.writes if path.endswith("pid_target")]
    assert pids[:2] == [int(ME), 1]
    assert [recording.target_id for recording in read_recordings(kernel.out)] == [0, 1]


def test_physical_memory_is_all_system_ram(kernel: Any) -> None:
    """Without ranges, the top level of /proc/iomem says what to watch."""
    words = ("--physical", "--seconds", "0.2", "--procfs-root", str(_proc(kernel, MAP)))
    with kernel.tracing():
        command.record(kernel.options(*words), kernel.tree)
    assert _addresses(kernel) == [0x1000, 0xA0000, 2**32, 5 * 2**30]


def test_ranges_of_physical_memory_are_watched_alone(kernel: Any) -> None:
    """Ranges are sorted, and may be written with units or as the kernel prints them."""
    ranges = ("--range", "4G-0x140000000", "--range", "0-1M")
    words = ("--physical", "--seconds", "0.2", "--procfs-root", str(_proc(kernel, MAP)))
    with kernel.tracing():
        command.record(kernel.options(*words, *ranges), kernel.tree)
    assert _addresses(kernel) == [0, 2**20, 2**32, 5 * 2**30]


def test_a_range_without_memory_is_refused_with_the_memory_there_is(kernel: Any) -> None:
    """Memory of a driver counts, holes do not, and nothing is started."""
    words = ("--physical", "--seconds", "0.1", "--procfs-root", str(_proc(kernel, MAP)), "--range")
    for part in ("0xfd000000-0xfe000000", "0-4K", "10G-11G"):
        with pytest.raises(KernelError, match=r"no System RAM in a range.*0x1000-0xa0000") as error:
            command.record(kernel.options(*words, part), kernel.tree)
        assert "0x200000000-0x240000000" in str(error.value)
    assert not kernel.running
    with kernel.tracing():
        command.record(kernel.options(*words, "8G-16G"), kernel.tree)
    assert _addresses(kernel) == [2**33, 2**34]


def test_ranges_are_taken_as_given_where_there_is_no_map(kernel: Any) -> None:
    """Without root's rights the kernel shows zeros, which refuse nothing."""
    zeros = "00000000-00000000 : System RAM\n00000000-00000000 : PCI Bus\n"
    words = ("--physical", "--seconds", "0.2", "--procfs-root", str(_proc(kernel, zeros)))
    with kernel.tracing():
        command.record(kernel.options(*words, "--range", "4G-5G"), kernel.tree)
    assert _addresses(kernel) == [2**32, 5 * 2**30]


MAP = """00001000-0009ffff : System RAM
  00002000-00002fff : Kernel code
fd000000-fdffffff : PCI Bus
100000000-13fffffff : System RAM
200000000-23fffffff : CXL Window 0
  200000000-23fffffff : System RAM (kmem)
"""


def _proc(kernel: Any, text: str) -> Path:
    """Return a procfs with a map of physical memory."""
    proc: Path = kernel.folder / "proc"
    proc.mkdir(exist_ok=True)
    (proc / "iomem").write_text(text, encoding="ascii")
    return proc


def _addresses(kernel: Any) -> list[int]:
    (target,) = kernel.started.kdamonds[0].contexts[0].targets
    return [end for part in target.regions for end in (part.start, part.end)]


def test_tried_regions_are_recorded_where_there_is_no_tracefs(
    kernel: Any, regions: list[tuple[int, int, int, int]]
) -> None:
    """Tried regions are recorded where there is no tracefs."""
    kernel.backend.tried_of[0] = [[TriedRegion(*region) for region in [*regions, (0, 4096, 1, 1)]]]
    options = kernel.options("--pid", ME, "--seconds", "0.3", "--tracefs-root", "/nowhere")
    command.record(options, kernel.tree)
    first, second = read_recordings(kernel.out)
    assert _regions(first) == regions
    assert _regions(second) == [(0, 4096, 1, 1)]


def test_lost_events_are_told(kernel: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Lost events are told."""

    def lossy(place: int) -> bytes:
        lines = aggregated_lines(10**6 + 10**5 * place, [(0, 4096, 1, 1)], 0, FIRST_PID)
        return lines + b"CPU:0 [LOST 3 EVENTS]\n" * (place == 2)

    with kernel.tracing(lossy):
        command.record(kernel.options("--pid", ME, "--seconds", "0.3"), kernel.tree)
    assert "3 trace events lost" in capsys.readouterr().err


def test_a_full_disk_keeps_what_was_saved_before(
    kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk keeps what was saved before."""
    monkeypatch.setattr("damosrl.experiment.record.loop.FIRST_SAVE_S", 0.1)
    write = recording_module._write_private
    saves: list[Path] = []

    def fill_up(path: Path, content: bytes) -> None:
        saves.append(path)
        if len(saves) > 1:
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(recording_module, "_write_private", fill_up)
    options = kernel.options("--pid", ME, "--seconds", "1")
    with kernel.tracing(), pytest.raises(RecordingError, match="No space left on device"):
        command.record(options, kernel.tree)
    assert read_recording(kernel.out).num_regions > 0
    assert not kernel.running


def test_nothing_seen_is_an_error_and_leaves_no_file(kernel: Any) -> None:
    """Nothing seen is an error and leaves no file."""
    with kernel.tracefs.mounted(), pytest.raises(RecordingError, match="nothing was recorded"):
        command.record(kernel.options("--pid", ME, "--seconds", "0.1"), kernel.tree)
    assert not kernel.out.exists()


def test_a_busy_tree_is_refused_and_left_alone(kernel: Any) -> None:
    """A busy tree is refused and left alone."""
    damon = kernel.tree.roots.damon
    for file, text in (
        ("nr_kdamonds", "1"),
        ("0/contexts/nr_contexts", "1"),
        ("0/contexts/0/operations", "vaddr"),
        ("0/contexts/0/targets/nr_targets", "1"),
        ("0/contexts/0/targets/0/pid_target", "1"),
        ("0/state", "on"),
    ):
        kernel.tree.write(damon / "kdamonds" / file, text)
    before = kernel.tree.texts()
    with kernel.tracefs.mounted(), pytest.raises(KernelBusyError):
        command.record(kernel.options("--pid", ME, "--seconds", "0.1"), kernel.tree)
    assert kernel.tree.texts() == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--pid", "4194305"), "no such process.*4194305"),
        (("--cgroup", "/none"), "no control group /none"),
        (("--physical", "--procfs-root", "/nowhere"), "map of physical memory"),
        (("--pid", ME, "--method", "trace", "--tracefs-root", "/nowhere"), "mount -t tracefs"),
    ],
)
def test_targets_that_are_not_there_are_refused(
    kernel: Any, words: tuple[str, ...], says: str
) -> None:
    """Targets that are not there are refused."""
    with pytest.raises(KernelError, match=says):
        command.record(kernel.options("--seconds", "0.1", *words), kernel.tree)
    assert not kernel.running


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "one kind of target"),
        (("--pid", "1", "--physical"), "one kind of target"),
        (("--pid", "1", "--range", "0-4K"), "add --physical"),
        (("--physical", "--range", "4K"), "START-END"),
        (("--physical", "--range", "4K-4K"), "empty"),
        (("--pid", "1", "--seconds", "0"), "no time"),
        (("--pid", "1", "--seconds", "nan"), "no time"),
    ],
)
def test_contradicting_words_are_refused(kernel: Any, words: tuple[str, ...], says: str) -> None:
    """Contradicting words are refused."""
    with pytest.raises(ConfigError, match=says):
        kernel.options(*words)


def test_a_program_that_is_not_there_is_refused(kernel: Any) -> None:
    """A program that is not there is refused."""
    with kernel.tracing(), pytest.raises(ConfigError, match="cannot be started"):
        command.record(kernel.options(program=("/no/such/program",)), kernel.tree)


def test_as_many_regions_as_a_reader_takes_end_the_recording() -> None:
    """As many regions as a reader takes end the recording."""
    watch = Watch(flag=StopFlag(), target_ended=lambda: False, seconds=None, max_regions=10)
    assert watch.reason(1.0, 9) == ""
    assert "as many as" in watch.reason(1.0, 10)


def test_a_recording_is_converted_with_given_intervals(tmp_path: Path) -> None:
    """A recording is converted with given intervals."""
    text, out = tmp_path / "perf.txt", tmp_path / "new"
    text.write_bytes(
        aggregated_lines(10**6, [(0, 4096, 80, 1)]) + aggregated_lines(2 * 10**6, [(0, 4096, 9, 1)])
    )
    words = ["record", "--from", str(text), "--out", str(out), "--sample", "1ms", "--aggr", "100ms"]
    assert main(words) == 0
    recording = read_recording(out)
    assert recording.samples_per_aggregation == 100
    assert [shot.nr_accesses.tolist() for shot in recording.snapshots] == [[80], [9]]


def test_bad_recordings_to_convert_end_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad recordings to convert end with status 2."""
    (tmp_path / "noise").write_bytes(b"noise")
    words = ["record", "--from", str(tmp_path / "noise"), "--out", str(tmp_path / "new")]
    assert main(words) == 2
    assert main([*words, "--pid", "1"]) == 2
    assert main(["record", "--out", str(tmp_path / "no/folder"), "--pid", ME]) == 2
    assert capsys.readouterr().err.count("\n") == 3
