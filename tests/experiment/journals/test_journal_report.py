"""A report on journals: what was in them is in the table and in the picture."""

from pathlib import Path

import msgspec
import pytest

from damosrl.cli import main
from damosrl.daemon.decision import Decision, Mode, Veto
from damosrl.daemon.journal import Journal
from damosrl.errors import ConfigError, UnknownNameError
from damosrl.experiment.journals.series import JournalRun, read_run, shown_features
from damosrl.experiment.journals.writer import PICTURE, TABLE, journal_table, write_journal_report

ONE = Decision(
    step=1,
    wall_time="2026-01-01T00:00:00.000+00:00",
    uptime_s=1.0,
    mode=Mode.ACTIVE,
    reason="",
    features={"steady": 5.0, "moving": 1.0, "unknown": None},
    requested={"quota": 8.0},
    applied={"quota": 4.0},
    vetoes=(Veto("quota", "slew"),),
    committed=True,
    refused=None,
    outside_ratio=None,
    guards=(),
    decision_us=2000,
    policy_us=100,
    overruns=0,
)


def decisions(count: int, first_step: int = 1) -> list[Decision]:
    """Return decisions a second apart, one feature of which moves."""
    return [
        msgspec.structs.replace(
            ONE,
            step=first_step + at,
            uptime_s=float(first_step + at),
            features={"steady": 5.0, "moving": float(at), "unknown": None},
        )
        for at in range(count)
    ]


def journal(folder: Path, *runs: list[Decision]) -> Path:
    """Write a journal of several starts."""
    file = Journal(folder)
    for run in runs:
        for decision in run:
            file.write(decision)
    file.close()
    return folder


def test_two_journals_make_one_picture_and_one_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two journals make one picture and one table."""
    first = journal(tmp_path / "first/journal", decisions(9))
    second = journal(tmp_path / "second", decisions(5))
    out = tmp_path / "out"
    words = ["report", "--journal", str(first), "--journal", str(second), "--out", str(out)]
    assert main(words) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert (out / PICTURE).read_bytes().startswith(b"\x89PNG")
    table = (out / TABLE).read_text(encoding="utf-8")
    assert "| first | 9 | 9 | 0 | active 9 | slew 9 | 2.00 ms | 0.100 ms |" in table
    assert "| second | 5 |" in table


def test_the_last_start_of_a_daemon_counts(tmp_path: Path) -> None:
    """The last start of a daemon counts."""
    found = read_run(journal(tmp_path / "journal", decisions(7), decisions(3)))
    assert len(found.decisions) == 3


def test_a_journal_whose_start_was_rotated_away_is_read_as_it_is(tmp_path: Path) -> None:
    """A journal whose start was rotated away is read as it is."""
    assert len(read_run(journal(tmp_path / "journal", decisions(4, 50))).decisions) == 4


def test_features_that_changed_the_most_are_shown_unless_some_are_named() -> None:
    """Features that changed the most are shown unless some are named."""
    run = JournalRun("x", tuple(decisions(5)))
    assert shown_features([run], ["steady"]) == ["steady"]
    many = {f"still {at}": 1.0 for at in range(9)}
    busy = [msgspec.structs.replace(d, features={**many, **d.features}) for d in run.decisions]
    assert "moving" in shown_features([JournalRun("y", tuple(busy))], [])


def test_the_99th_percentile_is_the_nearest_rank() -> None:
    """The 99th percentile is the nearest rank."""
    slow = [msgspec.structs.replace(d, decision_us=1000 * d.step) for d in decisions(100)]
    assert "| 99.00 ms |" in journal_table([JournalRun("x", tuple(slow))])


def test_a_folder_without_decisions_and_unknown_features_are_named(tmp_path: Path) -> None:
    """A folder without decisions and unknown features are named."""
    with pytest.raises(ConfigError, match="holds no decision"):
        write_journal_report([tmp_path], tmp_path / "out")
    found = journal(tmp_path / "journal", decisions(3))
    with pytest.raises(UnknownNameError, match="'moving'"):
        write_journal_report([found], tmp_path / "out", ["movin"])
    assert not (tmp_path / "out").exists()
