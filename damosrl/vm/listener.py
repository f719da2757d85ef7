"""The host's end of `damosrl.vm.teller`: the newest look at a guest's memory."""

import time
from dataclasses import dataclass

from damosrl.errors import VmError
from damosrl.vm.channel import Command
from damosrl.vm.guest import Guest
from damosrl.vm.guest_memory import GuestMemory, parse

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class MemoryListener:
    """Reads what one guest tells.

    Args:
        teller: The program that tells.
    """

    teller: Command

    @classmethod
    def start(
        cls, guest: Guest, interval_s: float = 0.5, timeout_s: float = 90.0
    ) -> "MemoryListener":
        """Start a teller in a guest and wait for its first line.

        Args:
            guest: The guest.
            interval_s: Time between two lines.
            timeout_s: Time limit for the first.

        Raises:
            VmError: It did not come.
        """
        words = ["python", "-m", "damosrl.vm.teller", f"{interval_s:g}"]
        listener = cls(guest.start(words))
        end = time.monotonic() + timeout_s
        while not listener.teller.last_line():
            if listener.teller.status is not None or time.monotonic() > end:
                listener.stop()
                raise VmError("the guest does not tell its memory", fix="see its console")
            time.sleep(POLL_S)
        return listener

    def newest(self) -> GuestMemory:
        """Return the newest look.

        Raises:
            VmError: The teller has ended: without it nothing is known.
        """
        if self.teller.status is not None or not self.teller.channel.alive():
            raise VmError("the guest no longer tells its memory", fix="see its console")
        return parse(self.teller.last_line())

    def after(self, uptime_s: float, timeout_s: float = 30.0) -> GuestMemory:
        """Return the first look made after a time of the guest's clock.

        Args:
            uptime_s: That time.
            timeout_s: Time limit.

        Raises:
            VmError: The guest was silent for so long, or no longer tells.
        """
        end = time.monotonic() + timeout_s
        while (look := self.newest()).uptime_s <= uptime_s:
            if time.monotonic() > end:
                raise VmError(f"the guest was silent for {timeout_s:g} s", fix="see its console")
            time.sleep(POLL_S)
        return look

    def fresh(self) -> GuestMemory:
        """Return a look that began after this call: the one after the next.

        Raises:
            VmError: The guest was silent, or no longer tells.
        """
        return self.after(self.after(self.newest().uptime_s).uptime_s)

    def stop(self) -> None:
        """End the teller."""
        self.teller.signal("KILL")
