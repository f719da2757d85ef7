"""The rules of DAMON and DAMOS once more, in plain Python integers: slow, short, obviously right.

Written from the text of the rules (the semantics: what kernel 7.3 does), not from the compiled
kernels, to judge them: both must give the same result for every case and every single step. Plain
integers do not wrap around, so wherever the kernel's arithmetic does, it is written out.
"""

from damosrl.emulator.conformance.reference.run import run, run_case
from damosrl.emulator.conformance.reference.steps import STEPS

__all__ = ["STEPS", "run", "run_case"]
