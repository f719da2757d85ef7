"""`damosrl daemon install`: shows first, writes whole files, and respects what others changed."""

import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from damosrl.cli import main
from damosrl.config import load_yaml, typed
from damosrl.daemon.install.plan import NEW, OLD
from damosrl.daemon.install.sealed import is_unchanged, sealed
from damosrl.daemon.install.unit import SETTINGS, SWITCHES, UNIT
from damosrl.daemon.settings import DaemonSettings
from tests.daemon.full_disk import files_end_at


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of an empty system."""
    (tmp_path / "image").mkdir()
    return tmp_path / "image"


def _install(root: Path, *words: str) -> int:
    return main(["daemon", "install", "--root", str(root), "--program", "/usr/bin/damosrl", *words])


def _files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }


def test_nothing_is_written_without_apply(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line that would be written is shown, and nothing is written."""
    assert _install(root) == 0
    shown = capsys.readouterr().out
    assert _files(root) == {}
    assert shown.endswith("nothing was changed; --apply does it\n")
    assert _install(root, "--apply") == 0
    for name, text in _files(root).items():
        assert f"would create {root / name}" in shown
        assert all(f"    {line}\n" in shown for line in text.splitlines() if line)


def test_an_installation_is_three_files(root: Path) -> None:
    """The unit is for everybody to read, configuration for its owner; the first run is a shadow."""
    _install(root, "--apply", "--bundle", "/srv/policy.damosrl")
    modes = {name: (root / name).stat().st_mode & 0o777 for name in _files(root)}
    assert modes == {UNIT: 0o644, SWITCHES: 0o600, SETTINGS: 0o600}
    lines = shlex.split((root / SWITCHES).read_text(), comments=True)
    assert lines == ["DAMOSRL_BUNDLE=/srv/policy.damosrl", "DAMOSRL_OPTIONS=--shadow"]


def test_settings_are_the_daemons_defaults(root: Path) -> None:
    """What is installed as settings means exactly what no settings mean, and explains each."""
    _install(root, "--apply")
    assert typed(DaemonSettings, load_yaml(root / SETTINGS), "settings") == DaemonSettings()
    lines = [line.strip() for line in (root / SETTINGS).read_text().splitlines()]
    keys = [number for number, line in enumerate(lines) if line and not line.startswith("#")]
    assert all(lines[number - 1].startswith("# ") for number in keys)


def test_an_account_is_made_for_another_user(root: Path) -> None:
    """--user adds what systemd-sysusers reads."""
    _install(root, "--apply", "--user", "tuner")
    line = (root / "usr/lib/sysusers.d/damosrl.conf").read_text().splitlines()[0]
    assert shlex.split(line)[:3] == ["u", "tuner", "-"]


@pytest.mark.parametrize("words", [["--metrics", "9184"], ["--metrics-file", "/run/m/d.prom"]])
def test_metrics_stand_in_unit_and_options(root: Path, words: list[str]) -> None:
    """The option that the daemon gets fits what the unit allows."""
    _install(root, "--apply", *words)
    assert f'DAMOSRL_OPTIONS="--shadow {" ".join(words)}"' in (root / SWITCHES).read_text()
    allowed = {"--metrics": "SocketBindAllow=ipv4:tcp:9184", "--metrics-file": "=-/run/m\n"}
    assert allowed[words[0]] in (root / UNIT).read_text()


def test_a_second_installation_changes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is already there is left, without even a new time stamp."""
    _install(root, "--apply")
    before = {name: (root / name).stat().st_mtime_ns for name in _files(root)}
    capsys.readouterr()
    _install(root, "--apply")
    assert {name: (root / name).stat().st_mtime_ns for name in _files(root)} == before
    assert capsys.readouterr().out.count("left ") == 3


def test_an_unchanged_file_of_another_version_is_replaced(root: Path) -> None:
    """What an earlier version installed and nobody touched gives way to the new one."""
    _install(root, "--apply")
    new = (root / SWITCHES).read_text()
    (root / SWITCHES).write_text(sealed("DAMOSRL_BUNDLE=/old\n"))
    _install(root, "--apply")
    assert (root / SWITCHES).read_text() == new
    assert len(_files(root)) == 3


def test_a_file_changed_by_hand_is_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Configuration that an administrator changed stays, and the new version lies beside it."""
    _install(root, "--apply")
    theirs = (root / SWITCHES).read_text().replace("--shadow", "--canary 10", 1)
    (root / SWITCHES).write_text(theirs)
    _install(root, "--apply")
    assert (root / SWITCHES).read_text() == theirs
    assert is_unchanged((root / (SWITCHES + NEW)).read_text())
    assert "changed by hand" in capsys.readouterr().out


