"""Hosts with guests under the loop: each episode draws what runs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.config import host_config
from damosrl.acma.machine import AcmaHosts
from damosrl.acma.workload import HostWorkload, host_workload
from damosrl.damon import Document
from damosrl.machine import GroundTruth, IntArray, Telemetry
from damosrl_envs.loop.choices import as_list, pinned
from damosrl_envs.loop.world import Episode
from damosrl_tasks.acma.telemetry import host_telemetry, host_truth, next_averages, no_averages


class HostWorld:
    """A batch of hosts.

    Args:
        machines: One choice for all, or a list dealt out in turn.
        workloads: One workload, or a list of which each episode draws one.
        num_machines: N.
        seconds: Length of an episode.
        threads: Threads of the emulation.

    Raises:
        DamosrlError: A choice does not exist or does not fit; one line says how to fix it.
    """

    has_truth = True

    def __init__(
        self, machines: Any, workloads: Any, num_machines: int, seconds: int, threads: int = 1
    ) -> None:
        configs = [host_config(one) for one in as_list(machines)]
        self._hosts = AcmaHosts(
            [configs[place % len(configs)] for place in range(num_machines)], threads
        )
        self._seconds = seconds
        self._choices = [host_workload(one) for one in as_list(workloads)]
        self._pinned: list[HostWorkload | None] = [None] * num_machines
        self._averages = no_averages(num_machines)

    @property
    def machines(self) -> AcmaHosts:
        """The hosts, as an oracle sees them."""
        return self._hosts

    @property
    def overruns(self) -> IntArray:
        """None: emulated time is never late."""
        return np.zeros(self._hosts.num_machines, np.int64)

    def pin(self, workloads: Any) -> None:
        """Fix the workload of every machine until the next call; None draws again.

        Raises:
            ConfigError: There are not as many workloads as machines.
        """
        self._pinned = [*pinned(workloads, len(self._pinned), host_workload)]

    def begin(self, index: int, generator: np.random.Generator, plan: Any) -> Episode:
        """Boot a machine's guests with a drawn workload."""
        del plan
        seed = int(generator.integers(2**63))
        choice = self._pinned[index]
        if choice is None:
            choice = self._choices[int(generator.integers(len(self._choices)))]
        chosen = choice.pick(generator)
        loads = chosen.draw(generator, self._hosts.num_guests, self._seconds)
        self._hosts.load(index, loads, seed)
        self._averages[:, index] = 0.0
        memory = int(self._hosts.read().gauges.memory_bytes[index].sum())
        return Episode(chosen.name, chosen.family, memory)

    def set_quota_feedback(self, index: int, feedback: Any) -> None:
        """Let ACMA's loops of a machine start from quotas that they had, ``(G, 3)`` bytes."""
        self._hosts.state.guests["quota_bytes"][index] = feedback

    def commit(self, plan: NDArray[np.void]) -> NDArray[np.bool_]:
        """Put knobs into force; a host never refuses sound ones."""
        self._hosts.set_knobs(plan)
        return np.zeros(self._hosts.num_machines, np.bool_)

    def run(self, seconds: float) -> Telemetry:
        """Let time pass."""
        reading = self._hosts.run(seconds)
        self._averages = next_averages(self._averages, reading.guests, seconds)
        return host_telemetry(reading, self._averages)

    def telemetry(self) -> Telemetry:
        """Look now."""
        return host_telemetry(self._hosts.read(), self._averages)

    def truth(self) -> GroundTruth:
        """Return what only an emulator knows."""
        return host_truth(self._hosts.read())

    def document(self, document: Document) -> Document:
        """Return it as it is: hosts of guests have no kdamonds document."""
        return document

    def close(self) -> None:
        """Nothing is to be given back."""
