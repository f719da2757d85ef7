"""Readings of idle machines, as the safety layer's tests have them."""

from tests.safety.conftest import _reading

__all__ = ["_reading"]
