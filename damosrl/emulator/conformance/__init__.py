"""Comparison with the kernel's own core: trace cases and single-step tables."""

from damosrl.emulator.conformance.case import run_case
from damosrl.emulator.conformance.check import Result, check, check_paths, print_case
from damosrl.emulator.conformance.tables import TABLES

__all__ = ["TABLES", "Result", "check", "check_paths", "print_case", "run_case"]
