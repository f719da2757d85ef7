"""A real kernel under the loop: what runs on it runs, and time is real."""

import time
import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.config import of_kind
from damosrl.damon import Document
from damosrl.errors import ConfigError, KernelError
from damosrl.kernel.clock import Clock
from damosrl.kernel.config import KernelConfig, kernel_machine
from damosrl.kernel.files import Files, OsFiles
from damosrl.kernel.host.nodes import memory_nodes
from damosrl.kernel.machine import KernelMachine
from damosrl.kernel.placing import placed
from damosrl.kernel.traced import Pipe
from damosrl.machine import IntArray, Plan, Telemetry
from damosrl_envs.loop.world import Episode

KIND = "kernel"


def kernel_config(choice: Any) -> KernelConfig | None:
    """Return the configuration of a kernel; None where an emulated machine is meant.

    Args:
        choice: A `KernelConfig`, a name of conf/machine, the path of a YAML, or a mapping.

    Raises:
        ConfigError: A key or value of a kernel's configuration is wrong.
    """
    return of_kind(KernelConfig, KIND, "machine", choice)


class KernelWorld:
    """One kernel. A session on it begins with the first episode, and ends with `close`.

    Args:
        config: Where it is.
        num_machines: N, which has to be 1.
        files: How its files are read and written; by default the real way.
        pipe: Trace lines; by default those of a private instance of the tracer.
        clock: Real or virtual time.
        memcgs: Paths of control groups that telemetry has to tell of.

    Raises:
        ConfigError: N is not 1.
        KernelError: The kernel lists no memory nodes.
    """

    has_truth = False

    def __init__(
        self,
        config: KernelConfig,
        num_machines: int = 1,
        *,
        files: Files | None = None,
        pipe: Pipe | None = None,
        clock: Clock = time,
        memcgs: Sequence[str] = (),
    ) -> None:
        if num_machines != 1:
            raise ConfigError(
                "a kernel is one machine", got=f"num_envs={num_machines}", allowed="1"
            )
        self._config = config
        self._files = OsFiles() if files is None else files
        self._pipe, self._clock, self._memcgs = pipe, clock, tuple(memcgs)
        self._nodes = memory_nodes(self._files, config.roots)
        self._machine: KernelMachine | None = None
        self._stack = ExitStack()
        # also at the interpreter's end: a kernel is left as it was found
        self._closing = weakref.finalize(self, self._stack.close)

    @property
    def num_nodes(self) -> int:
        """Memory nodes."""
        return len(self._nodes)

    @property
    def overruns(self) -> IntArray:
        """Steps that ended late, ``(1,)``."""
        return np.array([self.machine.overruns])

    @property
    def machine(self) -> KernelMachine:
        """The kernel; the session begins here.

        Raises:
            KernelBusyError: Somebody else uses DAMON.
            KernelError: There is no DAMON.
        """
        if self._machine is None:
            self._machine = self._stack.enter_context(
                kernel_machine(
                    self._config,
                    files=self._files,
                    pipe=self._pipe,
                    clock=self._clock,
                    memcgs=self._memcgs,
                )
            )
        return self._machine

    @property
    def machines(self) -> Any:
        """Refuse: there is no emulated machine here.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError("this environment runs on a kernel, not on emulated machines")

    def pin(self, workloads: Any) -> None:
        """Refuse workloads: what runs on a kernel is not chosen here.

        Raises:
            ConfigError: Workloads are given.
        """
        if workloads is not None:
            raise ConfigError(
                "a kernel's workload cannot be chosen", got=workloads, fix="start it yourself"
            )

    def begin(self, index: int, generator: np.random.Generator, plan: Plan) -> Episode:
        """Start the kdamonds anew; counters begin at 0."""
        self.machine.begin(plan.document(index))
        del generator
        return Episode(self._config.name, KIND, int(self.telemetry().node_total_bytes.sum()))

    def set_quota_feedback(self, index: int, feedback: Any) -> None:
        """Refuse: the state of a kernel's quota loop cannot be set.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "a kernel's quota loop cannot be warmed",
            got=f"quota_feedback {feedback} for machine {index}",
            fix="leave it out",
        )

    def commit(self, plan: Plan) -> NDArray[np.bool_]:
        """Put a plan into force; where the kernel refuses, the one before stays."""
        try:
            self.machine.commit(plan)
        except KernelError:
            return np.ones(1, np.bool_)
        return np.zeros(1, np.bool_)

    def run(self, seconds: float) -> Telemetry:
        """Let time pass."""
        return self.machine.run(seconds)

    def telemetry(self) -> Telemetry:
        """Look now."""
        return self.machine.telemetry()

    def truth(self) -> None:
        """No kernel knows it."""

    def document(self, document: Document) -> Document:
        """Return a document with the addresses of this machine; needs no session."""
        return placed(document, self._nodes)

    def close(self) -> None:
        """End the session: our kdamonds are stopped, what was there is restored."""
        self._closing()
        self._machine = None
        self._stack = ExitStack()
        self._closing = weakref.finalize(self, self._stack.close)
