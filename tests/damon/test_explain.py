"""Explanations: any document is put into words, and the command prints them."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from damosrl import cli, damon
from damosrl.damon.documents import read_document
from damosrl.damon.explain import explain, to_text
from damosrl.damon.explain.feedback import next_input, windows_until
from damosrl.errors import UnknownNameError
from tests.damon.explain_cases import (
    Metric,
    document,
    goals,
)
from tests.damon.test_documents_round_trip import DOCUMENTS

EXAMPLES = Path(__file__).parents[2] / "examples" / "documents"


def test_damo_s_largest_rate_is_found_in_the_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """'max' is no bound here, but damo writes a float of it, which the kernel cuts."""
    scheme = {"access_pattern": {"nr_accesses": {"min": 0, "max": "max"}}}
    context = {"ops": "paddr", "schemes": [{}, scheme]}
    path = tmp_path / "document.json"
    path.write_text(json.dumps({"kdamonds": [{"contexts": [context]}]}))
    assert cli.main(["explain", str(path)]) == 0
    text = capsys.readouterr().out
    assert text.count("[damo-max-accesses]") == 1
    assert "schemes[1].access_pattern.nr_accesses.max [damo-max-accesses]" in text
    assert "keeps 858993664" in text


def test_notes_do_not_fail_strictly(capsys: pytest.CaptureFixture[str]) -> None:
    """A sound tiering document has notes, which --strict lets pass."""
    assert cli.main(["explain", str(EXAMPLES / "tiering.yaml"), "--strict"]) == 0
    text = capsys.readouterr().out
    assert "no warnings" in text
    assert "[consist-starts-at-one-byte]" in text


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(DOCUMENTS, st.sampled_from(["6.12", "7.0", "7.3"]))
def test_any_document_is_explained(value: damon.Document, kernel: str) -> None:
    """Whatever the kernel accepts can be put into words."""
    assert to_text(explain(value, kernel)).endswith("\n")


@pytest.mark.parametrize(
    ("last", "score", "expected"),
    [
        (10_000, 1, 19_999),
        (15_000, 10_001, 14_999),
        (20_000, 15_001, 10_000),
        (9_999, 12_000, 10_000),
        (2**64 - 1, 10_001, 18444899399302180660),
        (2**64 - 1, 9_999, 2**64 - 1),
        (2**63, 0, 18446744073709545808),
        (12297829382473034411, 5000, 18446744073709549411),
    ],
)
def test_feedback_is_the_kernel_s(last: int, score: int, expected: int) -> None:
    """The plain function gives what the kernel's compiled one gave."""
    assert next_input(last, score) == expected


def test_growth_takes_the_windows_it_takes() -> None:
    """12 windows to a page and 20 to a mebibyte: the quota doubles from one byte."""
    assert [windows_until(size) for size in (1, 4096, 2**20)] == [0, 12, 20]


def test_statements_say_the_numbers() -> None:
    """Pattern, quota, growth and order of a demotion appear with their units."""
    words = to_text(explain(document(goals(Metric.NODE_MEM_FREE_BP))))
    for part in ("0..0 of 20 samples", "to node 1", "1 MiB/s", "20 windows (20 s)", "coldest"):
        assert part in words


def test_the_command_explains_the_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """Sound examples and the one full of traps are explained; only --strict fails."""
    for name in ("reclaim", "tiering", "traps"):
        assert cli.main(["explain", str(EXAMPLES / f"{name}.yaml")]) == 0
    assert "[apply-interval-starved]" in capsys.readouterr().out
    assert cli.main(["explain", str(EXAMPLES / "traps.yaml"), "--strict", "--json"]) == 1
    severities = {trap["severity"] for trap in json.loads(capsys.readouterr().out)["traps"]}
    assert severities == {"warning", "note"}


def test_a_bad_document_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused document and an unknown kernel end with 2 and one line."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("kdamonds: [{contexts: []}]\n")
    assert cli.main(["explain", str(bad)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(UnknownNameError, match="kernel version"):
        explain(read_document({"kdamonds": []}), "5.4")


def test_a_document_can_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dash reads standard input, be it one line or many."""
    monkeypatch.setattr("sys.stdin", io.StringIO("kdamonds: []"))
    assert cli.main(["explain", "-"]) == 0
    assert "[no-kdamonds]" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("nothing"))
    assert cli.main(["explain", "-"]) == 2
    assert "standard input is no mapping" in capsys.readouterr().err
