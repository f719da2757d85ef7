"""A latency probe from a configuration."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.kernel.latency.command_source import CommandSource
from damosrl.kernel.latency.file_source import FileSource
from damosrl.kernel.latency.probe import LatencyProbe, Source
from damosrl.kernel.latency.socket_source import SocketSource

UNITS_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}
SOURCES = ("file", "command", "socket")
_COMMAND_ONLY = ("every_s", "time_limit_s")
KEYS = (*SOURCES, "unit", "fresh_s", *_COMMAND_ONLY)


def latency_probe(
    options: Mapping[str, Any], clock: Callable[[], float] = time.monotonic
) -> LatencyProbe:
    """Make the probe that a configuration asks for.

    Args:
        options: One of ``file`` (path), ``command`` (list of words) and ``socket`` (path); besides
            ``unit`` (ns, us, ms, s), ``fresh_s``, and for a command ``every_s``, ``time_limit_s``.
        clock: Seconds on a clock that never steps back.

    Raises:
        ConfigError: A key is unknown or missing, or a value is out of bounds.
        KernelError: The source cannot be opened.

    Example:
        >>> latency_probe({"file": "/tmp/absent", "unit": "us"}).latency_ns()
        nan
    """
    for key in options:
        if key not in KEYS:
            raise UnknownNameError("key of a latency probe", str(key), KEYS)
    given = [name for name in SOURCES if options.get(name) is not None]
    if len(given) != 1:
        raise ConfigError(
            "a latency probe needs one source",
            got=", ".join(given) or "none",
            allowed=", ".join(SOURCES),
            fix="give one",
        )
    unit = str(options.get("unit", "ns"))
    if unit not in UNITS_NS:
        raise UnknownNameError("unit of latency", unit, UNITS_NS)
    fresh_s = _seconds(options, "fresh_s", 5.0)
    times = {name: _seconds(options, name, 0.0) for name in _COMMAND_ONLY if name in options}
    source = _source(given[0], options[given[0]], times, clock)
    try:
        return LatencyProbe(source, fresh_s, UNITS_NS[unit], clock)
    except ConfigError:
        source.close()
        raise


def _source(
    kind: str, value: Any, times: Mapping[str, float], clock: Callable[[], float]
) -> Source:
    if kind == "command":
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
            raise ConfigError("command is a list of words", got=repr(value), fix="[program, ...]")
        return CommandSource(value, clock=clock, **times)
    if times:
        raise ConfigError(f"{', '.join(times)} are for a command", got=kind, fix="leave them out")
    return FileSource(Path(value)) if kind == "file" else SocketSource(Path(value))


def _seconds(options: Mapping[str, Any], name: str, default: float) -> float:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} is no time", got=repr(value), allowed="seconds")
    return float(value)
