"""`damosrl daemon`, from the command line to the way out."""

import signal
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from damosrl.artifact import Artifact
from damosrl.daemon.control import Control
from damosrl.daemon.driver import Driver, needed
from damosrl.daemon.journal import Journal
from damosrl.daemon.notify import Notifier
from damosrl.daemon.options import mode_of, settings_of
from damosrl.daemon.recorder import Recorder
from damosrl.daemon.reporting import start_reporting
from damosrl.daemon.service import Service
from damosrl.daemon.setting_up import (
    Bundle,
    notes_on,
    require_groups,
    require_nobody,
    require_sources,
)
from damosrl.daemon.settings import DaemonSettings
from damosrl.daemon.status import STATUS_NAME, Identity, StatusFile
from damosrl.daemon.teller import Printer, Teller
from damosrl.errors import KernelError
from damosrl.kernel.config import KernelConfig, kernel_machine
from damosrl.kernel.files import OsFiles
from damosrl.kernel.host.nodes import memory_nodes
from damosrl.machine import Source
from damosrl.task import memcgs_of

SWITCH_NAME = "stop"
"""Kill-switch, below the state folder."""
ASKED_TO_END = 128 + signal.SIGTERM
"""Exit status by which a session ends on SIGTERM; for a daemon that is a good end."""
ENDED = 0


def run(given: Namespace) -> int:
    """Run `damosrl daemon`.

    Raises:
        ArtifactError: The bundle cannot be used here.
        KernelBusyError: Somebody else uses DAMON, or another daemon runs; nothing was changed.
        KernelError: The kernel lacks what is needed; nothing was changed.
        ConfigError: An option or a setting is wrong.
    """
    mode = mode_of(given)
    settings = settings_of(given)
    config = _kernel_config(given, settings)
    files = OsFiles()
    if given.dry_run or given.shadow:  # nothing is applied: look as well as it goes
        settings = replace(settings, allow_missing=tuple(Source))
    if given.dry_run:
        require_nobody(config.roots, files)
    key = Path(given.public_key) if given.public_key else None
    bundle = Bundle(
        Path(given.bundle),
        key,
        settings,
        given.canary,
        num_nodes=len(memory_nodes(files, config.roots)),
    )
    pilot = bundle.pilot()
    if not given.quiet:
        for note in notes_on(pilot.artifact):
            sys.stderr.write(f"damosrl daemon: {note}\n")
    require_groups(config.roots, files, memcgs_of(pilot.task))
    require_sources(config.roots, files, needed(pilot, settings))
    control = Control(Path(given.state_dir) / SWITCH_NAME)
    tellers: list[Teller] = [Printer()] if given.once or given.dry_run else []
    if not given.dry_run:
        tellers.append(_recorder(given, settings, pilot.artifact))
    try:
        with (
            control.listening(),
            _ending(tellers),
            kernel_machine(
                config,
                files=files,
                clock=control,
                take_over=True,
                memcgs=memcgs_of(pilot.task),
            ) as machine,
            _telling(tellers),
        ):
            driver = Driver(machine, pilot, settings, mode)
            adopted = driver.begin(adopt=not given.dry_run)
            for teller in tellers:
                teller.begun(adopted=adopted)
            interval_s = pilot.artifact.spec.decision_interval_s
            service = Service(driver, machine, control, tellers, bundle.pilot, interval_s)
            service.run(1 if given.once else given.steps)
    except KeyboardInterrupt:
        return ENDED
    except SystemExit as ending:
        if ending.code != ASKED_TO_END:
            raise
    return ENDED


@contextmanager
def _telling(tellers: Sequence[Teller]) -> Iterator[None]:
    """Tell of the time in which the kernel is ours."""
    for teller in tellers:
        teller.starting()
    try:
        yield
    finally:
        for teller in tellers:
            teller.stopping()


@contextmanager
def _ending(tellers: Sequence[Teller]) -> Iterator[None]:
    """Tell that everything is restored; not after an error, when it may not be."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        _ended(tellers)
        raise
    _ended(tellers)


def _ended(tellers: Sequence[Teller]) -> None:
    for teller in tellers:
        teller.ended()


def _kernel_config(given: Namespace, settings: DaemonSettings) -> KernelConfig:
    sysfs = Path(given.sysfs_root)
    for option, root in (("--sysfs-root", sysfs), ("--procfs-root", Path(given.procfs_root))):
        if not root.is_dir():
            raise KernelError(f"{root} is no folder", fix=f"give {option} where it is mounted")
    return KernelConfig(
        sysfs_root=str(sysfs),
        procfs_root=given.procfs_root,
        tracefs_root=given.tracefs_root or str(sysfs / "kernel/tracing"),
        cgroup_root=given.cgroup_root or str(sysfs / "fs/cgroup"),
        state_dir=given.state_dir,
        time_limit_s=settings.time_limit_s,
        cgroup=settings.cgroup,
        dry_run=given.dry_run,
        latency=settings.latency,
    )


def _recorder(given: Namespace, settings: DaemonSettings, artifact: Artifact) -> Recorder:
    state_dir = Path(given.state_dir)
    folder = Path(given.log_dir) if given.log_dir else state_dir / "journal"
    interval_s = artifact.spec.decision_interval_s
    identity = Identity.here(
        bundle=Path(given.bundle),
        sha256=artifact.content_sha256,
        interval_s=interval_s,
        journal=folder,
    )
    return Recorder(
        Journal(folder, settings.journal_bytes, settings.journal_files),
        StatusFile(state_dir / STATUS_NAME, identity),
        Notifier(interval_s),
        start_reporting(given.metrics, Path(given.metrics_file) if given.metrics_file else None),
        show=not given.quiet,
    )
