"""Integer arithmetic as the kernel does it: unsigned 64 bit, truncating, wrapping."""

import numpy as np

from damosrl.emulator.jit import inner_kernel

U = np.uint64
MASK_32 = U(0xFFFFFFFF)
BASIS = U(10000)
"""Basis points of one."""


@inner_kernel
def align_down(value: np.uint64, unit: np.uint64) -> np.uint64:
    """Round down to a multiple of a power of two."""
    return value & ~(unit - U(1))


@inner_kernel
def align_up(value: np.uint64, unit: np.uint64) -> np.uint64:
    """Round up to a multiple of a power of two."""
    return (value + unit - U(1)) & ~(unit - U(1))


@inner_kernel
def mult_frac(value: np.uint64, factor: np.uint64, divisor: np.uint64) -> np.uint64:
    """Return value * factor // divisor without overflow of the product (include/linux/math.h)."""
    return value // divisor * factor + value % divisor * factor // divisor


@inner_kernel
def reached(counter: np.uint64, mark: np.uint64) -> bool:
    """Tell whether a wrapping counter is at or past a mark (time_after_eq)."""
    return bool(counter - mark < U(1 << 63))


@inner_kernel
def at_least_one(value: np.uint64) -> np.uint64:
    """Return the value as a divisor: the kernel takes a sampling interval of 0 as 1 us."""
    return max(value, U(1))
