"""`damosrl record`, from the command line to the file."""

import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from damosrl.damon.recording import MAX_REGIONS, read_recordings, write_recording
from damosrl.errors import ConfigError, RecordingError
from damosrl.experiment.record import targets
from damosrl.experiment.record.live import live_view
from damosrl.experiment.record.loop import Collected, Watch, catching_signals, collect
from damosrl.experiment.record.options import Options, intervals_of, options_of
from damosrl.experiment.record.program import running
from damosrl.experiment.record.sources import KDAMOND, monitoring, takes_trace
from damosrl.kernel.files import Files, OsFiles
from damosrl.kernel.session import Session


def run(given: Namespace) -> int:
    """Run `damosrl record`."""
    if given.source is not None:
        convert(given)
    else:
        record(options_of(given), OsFiles())
    print(given.out)
    return 0


def convert(given: Namespace) -> None:
    """Write a recording of any known format as json_compressed.

    Raises:
        ConfigError: A target was given too.
        RecordingError: The file cannot be read, or the new one not be written.
    """
    if given.pid or given.words or given.cgroup is not None or given.physical:
        raise ConfigError("--from converts a file and records nothing", fix="leave the target out")
    write_recording(read_recordings(given.source, intervals=intervals_of(given)), given.out)


def record(options: Options, files: Files) -> Collected:
    """Record until the time is over, the target ends or a signal comes; write the file.

    Args:
        options: What was asked for.
        files: How the machine's files are read and written.

    Returns:
        What was written.

    Raises:
        KernelError: The kernel cannot do it, or DAMON is in use.
        RecordingError: Nothing was seen, or the file cannot be written.
    """
    _refuse_bad_place(options.out)
    takes_trace(options)  # refuses before a program is started
    times = options.attrs.intervals
    collected = Collected(times.sample_us, times.aggr_us)
    with ExitStack() as stack:
        client = stack.enter_context(Session(options.roots, files, options.state_dir))
        flag = stack.enter_context(catching_signals())
        watched, has_ended = _watch(options, stack)

        def ended() -> bool:
            return has_ended() or not client.is_running(KDAMOND)

        source = stack.enter_context(monitoring(options, watched, client))
        show = stack.enter_context(live_view(watched.title, quiet=options.quiet))
        watch = Watch(flag, ended, options.seconds, MAX_REGIONS)
        try:
            reason = collect(
                source, watch, collected, save=lambda: _save(collected, options.out), show=show
            )
        except BaseException:
            if collected.num_snapshots:
                _save(collected, options.out)
            raise
    _finish(collected, options, reason, source.losses)
    return collected


def _watch(options: Options, stack: ExitStack) -> tuple[targets.Watched, Callable[[], bool]]:
    """Return what to watch, and whether it has ended."""
    roots = options.roots
    if options.command:
        program = stack.enter_context(running(options.command))
        found = targets.processes(roots, (program.pid,))
        return found, lambda: program.poll() is not None
    if options.physical:
        return targets.physical(roots, options.ranges), lambda: False
    if options.cgroup is not None:
        found = targets.cgroup(roots, options.cgroup)
    else:
        found = targets.processes(roots, options.pids)
    return found, lambda: not any(targets.is_alive(roots, pid) for pid in found.pids)


def _finish(collected: Collected, options: Options, reason: str, losses: str) -> None:
    if not collected.num_snapshots:
        raise RecordingError(
            "nothing was recorded",
            got=f"{reason} before the first snapshot",
            allowed=f"longer than the aggregation interval ({collected.aggr_us} us)",
            fix="record longer, or see whether the target runs",
        )
    _save(collected, options.out)
    if not options.quiet:
        words = f"{reason}: {collected.num_snapshots} snapshots, {collected.num_regions} regions"
        print(f"{words}; {losses}" if losses else words, file=sys.stderr)
    elif losses:
        print(losses, file=sys.stderr)


def _save(collected: Collected, out: Path) -> None:
    write_recording(collected.recordings(), out)


def _refuse_bad_place(out: Path) -> None:
    """Refuse before anything is started a file that cannot be written at the end.

    Raises:
        RecordingError: Its folder is missing or is a file, or it is a folder itself.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise RecordingError(
            f"cannot write {out}",
            got="a folder" if out.is_dir() else f"no folder {out.parent}",
            fix="give the path of a file in a folder that exists",
        )
