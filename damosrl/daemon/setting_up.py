"""What must fit together before anything is written: bundle, task, kernel."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from damosrl.artifact import Artifact, load_artifact
from damosrl.artifact.signing import verify
from damosrl.daemon.pilot import Pilot
from damosrl.daemon.settings import DaemonSettings
from damosrl.errors import ArtifactError, KernelBusyError, KernelFeatureError
from damosrl.kernel.files import Files
from damosrl.kernel.holders import foreign_use
from damosrl.kernel.host.memcgs import MemcgMemory
from damosrl.kernel.host.nodes import memory_nodes
from damosrl.kernel.host.telemetry import HostTelemetry
from damosrl.kernel.roots import Roots
from damosrl.kernel_tasks import task_factory
from damosrl.machine import Source
from damosrl.policy import ControllerPolicy
from damosrl.registry import artifact_path, artifact_tuner
from damosrl.task import KernelTask

HOW_TO_GET = {
    Source.NODES: "a kernel with NUMA (meminfo of every node)",
    Source.PRESSURE: "boot with psi=1",
    Source.SNAPSHOT: "mount -t tracefs tracefs /sys/kernel/tracing",
    Source.SWAP: "a kernel with CONFIG_SWAP (SwapTotal of /proc/meminfo)",
    Source.SWAP_POOL: "a zram device that tells its mm_stat, or swap on a disk",
    Source.SWAPPING: "a kernel with CONFIG_SWAP (pswpin and pswpout of /proc/vmstat)",
    Source.REFAULTS: "workingset_refault_anon and _file of /proc/vmstat",
}


@dataclass(frozen=True)
class Bundle:
    """A bundle as it was given, to be loaded at the start and at every reload.

    Args:
        path: Folder or file, or a run folder that holds one.
        public_key: File of the key that has to have signed it; None takes unsigned ones.
        settings: How the policy is to be watched.
        canary_percent: How much of its requests counts; None for all.
        num_nodes: Memory nodes of this machine.
    """

    path: Path
    public_key: Path | None
    settings: DaemonSettings
    canary_percent: float | None
    num_nodes: int

    def pilot(self) -> Pilot:
        """Load and check the bundle, and put it together with its task.

        Raises:
            ArtifactError: It is damaged, not signed by that key, or of a task that this machine
                cannot offer; the message lists all that is missing.
            ConfigError: Its settings or limits cannot be used here.
        """
        artifact = load_artifact(artifact_path(self.path) or self.path)
        if self.public_key is not None:
            verify(artifact, self.public_key)
        task = _task(artifact, self.num_nodes)
        tuner = artifact_tuner(artifact)
        return Pilot(artifact, task, tuner, self.settings, self.canary_percent)


def notes_on(artifact: Artifact) -> list[str]:
    """Return what a bundle does not say, and what is taken instead, in words.

    A controller was never trained: its formula holds wherever its features can be read, so that no
    range is missing. Whether readings are possible at all is asked of every policy alike.
    """
    deployment = artifact.deployment
    found = []
    if not deployment.safety:
        found.append("the bundle carries no limits: those of conf/safety/default.yaml hold")
    if not deployment.task_settings:
        found.append("the bundle does not say how it was monitored: the task's defaults are used")
    if deployment.observed is None and not isinstance(artifact.policy, ControllerPolicy):
        found.append("the bundle tells no training range: nobody sees if the policy is beyond it")
    return found


def _task(artifact: Artifact, num_nodes: int) -> KernelTask:
    factory = task_factory(artifact.spec.task)
    task = factory(artifact.deployment.task_settings, num_nodes)
    missing = artifact.missing_from(task.spec.framed(artifact.deployment.frames))
    if missing:
        raise ArtifactError(
            "this machine cannot offer what the bundle was trained with",
            got="; ".join(missing),
            fix="train on a task and machine like this one, or export with its settings",
        )
    return task


def same_monitoring(old: Pilot, new: Pilot) -> None:
    """Refuse a bundle that needs other kdamonds than those that run.

    Raises:
        ArtifactError: Monitoring or decision interval differ.
    """
    settings: list[Mapping[str, object]] = [
        pilot.artifact.deployment.task_settings for pilot in (old, new)
    ]
    if settings[0] != settings[1] or old.task.template != new.task.template:
        raise ArtifactError(
            "a reload cannot change the monitoring",
            got="other task settings",
            fix="restart the daemon with this bundle",
        )


def require_nobody(roots: Roots, files: Files) -> None:
    """Refuse a machine whose DAMON is in use, for a dry run, which has no session to do so.

    Raises:
        KernelBusyError: Naming who uses it.
    """
    for holder in foreign_use(roots, files):
        raise KernelBusyError(
            f"DAMON is in use by {holder.name}", got=f"pid {holder.pid}", fix=holder.fix
        )


def require_sources(roots: Roots, files: Files, needed: Collection[Source]) -> None:
    """Refuse a kernel that does not tell what is needed; reads only.

    Args:
        roots: Where its files are.
        files: How they are read.
        needed: Sources of telemetry, as `damosrl.daemon.driver.needed` gives them.

    Raises:
        KernelFeatureError: Naming all that is missing, and how to get it.
        KernelError: It lists no memory nodes.
    """
    nids = [node.nid for node in memory_nodes(files, roots)]
    told = HostTelemetry(roots, files, nids).sample()
    absent = {source for source in HOW_TO_GET if source in told.missing}
    if not (roots.tracefs / "instances").is_dir():
        absent.add(Source.SNAPSHOT)
    missing = sorted(absent & set(needed))
    if missing:
        ways = "; ".join(HOW_TO_GET[source] for source in missing)
        raise KernelFeatureError(
            "this kernel does not tell what the policy needs",
            got=f"missing: {', '.join(missing)}",
            fix=f"{ways}; or start with allow_missing: [{', '.join(missing)}] in --config, which "
            "holds the features that need it at a fixed value",
        )


def require_groups(roots: Roots, files: Files, paths: Sequence[str]) -> None:
    """Refuse a machine without the control groups that a bundle's schemes name; reads only.

    The kernel would refuse every document that names them, so nothing can be done without.

    Args:
        roots: Where its files are.
        files: How they are read.
        paths: Groups from the hierarchy's root.

    Raises:
        KernelFeatureError: Naming all that are missing.
        KernelError: It lists no memory nodes.
    """
    nids = [node.nid for node in memory_nodes(files, roots)] if paths else []
    used = MemcgMemory(roots, files, nids, paths).read().used_bytes[0]
    missing = [path for path, row in zip(paths, used, strict=True) if np.isnan(row).any()]
    if missing:
        raise KernelFeatureError(
            "this machine lacks control groups that the bundle drives",
            got=f"no {roots.cgroupfs}{missing[0]}/memory.numa_stat"
            + (f"; missing are {', '.join(missing)}" if missing[1:] else ""),
            fix="create them with the memory controller (cgroup 2), name their hierarchy by "
            "--cgroup-root, or train with the paths of this machine in conf/task",
        )
