"""A daemon's driver on a fake kernel of two tiers, without processes and without real time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from damosrl.artifact import Artifact, Deployment, ObservedRange, assemble
from damosrl.daemon.decision import Decision, Mode
from damosrl.daemon.driver import Driver, Wishes
from damosrl.daemon.pilot import Pilot
from damosrl.daemon.settings import DaemonSettings
from damosrl.damon import Document
from damosrl.kernel.config import kernel_machine
from damosrl.kernel.decode import document_of
from damosrl.kernel.snapshot import read_settings
from damosrl.knobs import Float32Array
from damosrl.policy import ControllerPolicy
from damosrl.safety import safety_config
from damosrl.testing.fake_kernel import FakeKernel
from damosrl.testing.faulty_files import Fault, FaultyFiles
from damosrl.tuner import BaseTuner, Tuner
from damosrl_tasks.tiering.task import TieringTask, kernel_task

Act = Callable[[Float32Array], Any]


class Acting(BaseTuner):
    """A policy that is one function of the observation.

    Args:
        act: The function.
    """

    def __init__(self, act: Act) -> None:
        self._act = act

    def act(self, observation: Float32Array) -> Float32Array:
        """Return whatever the function says."""
        answer: Float32Array = self._act(observation)
        return answer


def keeping(observation: Float32Array) -> Float32Array:
    """Ask for the defaults, whatever is seen."""
    del observation
    return np.array([0.53, 0.53, -0.27, -1.0, 0.2], np.float32)


def tiering_artifact(
    observed: ObservedRange | None = None, safety: str = "default", **settings: Any
) -> Artifact:
    """Return a bundle of the tiering task that names a controller.

    Args:
        observed: Training range.
        safety: Choice of conf/safety whose values it carries.
        **settings: Of the task.
    """
    task = kernel_task(settings, 2)
    deployment = Deployment(
        task_settings=settings, safety=plain(safety), observed=observed, frames=1
    )
    return assemble(
        ControllerPolicy("pi"), spec=task.spec, algorithm="controller", deployment=deployment
    )


def plain(choice: str) -> dict[str, Any]:
    """Return a choice of conf/safety as plain data."""
    return asdict(safety_config(choice))


class Rig:
    """One driver, stepped second by second.

    Args:
        kernel: The fake kernel.
        driver: The driver on it, already begun.
        faults: Of the files between the two.
    """

    def __init__(self, kernel: FakeKernel, driver: Driver, faults: list[Fault]) -> None:
        self.kernel = kernel
        self.driver = driver
        self.faults = faults
        """What goes wrong next with the kernel's files."""
        self.talks = True
        """Whether the kdamonds tell of regions."""
        self.works = True
        """Whether the kdamonds use CPU time."""
        self._cpu_us = 1000

    def step(self, **wishes: bool) -> Decision:
        """Let a second pass and decide."""
        self.kernel.clock.sleep(1.0)
        if self.talks:
            self.kernel.trace(self.kernel.clock.now_s)
            self._cpu_us += 1000 if self.works else 0
            for pid in self.kernel.pids():
                self.kernel.host.set_cpu_time(pid, self._cpu_us)
        return self.driver.step(Wishes(**wishes))

    def steps(self, count: int) -> list[Decision]:
        """Decide so many times."""
        return [self.step() for _ in range(count)]

    def in_force(self) -> Document:
        """Return the document that the kernel's files hold."""
        return document_of(read_settings(self.kernel.tree, self.kernel.roots.damon))

    def quotas(self) -> dict[str, int]:
        """Return the size quotas of demotion and promotion in the kernel's files."""
        kdamonds = self.in_force().kdamonds
        demotion, promotion = (kdamond.contexts[0].schemes[0].quota for kdamond in kdamonds)
        return {"demotion": demotion.sz_bytes, "promotion": promotion.sz_bytes}


@contextmanager
def rig(
    folder: Path,
    act: Act | Tuner = keeping,
    *,
    mode: Mode = Mode.ACTIVE,
    canary: float | None = None,
    artifact: Artifact | None = None,
    kernel: FakeKernel | None = None,
    **settings: Any,
) -> Iterator[Rig]:
    """Begin a driver on a fake kernel; the kernel is restored at the end.

    Args:
        folder: For locks and saved states.
        act: The policy.
        mode: Of the driver.
        canary: Share of the request that counts, per cent.
        artifact: The bundle; its own policy is not used.
        kernel: The kernel; a new one unless given.
        **settings: Of `DaemonSettings`.
    """
    kernel = kernel or FakeKernel(folder)
    tuner = act if isinstance(act, Tuner) else Acting(act)
    told = DaemonSettings(**{"settle_s": 0.0, **settings})
    artifact = artifact or tiering_artifact()
    files = FaultyFiles(kernel.tree)
    task: TieringTask = kernel_task(artifact.deployment.task_settings, 2)
    with kernel_machine(
        kernel.config, files=files, pipe=kernel.pipe, clock=kernel.clock, take_over=True
    ) as machine:
        driver = Driver(machine, Pilot(artifact, task, tuner, told, canary), told, mode)
        driver.begin(adopt=True)
        yield Rig(kernel, driver, files.faults)
