"""What Prometheus reads of the daemon, through prometheus-client's own parser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from damosrl.daemon.decision import Mode
from damosrl.daemon.metrics import WRITE_EVERY_S, Metrics, WrittenMetrics
from damosrl.daemon.tally import Counters, Tally
from damosrl.errors import ConfigError
from tests.daemon.decisions import NUMBERS, decision
from tests.daemon.full_disk import files_end_at


def _families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def _labelled(text: str, family: str) -> dict[str, float]:
    """Return the samples of a family by their only label."""
    samples = _families(text)[family].samples
    return {next(iter(sample.labels.values()), ""): sample.value for sample in samples}


@pytest.fixture
def written(tmp_path: Path) -> Iterator[WrittenMetrics]:
    """Return metrics that go to a file."""
    opened = WrittenMetrics(tmp_path / "damosrl.prom")
    yield opened
    opened.close()


def test_every_family_is_explained_and_ours() -> None:
    """Each metric has a help text, a type, and a name that tells whose it is."""
    metrics, tally = Metrics(), Tally()
    last = decision(mode=Mode.FALLBACK, reason="pressure")
    metrics.observe(last, tally.observe(last))
    families = _families(metrics.text())
    assert len(families) == 22
    for name, family in families.items():
        assert name.startswith(("damosrl_", "process_"))
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge", "histogram")


def test_counts_and_values_are_those_of_the_decision() -> None:
    """Counters, mode, knobs and features say what the decision says; gaps have no sample."""
    metrics, tally = Metrics(), Tally()
    for step in (1, 2):
        last = decision(step, mode=Mode.FALLBACK, reason="pressure", overruns=1, refused="EBUSY")
        metrics.observe(last, tally.observe(last, dropped_log_lines=5))
    text = metrics.text()
    assert _labelled(text, "damosrl_decisions") == {"": 2}
    assert _labelled(text, "damosrl_overruns") == {"": 1}
    assert _labelled(text, "damosrl_refused_commits") == {"": 2}
    assert _labelled(text, "damosrl_dropped_log_lines") == {"": 5}
    assert _labelled(text, "damosrl_fallbacks") == {"pressure": 1}
    assert _labelled(text, "damosrl_vetoes") == {"slew": 2}
    modes = _labelled(text, "damosrl_mode")
    assert modes == {mode.value: float(mode is Mode.FALLBACK) for mode in Mode}
    assert _labelled(text, "damosrl_knob_applied") == dict(last.applied)
    assert _labelled(text, "damosrl_feature") == {"fast_free": 3.5}
    assert _labelled(text, "damosrl_outside_ratio") == {"": 0.25}


def test_times_are_histograms_in_seconds() -> None:
    """A decision of 2.1 ms lies between the bounds of 2 and 5 ms; the policy has its own bounds."""
    metrics = Metrics()
    metrics.observe(decision(decision_us=2100, policy_us=90), Counters(steps=1))
    families = _families(metrics.text())
    for name, below, above, total in (
        ("damosrl_decision_seconds", 0.002, 0.005, 0.0021),
        ("damosrl_policy_seconds", 50e-6, 100e-6, 90e-6),
    ):
        samples = families[name].samples
        buckets = {float(one.labels["le"]): one.value for one in samples if "le" in one.labels}
        assert buckets[below] == 0
        assert buckets[above] == 1
        assert [one.value for one in samples if one.name.endswith("_sum")] == [pytest.approx(total)]


def test_the_process_is_measured() -> None:
    """Own CPU time, memory and handles are those of this process."""
    families = _families(Metrics().text())
    assert families["process_cpu_seconds"].samples[0].value > 0
    assert families["process_resident_memory_bytes"].samples[0].value > 2**20
    assert families["process_open_fds"].samples[0].value >= 3


def test_a_knob_of_an_old_bundle_is_gone() -> None:
    """After a reload only the knobs of the new bundle have samples."""
    metrics = Metrics()
    metrics.observe(decision(applied={"old": 1.0}), Counters(steps=1))
    metrics.observe(decision(applied={"new": 2.0}, outside_ratio=None), Counters(steps=2))
    assert _labelled(metrics.text(), "damosrl_knob_applied") == {"new": 2.0}
    assert "damosrl_outside_ratio" not in _families(metrics.text())


@given(values=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=12), NUMBERS))
@settings(max_examples=60, deadline=None)
def test_any_name_and_number_is_read_back(values: dict[str, float]) -> None:
    """Quotes, backslashes and line breaks in names harm no line; numbers keep all digits."""
    metrics = Metrics()
    metrics.observe(decision(features=dict(values)), Counters(steps=1))
    assert _labelled(metrics.text(), "damosrl_feature") == values


def test_two_daemons_share_no_numbers() -> None:
    """Each has a registry of its own."""
    first, second = Metrics(), Metrics()
    first.observe(decision(), Counters(steps=1))
    assert "damosrl_decisions" not in _families(second.text())


def test_a_file_is_written_at_once_and_then_in_turn(
    written: WrittenMetrics, tmp_path: Path
) -> None:
    """The file is there from the start, readable by all, and is written at most every 5 s."""
    path = tmp_path / "damosrl.prom"
    assert path.stat().st_mode & 0o777 == 0o644
    for step, expected in ((1, 1), (2, 1), (3, 3)):
        uptime_s = (step - 1) * 0.5 * WRITE_EVERY_S
        written.observe(decision(step, uptime_s=uptime_s), Counters(steps=step))
        assert _labelled(path.read_text(), "damosrl_decisions") == {"": expected}
    written.observe(decision(4, uptime_s=uptime_s), Counters(steps=4))
    written.close()
    assert _labelled(path.read_text(), "damosrl_decisions") == {"": 4}
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_counted(written: WrittenMetrics, tmp_path: Path) -> None:
    """A file that cannot be written stays as it was; nothing is raised."""
    before = (tmp_path / "damosrl.prom").read_text()
    with files_end_at(10):
        written.observe(decision(), Counters(steps=1))
    assert written.failures == 1
    assert (tmp_path / "damosrl.prom").read_text() == before


def test_a_file_that_cannot_be_is_refused_at_the_start(tmp_path: Path) -> None:
    """A folder that does not exist is a mistake, told before the first decision."""
    with pytest.raises(ConfigError, match="nowhere"):
        WrittenMetrics(tmp_path / "nowhere" / "damosrl.prom")
