"""Guests shared by tests: one boot per machine, since a boot takes seconds."""

from collections.abc import Iterator

import pytest

from damosrl.vm.guest import Guest
from damosrl.vm.lab import Lab
from damosrl.vm.machine import GuestMachine


@pytest.fixture(scope="session")
def two_tier() -> Iterator[Guest]:
    """Give a guest with two memory tiers."""
    with Guest.boot(Lab.default(), GuestMachine.preset("two-tier"), name="test-two") as guest:
        yield guest


@pytest.fixture(scope="session")
def three_tier() -> Iterator[Guest]:
    """Give a guest with three memory tiers."""
    with Guest.boot(Lab.default(), GuestMachine.preset("three-tier"), name="test-three") as guest:
        yield guest


@pytest.fixture(scope="session")
def old_kernel() -> Iterator[Guest]:
    """Give a guest with the oldest kernel whose files are known, 6.12."""
    machine = GuestMachine.preset("two-tier")
    with Guest.boot(Lab.default(), machine, name="test-old", kernel="6.12") as guest:
        yield guest
