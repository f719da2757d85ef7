"""Machines and workloads as they are given to an environment: one, or a list of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from damosrl.emulator.presets import MachineConfig
from damosrl.errors import ConfigError

T = TypeVar("T")


def is_one(choice: Any) -> bool:
    """Tell whether a choice is one machine or workload, not a list of them."""
    return isinstance(choice, str | Path | Mapping | MachineConfig)


def as_list(choice: Any) -> list[Any]:
    """Return one choice, or a sequence of them, as a list.

    Raises:
        ConfigError: It is empty.
    """
    choices = [choice] if is_one(choice) else list(choice)
    if not choices:
        raise ConfigError("nothing is chosen", got="an empty list", allowed="at least one name")
    return choices


def as_given(choice: Any) -> Any:
    """Return a choice as it is."""
    return choice


def pinned(
    workloads: Any, count: int, read: Callable[[Any], T] = as_given
) -> "list[T] | list[None]":
    """Return the workload of every machine, as the reset option ``workloads`` says.

    Args:
        workloads: One for all, one for each, or None: each episode draws its own.
        count: Machines.
        read: Turns a choice into what the world runs.

    Raises:
        ConfigError: There are not as many workloads as machines.
    """
    if workloads is None:
        return [None] * count
    found = [read(one) for one in as_list(workloads)]
    if is_one(workloads):
        found *= count
    if len(found) != count:
        raise ConfigError(
            "reset option workloads does not fit",
            got=f"{len(found)} workloads",
            allowed=f"{count}, one per environment",
        )
    return found
