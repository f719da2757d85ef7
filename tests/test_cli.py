"""The command line: help, exit codes, and one line for every mistake."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from damosrl.cli import _find, main
from damosrl.commands import COMMANDS

HEAVY = ("numpy", "numba", "torch", "hydra", "gymnasium", "matplotlib", "yaml", "rich", "msgspec")


def _error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run words that must be refused; return the one line."""
    assert main(words) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert len(streams.err.splitlines()) == 1, streams.err
    return streams.err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`damosrl`, `damosrl --help` and `damosrl help` name all commands."""
    for words in ([], ["--help"], ["-h"], ["help"]):
        assert main(words) == 0
        text = capsys.readouterr().out
        assert all(f"  {command.name}" in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help_with_its_example(
    command: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """--help after a command shows a complete command line that begins with it."""
    known = next(one for one in COMMANDS if one is command)
    assert known.example.startswith(f"damosrl {known.name}")
    for words in ([*known.name.split(), "--help"], ["help", *known.name.split()]):
        assert main(words) == 0
        assert known.example in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    """The list of commands needs the standard library only."""
    code = (
        "import sys; from damosrl.cli import main; main(['--help']); main(['compare', '--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints name and number."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("damosrl 0.")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["compar"], "did you mean 'compare'"),
        (["env"], "damosrl env describe"),
        (["env", "--help"], "damosrl env describe"),
        (["env", "descibe"], "did you mean 'describe'"),
        (["compare", "--fast"], "--fast"),
        (["report"], "RUN"),
        (["conformance"], "CASE.json"),
        (["bench", "now"], "now"),
        (["compare", "stepps=3"], "did you mean 'steps'"),
        (["compare", "tuners=[consit]"], "did you mean 'consist'"),
        (["compare", "workloads=[zpif]"], "did you mean 'zipf'"),
        (["compare", "workloads=[missing.yaml]"], "missing.yaml"),
        (["compare", "workloads=[missing.damon.json.z]"], "missing.damon.json.z"),
        (["compare", "tuners=[ppo]"], "use `damosrl train`"),
        (["compare", "tuners=[tpe]"], "use `damosrl tune`"),
        (["compare", "tuners=[no/artifact]"], "check the path"),
        (["compare", "seeds=1"], "interval=false"),
        (["compare", "steps=0"], ">= 1"),
        (["compare", "machine=dram_cxll"], "did you mean 'dram_cxl'"),
        (["compare", "safety.limits.free_target=[5,1]"], "reversed"),
        (["compare", "task.aply_s=1"], "did you mean 'apply_s'"),
        (["compare", "task.min_nr_regions=2000"], "nr_regions"),
        (["compare", "reward.terms.slowdown.weight=-1"], "weight"),
        (["compare", "resume=nowhere"], "no run to resume"),
        (["compare", "resume=nowhere", "steps=3"], "keeps its settings"),
        (["train", "agent=pi"], "compare it"),
        (["train", "agent.algorithm=PPPO"], "did you mean 'PPO'"),
        (["train", "agent.kwargs.gama=1"], "did you mean 'gamma'"),
        (["train", "workload=zpif"], "did you mean 'zipf'"),
        (["train", "num_envs=0"], ">= 1"),
        (["train", "evaluation.workloads=[zpif]"], "did you mean 'zipf'"),
        (["tune", "agent=ppo"], "use `damosrl train`"),
        (["tune", "trials=0"], ">= 1"),
        (["report", "nowhere"], "no such run folder"),
        (["conformance", "nowhere.json"], "nowhere.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line(
    words: list[str],
    hint: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each mistake gives exit status 2 and one helpful line, and leaves nothing behind."""
    monkeypatch.chdir(tmp_path)
    assert hint in _error(capsys, *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["compare", "train", "tune"])
def test_existing_output_is_kept(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """An output folder that exists is refused before anything runs, and a free name is given."""
    (tmp_path / "run").mkdir()
    line = _error(capsys, command, f"out={tmp_path / 'run'}")
    assert "exists" in line
    assert f"out={tmp_path / 'run-2'}" in line
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize(
    ("tier", "hint"),
    [
        ("capacity: 0", "capacity"),
        ("capacity: -1 GiB", "-1 GiB"),
        ("capacity: 1 GiB", "cannot hold"),
    ],
)
def test_impossible_machines_are_one_line(
    tier: str, hint: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Memory of no, negative or too little capacity is refused before a folder is made."""
    machine = tmp_path / "machine.yaml"
    curves = [f"curve_gbps: [1, 10], curve_ns: [{idle}, {2 * idle}]" for idle in (100, 200)]
    machine.write_text(
        f"tiers:\n- {{name: fast, {curves[0]}, {tier}}}\n- {{name: slow, {curves[1]}, {tier}}}\n"
    )
    line = _error(
        capsys, "compare", f"machine={machine}", "workloads=[zipf]", f"out={tmp_path / 'run'}"
    )
    assert hint in line
    assert not (tmp_path / "run").exists()


def test_ctrl_c_is_one_line_even_if_a_library_cannot_clean_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error on the way out of an interrupt is no traceback; one of its own is raised."""

    def compiling(_: object) -> int:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("no compiled object yet")

    def broken(_: object) -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr("damosrl.experiment.commands.bench", compiling)
    assert main(["bench"]) == 1
    assert capsys.readouterr().err == "interrupted\n"
    monkeypatch.setattr("damosrl.experiment.commands.bench", broken)
    with pytest.raises(RuntimeError, match="broken"):
        main(["bench"])


def test_a_broken_recording_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A recording that is cut in the middle is refused before a folder is made."""
    whole = Path(__file__).parents[1] / "damosrl" / "recordings" / "xz.damon.json.z"
    cut = tmp_path / "cut.damon.json.z"
    cut.write_bytes(whole.read_bytes()[:2000])
    line = _error(capsys, "compare", f"workloads=['{cut}']", f"out={tmp_path / 'run'}")
    assert "cut" in line
    assert not (tmp_path / "run").exists()


def test_no_traceback_reaches_the_user(tmp_path: Path) -> None:
    """The installed program says the same as `main`, without a traceback."""
    result = subprocess.run(
        [sys.executable, "-m", "damosrl.cli", "compare", "stepps=3"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: unknown key of compare: got 'stepps'")


def test_env_describe_prints_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Knobs, observation and reward are described from the code that runs."""
    assert main(["env", "describe", "reward=psi"]) == 0
    text = capsys.readouterr().out
    assert "promotion_quota" in text
    assert "Reward psi" in text


def test_the_longest_name_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command of two words is found beside one of the first word alone, in any order."""
    long = next(command for command in COMMANDS if command.name == "daemon status")
    short = replace(long, name="daemon")
    for order in ((short, long), (long, short)):
        monkeypatch.setattr("damosrl.cli.COMMANDS", order)
        assert _find(["daemon", "status", "--json"]) == (long, ["--json"])
        assert _find(["daemon", "bundle"]) == (short, ["bundle"])
