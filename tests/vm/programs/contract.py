"""Holds the running kernel to the machine contract; the word is the program with known accesses."""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from damosrl.damon import Document
from damosrl.kernel.config import KernelConfig, kernel_machine
from damosrl.kernel.machine import KernelMachine
from damosrl.machine import Plan
from damosrl.testing.machine_contract import CLAUSES, MachineCase
from tests.testing.tiering import MIB, tiering

PLAN = Plan(tiering(), {})
REFUSED = Plan(Document(PLAN.template.kdamonds[:1]), {})


class Kernels:
    """One kernel after the other, each with a hot program that begins in the slow node."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._stack = ExitStack()

    def start(self) -> KernelMachine:
        """End the last session and program, and begin anew."""
        self.close()
        words = [str(self._program), "300", "1", "0:100:3600"]
        hot = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self._stack.callback(hot.wait)
        self._stack.callback(hot.kill)
        assert hot.stdin is not None
        hot.stdin.write(b"\n")
        hot.stdin.flush()
        time.sleep(3.0)
        machine = self._stack.enter_context(kernel_machine(KernelConfig()))
        machine.begin(PLAN.template)
        return machine

    def close(self) -> None:
        """End the last one."""
        self._stack.close()


def main(program: Path) -> None:
    """Check clause by clause; one line for each that holds."""
    kernels = Kernels(program)
    case = MachineCase(
        kernels.start,
        PLAN,
        (1, 0),
        REFUSED,
        quota_bytes=8 * MIB,
        settle_s=10.0,
        time_tolerance_s=1.0,
        repeatable=False,
    )
    try:
        for clause in CLAUSES:
            clause(case)
            sys.stdout.write(f"{clause.__name__}\n")
            sys.stdout.flush()
    finally:
        kernels.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
