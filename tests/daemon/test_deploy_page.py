"""docs/deploy.md names what there is."""

import re
import shlex
from pathlib import Path

import msgspec
import pytest

from damosrl.artifact.signing import verify
from damosrl.cli import _find, _parser, main
from damosrl.daemon.decision import Decision, Mode
from damosrl.daemon.health import State
from damosrl.daemon.metrics import Metrics
from damosrl.daemon.tally import Tally
from damosrl.safety.events import EventKind
from tests.daemon.decisions import decision
from tests.daemon.served import write_bundle

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")


def test_the_line_of_the_journal_is_one() -> None:
    """The example is a decision, with every field that a line has."""
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    found = msgspec.json.decode(example, type=Decision)
    assert set(msgspec.json.decode(example)) == set(found.__struct_fields__)
    told = re.findall(r"^\| `.*", PAGE, re.MULTILINE)
    explained = {name for row in told for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert set(found.__struct_fields__) - explained == {"step", "wall_time", "uptime_s"}


def test_the_metrics_exist() -> None:
    """Every name of a metric on the page is served."""
    metrics, tally = Metrics(), Tally()
    last = decision(mode=Mode.FALLBACK, reason="guard")
    metrics.observe(last, tally.observe(last))
    names = set(re.findall(r"\bdamosrl_[a-z_]+[a-z]", PAGE))
    assert len(names) > 8
    served = set(re.findall(r"^# HELP (\w+)", metrics.text(), re.MULTILINE))
    assert names <= served


def test_the_commands_are_read() -> None:
    """Every command about the daemon on the page is taken by our command line."""
    blocks = "".join(re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
    lines = [line.partition("#")[0] for line in blocks.splitlines()]
    deploying = ("damosrl daemon", "damosrl doctor", "damosrl export", "damosrl bundle")
    ours = [shlex.split(line)[1:] for line in lines if line.startswith(deploying)]
    assert len(ours) >= 6
    for words in ours:
        command, rest = _find(words)
        _parser(command).parse_intermixed_args(rest)


def test_the_signing_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands make keys and a signature that the daemon's check accepts."""
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "policy.damosrl")
    lines = re.findall(r"^damosrl bundle .*", PAGE, re.MULTILINE)
    assert [main(shlex.split(line)[1:]) for line in lines] == [0, 0, 0]
    verify(tmp_path / "policy.damosrl", tmp_path / "public.pem")


def test_modes_states_and_vetoes_are_complete() -> None:
    """Whoever reads a word in status or journal finds it here."""
    words = [*Mode, *State, *(str(kind.name).lower() for kind in EventKind), "canary"]
    assert [word for word in words if not re.search(rf"\b{word}\b", PAGE)] == []
