"""The command channel, against a guest played by a folder and the host's own shell."""

import io
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from damosrl.errors import VmError
from damosrl.vm import channel as module
from damosrl.vm.channel import Channel


class _FakeGuest:
    """Does what init.sh does, without a chroot."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.up = True
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        jobs: list[threading.Thread] = []
        while self.up:
            for file in sorted(self.folder.glob("*.cmd")):
                name = file.rename(file.with_suffix(".run")).stem
                jobs.append(threading.Thread(target=self._run, args=(name,)))
                jobs[-1].start()
            time.sleep(0.005)
        for job in jobs:
            job.join()

    def _run(self, name: str) -> None:
        place = self.folder / name
        with Path(f"{place}.out").open("wb") as out, Path(f"{place}.err").open("wb") as err:
            done = subprocess.run(
                ["bash", f"{place}.run"],
                stdout=out,
                stderr=err,
                start_new_session=True,
                check=False,
            )
        code = done.returncode
        Path(f"{place}.tmp").write_text(str(code if code >= 0 else 128 - code))
        Path(f"{place}.tmp").rename(f"{place}.rc")


@pytest.fixture
def channel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """Give the channel of a fake guest."""
    monkeypatch.setattr(module, "IN_GUEST", str(tmp_path))
    guest = _FakeGuest(tmp_path)
    yield Channel(tmp_path, lambda: guest.up)
    guest.up = False
    guest.thread.join()


def test_words_arrive_as_they_were_given(channel: Channel, tmp_path: Path) -> None:
    """Blanks, quotes and dollars are not the shell's; folder and variables are set."""
    words = ["bash", "-c", 'echo "$0|$X|$PWD"', "a 'b' $HOME"]
    done = channel.start(words, cwd=tmp_path, environment={"X": "q\"u'o te"}).wait(30.0)
    assert (done.stdout, done.status) == (f"a 'b' $HOME|q\"u'o te|{tmp_path}\n", 0)


def test_a_missing_folder_is_a_status(channel: Channel) -> None:
    """The command does not run somewhere else."""
    done = channel.start(["pwd"], cwd=Path("/none/such"), environment={}).wait(30.0)
    assert (done.stdout, done.status) == ("", 125)


def test_commands_run_side_by_side(channel: Channel, tmp_path: Path) -> None:
    """The first ends only because the second runs."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    first = channel.start(["cat", str(fifo)], cwd=tmp_path, environment={})
    second = channel.start(["bash", "-c", f"echo met > {fifo}"], cwd=tmp_path, environment={})
    assert first.wait(30.0).stdout == "met\n"
    assert second.wait(30.0).status == 0


def test_output_is_streamed_whole_and_apart(channel: Channel, tmp_path: Path) -> None:
    """Each sink gets each byte once."""
    out, err = io.BytesIO(), io.BytesIO()
    words = ["bash", "-c", "for i in 1 2 3; do echo $i; echo e$i >&2; sleep 0.05; done"]
    done = channel.start(words, cwd=tmp_path, environment={}).wait(30.0, out, err)
    assert out.getvalue() == b"1\n2\n3\n"
    assert err.getvalue() == b"e1\ne2\ne3\n"
    assert done.stdout == "1\n2\n3\n"


def test_time_over_kills_the_command(channel: Channel, tmp_path: Path) -> None:
    """Its status then is that of a killed program."""
    command = channel.start(["sleep", "100"], cwd=tmp_path, environment={})
    with pytest.raises(VmError, match="took longer than"):
        command.wait(0.3)
    assert command.wait(30.0).status == 128 + 9


def test_a_guest_that_ends_ends_the_wait(tmp_path: Path) -> None:
    """Nobody waits for a dead guest."""
    command = Channel(tmp_path, lambda: False).start(["true"], cwd=tmp_path, environment={})
    with pytest.raises(VmError, match="guest ended before"):
        command.wait(None)
