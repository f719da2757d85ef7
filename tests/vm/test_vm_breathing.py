"""The load that allocates and frees, run on the host with small sizes."""

import json
import subprocess
from importlib.resources import files
from itertools import islice
from pathlib import Path

import pytest

from damosrl.errors import VmError
from damosrl.vm.compiler import compile_c


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile it once."""
    source = files("damosrl.vm").joinpath("breathing.c")
    return compile_c(source, tmp_path_factory.mktemp("breathing"))


def test_it_follows_its_schedule_and_keeps_the_last_size(program: Path) -> None:
    """Up, down, and the last for ever; it touches as many pages as asked."""
    words = [str(program), "0.05", "2", "4", "3", "8", "5"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = [json.loads(line) for line in islice(running.stdout, 5)]
        running.kill()
    assert [one["held_mib"] for one in told] == [3, 8, 5, 5, 5]
    assert [one["touched"] for one in told] == [
        int(2 * 0.05 * 256 * one["held_mib"]) for one in told
    ]


def test_without_a_schedule_it_says_how_it_is_used(program: Path) -> None:
    """Exit status 2, as every command."""
    done = subprocess.run([str(program), "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: breathing")


def test_a_program_that_does_not_compile_is_told(tmp_path: Path) -> None:
    """The compiler's words are in the message."""
    source = tmp_path / "wrong.c"
    source.write_text("int main(void) { return nothing; }\n")
    with pytest.raises(VmError, match=r"wrong\.c does not compile"):
        compile_c(source, tmp_path)
