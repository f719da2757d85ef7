"""The daemon's life: decide, tell, wait, until it is told to end."""

from collections.abc import Callable, Sequence

from damosrl.daemon.control import Control
from damosrl.daemon.decision import Decision
from damosrl.daemon.driver import Driver, Wishes
from damosrl.daemon.pilot import Pilot
from damosrl.daemon.setting_up import same_monitoring
from damosrl.daemon.teller import Teller
from damosrl.errors import DamosrlError
from damosrl.kernel.machine import KernelMachine


class Service:
    """Steps a driver in real time.

    Args:
        driver: Already begun.
        machine: The kernel under it, whose clock the control is.
        control: Wishes of the owner.
        tellers: Who is told.
        load: Loads the bundle again.
        interval_s: Decision interval.
    """

    def __init__(
        self,
        driver: Driver,
        machine: KernelMachine,
        control: Control,
        tellers: Sequence[Teller],
        load: Callable[[], Pilot],
        interval_s: float,
    ) -> None:
        self._driver = driver
        self._machine = machine
        self._control = control
        self._tellers = tuple(tellers)
        self._load = load
        self._interval_s = interval_s

    def run(self, steps: int | None = None) -> None:
        """Decide again and again; ends by SystemExit or KeyboardInterrupt, or after some steps."""
        done = 0
        while True:
            if self._control.take_reload():
                self._reload()
            self.step()
            done += 1
            if steps is not None and done >= steps:
                return
            self._machine.wait(self._interval_s)

    def step(self) -> Decision:
        """Decide once, and tell."""
        wishes = Wishes(self._control.stopped, self._control.take_fallback())
        decision = self._driver.step(wishes)
        for teller in self._tellers:
            teller.take(decision)
        return decision

    def _reload(self) -> None:
        """Replace the pilot by one of the bundle as it is now; a bad bundle changes nothing."""
        for teller in self._tellers:
            teller.reloading()
        problem = self._replace_pilot()
        for teller in self._tellers:
            teller.reloaded(self._driver.pilot.artifact, problem)

    def _replace_pilot(self) -> str | None:
        try:
            pilot = self._load()
            same_monitoring(self._driver.pilot, pilot)
        except DamosrlError as error:
            return str(error)
        self._driver.replace(pilot)
        return None
