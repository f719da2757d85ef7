"""A real guest under the loop: a drawn workload runs in it, and its size follows the knobs."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from damosrl.acma.machine import check_knobs
from damosrl.acma.workload import HostWorkload, host_workload
from damosrl.damon import Document
from damosrl.errors import ConfigError, VmError
from damosrl.knobs import FloatArray
from damosrl.machine import IntArray, Telemetry
from damosrl.vm.balloon import Balloon
from damosrl.vm.breathing import Breathing
from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.listener import MemoryListener
from damosrl.vm.machine import GuestMachine
from damosrl.vm.memory_blocks import ONLINE_MOVABLE
from damosrl_envs.acma.guest.config import GuestHostConfig
from damosrl_envs.acma.guest.devices import HOTPLUG_MIB, HOTPLUGS, Devices
from damosrl_envs.acma.guest.gauges import Counters, Look, reading
from damosrl_envs.acma.guest.sizing import Extent, Sizer, Sizes
from damosrl_envs.loop.choices import as_list, pinned
from damosrl_envs.loop.world import Episode
from damosrl_tasks.acma.telemetry import host_telemetry, next_averages, no_averages

MACHINE = "resizable"
POLL_S = 0.1


class GuestWorld:
    """One real guest; it is booted with the first episode and ends with `close`.

    Args:
        config: Which guest.
        workloads: One workload, or a list of which each episode draws one.
        num_machines: N, which has to be 1.
        seconds: Length of an episode.

    Raises:
        ConfigError: N is not 1, or a workload does not exist.
    """

    has_truth = False

    def __init__(
        self, config: GuestHostConfig, workloads: Any, num_machines: int, seconds: int
    ) -> None:
        if num_machines != 1:
            raise ConfigError(
                "a real guest is one machine", got=f"num_envs={num_machines}", allowed="1"
            )
        self._config, self._seconds = config, seconds
        self._choices = [host_workload(one) for one in as_list(workloads)]
        self._pinned: HostWorkload | None = None
        hardware = GuestMachine.preset(MACHINE)
        self._threads = hardware.num_cpus
        self._extent = Extent(hardware.memory_mib, HOTPLUG_MIB, config.reserve_mib, config.step_mib)
        self._sizer = Sizer(self._extent)
        self._counters = Counters(self._extent, self._threads)
        self._stack = ExitStack()
        self._guest: Guest | None = None
        self._load: Breathing | None = None
        self._averages: FloatArray = no_averages(1)
        self.overruns: IntArray = np.zeros(1, np.int64)

    @property
    def machines(self) -> Any:
        """Refuse: there is no emulated host here.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError("this environment runs on a real guest, not on emulated hosts")

    def pin(self, workloads: Any) -> None:
        """Fix the workload until the next call; None draws again.

        Raises:
            ConfigError: There is not exactly one.
        """
        self._pinned = pinned(workloads, 1, host_workload)[0]

    def begin(self, index: int, generator: np.random.Generator, plan: Any) -> Episode:
        """Give the guest all its memory and start a drawn workload in it.

        Raises:
            VmError: The guest cannot be booted, does not get its memory back or has no room.
        """
        del index, plan
        if self._guest is None:
            self._boot()
        if self._load is not None:
            self._load.stop()
        self._restore()
        choice = self._pinned or self._choices[int(generator.integers(len(self._choices)))]
        chosen = choice.pick(generator)
        loads = chosen.draw(generator, 1, self._seconds)[0]
        self._start(loads)
        self._sizer = Sizer(self._extent)
        self._counters = Counters(self._extent, self._threads)
        self._averages = no_averages(1)
        self._begun_s = self._due_s = time.monotonic()
        self._look = self._see()
        self._killed = self._look.memory.oom_kills
        self._counters.take(self._look, 0)
        return Episode(chosen.name, chosen.family, self._extent.memory_mib << 20)

    def set_quota_feedback(self, index: int, feedback: Any) -> None:
        """Let ACMA's loop start from quotas that it had, ``(1, 3)`` bytes."""
        del index
        self._sizer.quota_bytes[:] = np.asarray(feedback, np.float64)[0]

    def commit(self, plan: NDArray[np.void]) -> NDArray[np.bool_]:
        """Ask the devices for the sizes that the knobs mean, within the limits.

        Raises:
            ConfigError: The knobs contradict themselves.
            VmError: QEMU refuses or does not answer.
        """
        check_knobs(plan)
        look = self._look
        wanted = self._sizer.decide(plan[0], look.sizes, look.in_use_mib, self._counters.pressure)
        self._counters.asked(wanted)
        self._devices.ask(wanted)
        return np.zeros(1, np.bool_)

    def run(self, seconds: float) -> Telemetry:
        """Let time pass.

        Raises:
            VmError: The guest's kernel killed a program for want of memory, or the guest is lost.
        """
        self._due_s += seconds
        late_s = time.monotonic() - self._due_s
        if late_s > 0.0:
            self.overruns = self.overruns + 1
            self._due_s += late_s
        time.sleep(max(-late_s, 0.0))
        self._look = self._see()
        self._counters.take(self._look, self._failed_mib())
        self._averages = next_averages(self._averages, self._counters.guests(), seconds)
        return self.telemetry()

    def telemetry(self) -> Telemetry:
        """Return the last look."""
        told = reading(self._look, self._counters, self._extent, self._config.host_share)
        return host_telemetry(told, self._averages)

    def truth(self) -> None:
        """Nobody knows how slow a real guest's programs are."""

    def document(self, document: Document) -> Document:
        """Return it as it is: a guest as a whole has no kdamonds document."""
        return document

    def close(self) -> None:
        """End what was started: load, teller, and the guest if it was booted here."""
        self._stack.close()
        self._guest = self._load = None

    def _boot(self) -> None:
        config = self._config
        lab = Lab(Path(config.lab).expanduser()) if config.lab else Lab.default()
        guest = Guest.find(lab, config.guest)
        if guest is None:
            guest = self._stack.enter_context(
                Guest.boot(
                    lab,
                    GuestMachine.preset(MACHINE),
                    name=config.guest,
                    kernel=config.kernel,
                    arguments=[ONLINE_MOVABLE],
                )
            )
        self._listener = MemoryListener.start(guest)
        self._stack.callback(self._listener.stop)
        hotplug = HOTPLUGS[config.hotplug](guest)
        self._devices = Devices(Balloon(guest.control), hotplug, self._extent.boot_mib)
        self._stack.callback(self._release)
        self._guest = guest

    def _release(self) -> None:
        """Give the guest its memory back, then end the load: a starved guest ends nothing."""
        if self._guest is not None and self._guest.alive:
            self._devices.ask(Sizes(self._extent.memory_mib, 0))
            if self._load is not None:
                self._load.stop()

    def _restore(self) -> None:
        """Plug everything in and empty the balloon.

        It is asked for again and again: a block that was asked to leave may do so late.
        """
        whole = Sizes(self._extent.memory_mib, 0)
        end = time.monotonic() + self._config.settle_s
        while self._devices.sizes() != whole:
            if time.monotonic() > end:
                raise VmError(
                    "the guest did not get its memory back", got=f"{self._devices.sizes()}"
                )
            self._devices.ask(whole)
            time.sleep(POLL_S)

    def _start(self, loads: NDArray[np.void]) -> None:
        """Start the program and wait until it holds its first memory."""
        assert self._guest is not None  # noqa: S101  booted before
        room_mib = self._extent.memory_mib - 2 * self._extent.reserve_mib
        sizes = np.minimum(loads["program"] * self._extent.memory_mib, room_mib)
        self._load = Breathing.start(
            self._guest,
            [int(size) for size in sizes],
            touches_per_s=float(loads["touch"][0]),
            skew=float(loads["skew"][0]),
        )
        end = time.monotonic() + self._config.settle_s
        while self._load.newest() is None:
            if time.monotonic() > end:
                raise VmError("the workload did not start in the guest", fix="see its console")
            time.sleep(POLL_S)

    def _see(self) -> Look:
        assert self._guest is not None  # noqa: S101  booted before
        memory = self._listener.newest()
        time_s = time.monotonic() - self._begun_s
        return Look(memory, self._devices.sizes(), self._guest.held_bytes(), time_s)

    def _failed_mib(self) -> int:
        """Return what the program lacks.

        Raises:
            VmError: A program was killed.
        """
        if self._look.memory.oom_kills > self._killed:
            raise VmError(
                "the guest's kernel killed a program for want of memory",
                got=f"{self._look.sizes.usable} MiB left to it",
                fix="raise reserve_mib or the smallest size",
            )
        newest = self._load.newest() if self._load else None
        return newest.asked_mib - newest.held_mib if newest else 0
