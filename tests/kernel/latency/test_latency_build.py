"""Probes from configurations."""

import math
import time
from pathlib import Path

import pytest

from damosrl.errors import ConfigError, DamosrlError
from damosrl.kernel.latency.build import latency_probe


def test_a_file_with_a_unit(tmp_path: Path) -> None:
    """Milliseconds of a file become nanoseconds."""
    path = tmp_path / "p99_ms"
    path.write_text("0.25", encoding="ascii")
    with latency_probe({"file": str(path), "unit": "ms"}) as probe:
        assert probe.latency_ns() == 250_000.0


def test_a_command_with_times() -> None:
    """A command's number comes with a later step."""
    with latency_probe({"command": ["/bin/echo", "7"], "every_s": 0, "time_limit_s": 60}) as probe:
        end = time.monotonic() + 60.0
        while math.isnan(value := probe.latency_ns()) and time.monotonic() < end:
            time.sleep(0.01)
    assert value == 7.0


def test_a_socket_is_made_and_removed(tmp_path: Path) -> None:
    """It is there as long as the probe."""
    path = tmp_path / "latency"
    with latency_probe({"socket": str(path), "fresh_s": 2}) as probe:
        assert path.is_socket()
        assert math.isnan(probe.latency_ns())
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({}, "needs one source: got none"),
        ({"file": "a", "socket": "b"}, "got file, socket"),
        ({"fiel": "a"}, "did you mean 'file'"),
        ({"file": "a", "unit": "sec"}, "unknown unit of latency"),
        ({"file": "a", "fresh_s": "soon"}, "fresh_s is no time"),
        ({"file": "a", "fresh_s": True}, "fresh_s is no time"),
        ({"file": "a", "fresh_s": 0}, "allowed: > 0"),
        ({"file": "a", "every_s": 1}, "every_s are for a command"),
        ({"command": "echo 1"}, "command is a list of words"),
        ({"command": [1]}, "command is a list of words"),
        ({"command": 5}, "command is a list of words"),
        ({"command": []}, "is empty"),
    ],
)
def test_a_wrong_configuration_is_refused(options: dict[str, object], hint: str) -> None:
    """One line says what is wrong and what is known."""
    with pytest.raises(DamosrlError, match=hint):
        latency_probe(options)


def test_a_refused_limit_leaves_no_socket(tmp_path: Path) -> None:
    """What was opened before the refusal is closed."""
    path = tmp_path / "latency"
    with pytest.raises(ConfigError):
        latency_probe({"socket": str(path), "fresh_s": -1})
    assert not path.exists()
