"""A batch of hosts with guests: load, set knobs, let seconds pass, read."""

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.blocks import free_buddies
from damosrl.acma.config import HostConfig
from damosrl.acma.gauging import read_hosts
from damosrl.acma.oracle import perfect_host
from damosrl.acma.reading import Reading
from damosrl.acma.state import KNOB, LOAD, OFF, Hosts, allocate_hosts, reset_host
from damosrl.acma.tick import boot, is_sound, tick
from damosrl.errors import ConfigError

FloatArray = NDArray[np.float64]
TICK_S = 1.0
"""Length of a step: the quota window and apply interval of the RFC."""


class AcmaHosts:
    """N hosts of the same number of guests; what a step costs does not depend on memory sizes.

    Args:
        configs: One per machine.
        threads: Threads that share the machines; results do not depend on it.

    Raises:
        ConfigError: The machines have different numbers of guests.

    Example:
        >>> from damosrl.acma.config import host_config
        >>> from damosrl.acma.workload import host_workload
        >>> hosts = AcmaHosts([host_config("acma_host")])
        >>> loads = host_workload("acma_diurnal").draw(np.random.default_rng(0), 3, 60)
        >>> hosts.load(0, loads, seed=1)
        >>> bool(hosts.run(10.0).gauges.held_bytes.sum() > 0.0)
        True
    """

    def __init__(self, configs: Sequence[HostConfig], threads: int = 1) -> None:
        sizes = {len(config.guests) for config in configs}
        if len(sizes) != 1:
            raise ConfigError(
                "machines of one batch differ in their number of guests",
                got=sorted(sizes),
                allowed="the same number everywhere",
            )
        self.configs = list(configs)
        self._threads = min(threads, len(self.configs))
        self.num_guests = sizes.pop()
        self.state: Hosts = allocate_hosts(self.configs)
        self._loads = np.zeros((len(self.configs), self.num_guests, 1), LOAD)
        self._second = np.zeros(len(self.configs), np.int64)
        self.state.knobs["rule"] = OFF
        self.state.knobs["maximum"] = 1.0

    @property
    def num_machines(self) -> int:
        """Number of machines N."""
        return len(self.configs)

    @property
    def loads(self) -> NDArray[np.void]:
        """What happens second by second: `damosrl.acma.state.LOAD` records, ``(N, G, T)``."""
        return self._loads

    @property
    def second(self) -> NDArray[np.int64]:
        """The second that each machine is in, ``(N,)``."""
        return self._second

    def load(self, machine: int, loads: NDArray[np.void], seed: int) -> None:
        """Begin anew on one machine.

        Args:
            machine: Which one.
            loads: `damosrl.acma.state.LOAD` records, ``(G, T)``; the last second goes on forever.
            seed: Of its random numbers, 64 bit.
        """
        self._fit(loads.shape[1])
        self._loads[machine] = loads[:, -1:]
        self._loads[machine, :, : loads.shape[1]] = loads
        self._second[machine] = 0
        state = self.state
        reset_host(state, machine, self.configs[machine], seed)
        boot(
            state.counts[machine],
            state.guests[machine],
            state.hosts[machine],
            self._loads[machine],
            state.streams[machine],
        )

    def set_knobs(self, knobs: NDArray[np.void]) -> None:
        """Put knobs into force, `damosrl.acma.state.KNOB` records ``(N,)``.

        Raises:
            ConfigError: A minimum is above its maximum, or a pressure target is 0 or above 100 %.
        """
        check_knobs(knobs)
        self.state.knobs[:] = knobs

    def run(self, seconds: float) -> Reading:
        """Let whole seconds pass on all machines."""
        ticks = round(seconds / TICK_S)
        borders = np.linspace(0, self.num_machines, self._threads + 1).astype(np.int64)
        parts = [slice(*pair) for pair in itertools.pairwise(borders.tolist())]
        if len(parts) == 1:
            self._tick(ticks, parts[0])
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(partial(self._tick, ticks), parts))
        return self.read()

    def _tick(self, ticks: int, part: slice) -> None:
        """Let seconds pass on a part of the machines; kernels hold no lock meanwhile."""
        arrays = (*self.state[:-1], self._loads, self._second, self.state.streams)
        mine = [array[part] for array in arrays]
        for _ in range(ticks):
            tick(*mine)
            self._second[part] += 1

    def read(self) -> Reading:
        """Look now."""
        return read_hosts(self.state)

    def buddies(self) -> FloatArray:
        """Count free buddies of every guest by order, ``(N, G, 11)``."""
        return free_buddies(self.state.counts)

    def perfect(self, machine: int) -> int:
        """Scale one machine's guests by the truth, at no cost; returns the bytes paged out then."""
        state = self.state
        paged_out = perfect_host(
            state.counts[machine],
            state.guests[machine],
            state.hosts[machine],
            self._loads[machine],
            int(self._second[machine]),
            state.streams[machine],
        )
        return int(paged_out)

    def sound(self) -> bool:
        """Tell whether every block of every guest is accounted for exactly once."""
        return all(
            is_sound(self.state.counts[n, g], self.state.guests[n, g])
            for n in range(self.num_machines)
            for g in range(self.num_guests)
        )

    def _fit(self, seconds: int) -> None:
        """Make room for an episode of so many seconds."""
        have = self._loads.shape[2]
        if seconds > have:
            more = np.repeat(self._loads[:, :, -1:], seconds - have, axis=2)
            self._loads = np.concatenate([self._loads, more], axis=2)


def check_knobs(knobs: NDArray[np.void]) -> None:
    """Refuse knobs that contradict themselves.

    Raises:
        ConfigError: A minimum is above its maximum, or a pressure target is 0 or above 100 %.
    """
    reversed_ = knobs["minimum"] > knobs["maximum"]
    if reversed_.any():
        first = knobs[np.flatnonzero(reversed_)[0]]
        raise ConfigError(
            "minimum memory is above maximum memory",
            got=f"{100 * first['minimum']:g} % > {100 * first['maximum']:g} %",
            allowed="minimum <= maximum",
            fix="raise the maximum or lower the minimum",
        )
    wrong = (knobs["rule"] != OFF) & ~((knobs["target"] > 0.0) & (knobs["target"] <= 1.0))
    if wrong.any():
        first = knobs[np.flatnonzero(wrong)[0]]
        raise ConfigError(
            "pressure target is out of range",
            got=f"{100 * first['target']:g} %",
            allowed="above 0 and up to 100 % of the time",
            fix="give 0.1, or switch ACMA off",
        )


def new_knobs(machines: int) -> NDArray[np.void]:
    """Return knobs under which nothing scales, ``(N,)`` records."""
    knobs = np.zeros(machines, KNOB)
    knobs["rule"], knobs["maximum"] = OFF, 1.0
    return knobs
