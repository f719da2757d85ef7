"""What a host tells in one step, and what is said to be missing."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from damosrl.errors import KernelError
from damosrl.kernel.files import OsFiles
from damosrl.kernel.host.cpu import TICKS_PER_S, cpu_time_us
from damosrl.kernel.host.pressure import parse_pressure, pressure_file
from damosrl.kernel.host.telemetry import HostTelemetry
from damosrl.kernel.roots import Roots

SHARES = st.integers(0, 10_000)
STAT = "7 (a) b c) S 1 1 1 0 -1 0 1 0 2 0 {user} {system} 0 0 20 0 1 0 5\n"


def _line(shares: tuple[int, int, int], total_us: int) -> str:
    averages = zip((10, 60, 300), shares, strict=True)
    words = [f"avg{span}={share / 100:.2f}" for span, share in averages]
    return " ".join([*words, f"total={total_us}"])


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _roots(folder: Path) -> Roots:
    return Roots(folder / "sys", folder / "proc", folder / "trace", folder / "cgroup")


@given(shares=st.tuples(SHARES, SHARES, SHARES), total_us=st.integers(0, 2**63))
def test_pressure_reads_what_the_kernel_writes(shares: tuple[int, int, int], total_us: int) -> None:
    """Per cent become shares, totals stay microseconds."""
    text = f"some {_line(shares, total_us)}\nfull {_line((0, 0, 0), 0)}\n"
    some, full = parse_pressure(text)
    assert some.total_us == total_us
    assert some.average == pytest.approx([share / 1e4 for share in shares])
    assert full == (0, (0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    "some",
    [
        "",
        "avg10=0.00 avg60=0.00 avg300=0.00",
        "avg10=nan avg60=0.00 avg300=0.00 total=0",
        "avg10=0.00 avg60=0.00 avg300=0.00 total=-5",
        "avg10=900.00 avg60=0.00 avg300=0.00 total=0",
        "avg10=0.00 avg60=zero avg300=0.00 total=0",
    ],
)
def test_impossible_pressure_is_refused(some: str) -> None:
    """A missing, negative or impossible number is an error, not a zero."""
    with pytest.raises(KernelError, match="memory pressure cannot be read"):
        parse_pressure(f"some {some}\nfull {_line((0, 0, 0), 0)}\n")


def test_cpu_time_by_either_file(tmp_path: Path) -> None:
    """Nanoseconds of schedstat come first, ticks of stat else; a thread that is gone has none."""
    _put(tmp_path / "7/stat", STAT.format(user=3, system=4))
    assert cpu_time_us(OsFiles(), tmp_path, 7) == 7 * 1e6 / TICKS_PER_S
    _put(tmp_path / "7/schedstat", "1234567 8 9\n")
    assert cpu_time_us(OsFiles(), tmp_path, 7) == 1234.567
    assert cpu_time_us(OsFiles(), tmp_path, 8) is None


def test_an_empty_host_misses_everything(tmp_path: Path) -> None:
    """Nothing is invented where there are no files."""
    sample = HostTelemetry(_roots(tmp_path), OsFiles(), nids=[0]).sample([7])
    assert sample.missing == ("pressure", "nodes", "vmstat", "kdamond_cpu", "swap")
    assert sample.pressure is None
    assert sample.nodes is None
    assert sample.counters == {}
    assert sample.swap is None
    assert math.isnan(sample.kdamond_cpu_us)


def test_a_whole_host_misses_nothing(tmp_path: Path) -> None:
    """Every source is read; of vmstat, what concerns memory tiering is kept."""
    roots = _roots(tmp_path)
    pressure = f"some {_line((100, 0, 0), 5)}\nfull {_line((0, 0, 0), 0)}\n"
    _put(pressure_file(roots), pressure)
    _put(roots.sysfs / "devices/system/node/node1/meminfo", "MemTotal: 8 kB\nMemFree: 4 kB\n")
    _put(roots.procfs / "vmstat", "pgmigrate_success 3\nnr_dirty 9\n")
    _put(roots.procfs / "meminfo", "MemTotal: 8 kB\nSwapTotal: 6 kB\nSwapFree: 2 kB\n")
    for pid in (7, 8):
        _put(roots.procfs / f"{pid}/schedstat", "2000 0 0\n")
    sample = HostTelemetry(roots, OsFiles(), nids=[1]).sample([7, 8])
    assert sample.missing == ()
    assert sample.nodes == ((8192, 4096),)
    assert sample.counters == {"pgmigrate_success": 3}
    assert sample.swap == (6144, 2048, 0, None)
    assert sample.kdamond_cpu_us == 4.0
    assert sample.pressure is not None
    assert sample.pressure.some == (5, (0.01, 0.0, 0.0))


def test_a_dead_kdamond_makes_cpu_time_unknown(tmp_path: Path) -> None:
    """The time of some of the threads is not the time of all."""
    roots = _roots(tmp_path)
    _put(roots.procfs / "7/schedstat", "2000 0 0\n")
    sample = HostTelemetry(roots, OsFiles(), nids=[]).sample([7, 8])
    assert math.isnan(sample.kdamond_cpu_us)
    assert "kdamond_cpu" in sample.missing


def test_pressure_of_a_control_group(tmp_path: Path) -> None:
    """A control group's pressure is its own file's."""
    roots = _roots(tmp_path)
    _put(
        roots.cgroupfs / "a/b/memory.pressure",
        f"some {_line((0, 0, 0), 9)}\nfull {_line((0, 0, 0), 0)}\n",
    )
    sample = HostTelemetry(roots, OsFiles(), nids=[], cgroup="/a/b").sample()
    assert sample.pressure is not None
    assert sample.pressure.some.total_us == 9
