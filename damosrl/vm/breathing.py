"""The load of resize experiments: a program in the guest that allocates and frees by a schedule."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from damosrl.errors import VmError
from damosrl.vm.channel import Command
from damosrl.vm.compiler import compile_c
from damosrl.vm.guest import Guest


@dataclass(frozen=True, slots=True)
class Breath:
    """What the program held and did for one size of its schedule.

    Args:
        asked_mib: What the schedule wants it to hold.
        held_mib: What it holds; less where the kernel refused.
        touched: Pages written.
        late_us: How much longer than there was time that took.
    """

    asked_mib: int
    held_mib: int
    touched: int
    late_us: int


@dataclass(frozen=True, slots=True)
class Breathing:
    """The program, running.

    Args:
        command: Where it was started.
    """

    command: Command

    @classmethod
    def start(
        cls,
        guest: Guest,
        sizes_mib: Sequence[int],
        *,
        seconds: float = 1.0,
        touches_per_s: float = 0.1,
        skew: float = 4.0,
    ) -> "Breathing":
        """Compile the program and start it in a guest.

        Args:
            guest: The guest.
            sizes_mib: What it holds, one size after the other, the last for ever.
            seconds: How long each.
            touches_per_s: Writes per second to an average page.
            skew: Concentration of the writes; 1 is uniform.

        Raises:
            VmError: There is no C compiler.
        """
        with TemporaryDirectory() as scratch:
            source = files("damosrl.vm").joinpath("breathing.c")
            program = guest.put(compile_c(source, Path(scratch)))
        numbers = (f"{seconds:g}", f"{touches_per_s:g}", f"{skew:g}", *map(str, sizes_mib))
        return cls(guest.start([program, *numbers]))

    def newest(self) -> Breath | None:
        """Return what it told last, None before its first line.

        Raises:
            VmError: It has ended, which it never does by itself: the guest's kernel killed it.
        """
        if self.command.status is not None:
            raise VmError(
                "the program in the guest was killed",
                got=f"status {self.command.status}",
                fix="raise the guest's smallest size or its reserve",
            )
        line = self.command.last_line()
        if not line:
            return None
        told = json.loads(line)
        return Breath(told["asked_mib"], told["held_mib"], told["touched"], told["late_us"])

    def stop(self) -> None:
        """End it; its memory is free then."""
        self.command.signal("KILL")
