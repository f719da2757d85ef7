"""Records of arrays travel between kernels by pointer."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from damosrl.emulator.jit import kernel, lean_kernel
from damosrl.emulator.passing import pointer_to


class Inner(NamedTuple):
    """A record in a record."""

    values: NDArray[np.int64]


class Outer(NamedTuple):
    """A record of arrays."""

    numbers: NDArray[np.float64]
    inner: Inner


@lean_kernel
def write(record: Outer, i: int) -> None:
    """Write into both arrays of a record."""
    record.numbers[i] += 1.5
    record.inner.values[i] += len(record.numbers)


@lean_kernel
def write_through(record: Outer) -> None:
    """Write by way of a pointer, and of a pointer made of it."""
    by_pointer = pointer_to(record)
    again = pointer_to(by_pointer)
    for i in range(len(record.numbers)):
        write(by_pointer, i)
        write(again, i)


@kernel
def sum_of_copies(record: Outer) -> float:
    """Read by way of a pointer where references to arrays are counted."""
    by_pointer, total = pointer_to(record), 0.0
    for _ in range(100):
        total += by_pointer.numbers.copy().sum()
    return total


def outer() -> Outer:
    """Return a record of five numbers."""
    return Outer(np.zeros(5), Inner(np.zeros(5, np.int64)))


def test_writes_by_pointer_reach_the_arrays() -> None:
    """A pointer's fields are the arrays themselves, nested ones too."""
    record = outer()
    write_through(record)
    assert record.numbers.tolist() == [3.0] * 5
    assert record.inner.values.tolist() == [10] * 5


def test_reading_by_pointer_keeps_the_arrays_alive() -> None:
    """Where references are counted, reading a field of a pointer neither loses nor leaks one."""
    record = outer()._replace(numbers=np.ones(5))
    numbers = record.numbers
    for _ in range(1000):
        assert sum_of_copies(record) == 500.0
    assert numbers.base is None
    assert numbers.tolist() == [1.0] * 5
