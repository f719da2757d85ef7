"""Which metrics were asked for, and what is imported for them."""

import subprocess
import sys
from pathlib import Path

import pytest

from damosrl.daemon.loopback_address import loopback_address
from damosrl.daemon.metrics import ServedMetrics, WrittenMetrics
from damosrl.daemon.reporting import start_reporting
from damosrl.errors import ConfigError


def test_each_choice_is_what_was_asked_for(tmp_path: Path) -> None:
    """A port is served, a file is written, nothing is nothing."""
    served = start_reporting("0", None)
    assert isinstance(served, ServedMetrics)
    assert loopback_address(served.url.split("/")[2])
    served.close()
    assert isinstance(start_reporting(None, tmp_path / "a.prom"), WrittenMetrics)
    assert start_reporting(None, None) is None


def test_both_choices_exclude_each_other(tmp_path: Path) -> None:
    """A port and a file together are a mistake, and no file is made."""
    with pytest.raises(ConfigError, match="leave one"):
        start_reporting("0", tmp_path / "a.prom")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics without prometheus-client are refused with what to install."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "damosrl.daemon.metrics", raising=False)
    with pytest.raises(ConfigError, match=r"prometheus_client.*damosrl\[daemon\]"):
        start_reporting("0", None)


def test_nothing_is_imported_unless_asked_for() -> None:
    """Journal, status, notify and the choice of metrics load neither of the extra's packages."""
    code = (
        "import sys, damosrl.daemon.journal, damosrl.daemon.status, damosrl.daemon.notify;"
        "from damosrl.daemon.reporting import start_reporting; start_reporting(None, None);"
        "heavy = ('prometheus_client', 'sdnotify', 'http.server', 'ssl', 'numpy', 'subprocess');"
        "print([name for name in heavy if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
