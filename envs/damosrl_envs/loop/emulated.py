"""Emulated machines under the loop: each episode draws a workload."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from damosrl.damon import Document
from damosrl.emulator.machine import EmulatedMachines
from damosrl.emulator.presets import MachineConfig, machine_config
from damosrl.emulator.workload.model import Workload
from damosrl.emulator.workload.source import WorkloadSource, workload_source
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.machine import GroundTruth, IntArray, Plan, Telemetry
from damosrl_envs.loop.choices import as_list, pinned
from damosrl_envs.loop.world import Episode


class EmulatedWorld:
    """A batch of emulated machines.

    Args:
        machines: One machine for all, or a list dealt out in turn.
        workloads: One workload, or a list of which each episode draws one.
        num_machines: N.
        fast_fill: Share of the upper tiers in use at the start; None: as the workload says.
        memcgs: Paths of control groups that telemetry and truth tell of; each is to be that of a
            tenant of every workload.

    Raises:
        DamosrlError: A choice does not exist; the nearest is named.
    """

    has_truth = True

    def __init__(
        self,
        machines: Any,
        workloads: Any,
        num_machines: int,
        *,
        fast_fill: float | None = None,
        memcgs: Sequence[str] = (),
    ) -> None:
        self._fast_fill = fast_fill
        self._memcgs = tuple(memcgs)
        configs = [machine_config(one) for one in as_list(machines)]
        self._configs = [configs[place % len(configs)] for place in range(num_machines)]
        self._sources: dict[str, WorkloadSource] = {}
        self._choices = as_list(workloads)
        for choice in self._choices:
            self._source(choice)
        self._pinned: list[Any] = [None] * num_machines
        self._machines: EmulatedMachines | None = None

    @property
    def num_nodes(self) -> int:
        """Memory nodes of every machine."""
        return len(self._configs[0].memory_tiers)

    @property
    def configs(self) -> tuple[MachineConfig, ...]:
        """Configuration of every machine."""
        return tuple(self._configs)

    @property
    def overruns(self) -> IntArray:
        """None: emulated time is never late."""
        return np.zeros(len(self._configs), np.int64)

    @property
    def machines(self) -> EmulatedMachines:
        """The machines.

        Raises:
            RuntimeError: `build` has not been called.
        """
        if self._machines is None:
            raise RuntimeError("the machines have not been built yet")
        return self._machines

    def build(self, template: Document, monitor: Literal["fast", "exact"], threads: int) -> None:
        """Make the machines, whose kdamonds have the structure of a template."""
        self._machines = EmulatedMachines(
            self._configs,
            len(self._configs),
            template,
            monitor,
            threads,
            memcgs=self._memcgs,
        )

    def pin(self, workloads: Any) -> None:
        """Fix the workload of every machine until the next call; None draws again.

        Raises:
            ConfigError: There are not as many workloads as machines.
        """
        self._pinned = pinned(workloads, len(self._pinned))

    def begin(self, index: int, generator: np.random.Generator, plan: Plan) -> Episode:
        """Lay a drawn workload out in memory; the template needs no plan to move nothing."""
        del plan
        seed = int(generator.integers(2**63))
        choice = self._pinned[index]
        if choice is None:
            choice = self._choices[int(generator.integers(len(self._choices)))]
        workload = self._source(choice).draw(generator)
        require_tenants(workload, self._memcgs)
        if self._fast_fill is not None:
            start = replace(workload.start, fast_fill=self._fast_fill)
            workload = replace(workload, start=start)
        self.machines.load(index, workload, seed)
        return Episode(workload.name, workload.family, workload.access.footprint_bytes)

    def set_quota_feedback(self, index: int, feedback: Any) -> None:
        """Let the kernel's quota loops of a machine start from a state that they had."""
        self.machines.set_quota_feedback(index, feedback)

    def commit(self, plan: Plan) -> NDArray[np.bool_]:
        """Put a plan into force; an emulated kernel never refuses one."""
        self.machines.commit(plan)
        return np.zeros(len(self._configs), np.bool_)

    def run(self, seconds: float) -> Telemetry:
        """Let time pass."""
        return self.machines.run(seconds)

    def telemetry(self) -> Telemetry:
        """Look now."""
        return self.machines.telemetry()

    def truth(self) -> GroundTruth:
        """Return what only an emulator knows."""
        return self.machines.truth()

    def document(self, document: Document) -> Document:
        """Return a document with the addresses of the first machine."""
        return self.machines.with_addresses(0, document)

    def close(self) -> None:
        """Nothing is to be given back."""

    def _source(self, choice: Any) -> WorkloadSource:
        """Read a workload once, however many episodes it is drawn for."""
        key = repr(choice)
        if key not in self._sources:
            self._sources[key] = workload_source(choice)
        return self._sources[key]


def require_tenants(workload: Workload, memcgs: Sequence[str]) -> None:
    """Refuse a workload that has no tenant in a control group.

    Raises:
        ConfigError: It is one application, and not of any control group.
        UnknownNameError: Naming the group, and the nearest that the workload has.
    """
    if memcgs and not workload.tenants:
        raise ConfigError(
            f"workload {workload.name} has no tenants",
            got="one application",
            allowed=f"applications in the control groups of the task: {', '.join(memcgs)}",
            fix="choose workload=tenants_mix or another of tenants_*; budgets of `damosrl attack` "
            "are one application, so that it works for tasks without tenants only",
        )
    known = [tenant.memcg.rstrip("/") for tenant in workload.tenants]
    for path in memcgs:
        if path.rstrip("/") not in known:
            raise UnknownNameError(f"tenant of workload {workload.name}", path, known)