def test_force_replaces_and_keeps_the_other_version(root: Path) -> None:
    """With --force ours is in force, and theirs is not lost."""
    (root / SWITCHES).parent.mkdir(parents=True)
    (root / SWITCHES).write_text("DAMOSRL_OPTIONS=\n")
    _install(root, "--apply", "--force")
    assert is_unchanged((root / SWITCHES).read_text())
    assert (root / (SWITCHES + OLD)).read_text() == "DAMOSRL_OPTIONS=\n"


@given(text=st.text(), other=st.text())
@settings(max_examples=100, deadline=None)
def test_a_seal_tells_every_change(text: str, other: str) -> None:
    """A sealed text is unchanged; with anything else in front of its seal it is not."""
    whole = sealed(text)
    assert is_unchanged(whole)
    assert is_unchanged(whole.replace(text, other, 1)) == (whole.replace(text, other, 1) == whole)
    assert not is_unchanged(whole + "A=1\n")
    assert not is_unchanged(text.replace("# damosrl", ""))


def test_removal_takes_back_what_was_installed(root: Path) -> None:
    """--remove leaves an empty system; files changed by hand stay until --force."""
    _install(root, "--apply", "--user", "tuner")
    with (root / SWITCHES).open("a") as file:
        file.write("A=1\n")
    before = _files(root)
    _install(root, "--remove")
    assert _files(root) == before
    _install(root, "--remove", "--apply")
    assert set(_files(root)) == {SWITCHES}
    _install(root, "--remove", "--apply", "--force")
    assert _files(root) == {}


def test_removal_of_nothing_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing is installed there is nothing to remove."""
    assert _install(root, "--remove", "--apply") == 0
    assert capsys.readouterr().out == "nothing is installed there\n"


def test_a_link_in_the_place_of_a_file_is_kept(root: Path, tmp_path: Path) -> None:
    """A link that an administrator put there is neither followed nor replaced."""
    (root / UNIT).parent.mkdir(parents=True)
    (root / UNIT).symlink_to(tmp_path / "victim")
    _install(root, "--apply")
    assert (root / UNIT).is_symlink()
    assert not (tmp_path / "victim").exists()
    assert is_unchanged((root / (UNIT + NEW)).read_text())


def test_a_link_out_of_the_root_is_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An image whose folders are absolute links does not make us write outside of it."""
    (tmp_path / "outside").mkdir()
    (root / "etc").symlink_to(tmp_path / "outside")
    assert _install(root, "--apply") == 2
    assert "leads out of" in capsys.readouterr().err
    assert _files(root) == {}
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_full_disk_leaves_whole_files(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When a file finds no room, it does not appear, and one line says which."""
    with files_end_at(600):
        assert _install(root, "--apply") == 2
        error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "damosrl.service cannot be written" in error
    assert _files(root) == {}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--bundle", "policy"], "absolute path"),
        (["--bundle", "/srv/a b"], "absolute path"),
        (["--bundle", "/srv/%n"], "absolute path"),
        (["--bundle", "/srv/../etc"], "without .."),
        (["--program", "damosrl"], "absolute path"),
        (["--program", "/bin/sh -c"], "absolute path"),
        (["--user", "Root!"], "name of an account"),
        (["--user", "a\nExecStart=/bin/sh"], "name of an account"),
        (["--metrics", "0"], "fixed port"),
        (["--metrics", "0.0.0.0:9184"], "this machine only"),
        (["--metrics", "1", "--metrics-file", "/m.prom"], "leave one"),
        (["--root", "/no/such/place"], "no folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_choices_that_cannot_be_are_refused(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str], hint: str
) -> None:
    """Each gives one line and exit status 2, and writes nothing."""
    assert _install(root, "--apply", *words) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert hint in error
    assert _files(root) == {}


def test_the_program_is_ours_unless_told(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --program the unit starts an existing command by its absolute path."""
    assert main(["daemon", "install", "--root", str(root)]) == 0
    start = next(line for line in capsys.readouterr().out.splitlines() if "ExecStart=" in line)
    program = Path(start.partition("=")[2].split()[0])
    assert program.is_absolute()
    assert program.is_file()
