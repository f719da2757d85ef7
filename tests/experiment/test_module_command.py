"""`damosrl module`: documents and lists on the command line."""

import pytest

from damosrl.cli import main
from damosrl.damon import AddressRange
from damosrl.damon.documents import read_document
from damosrl.damon.modules import MODULES, DamonReclaim, Mtier, PhysicalLayout, describe

GIB = 1 << 30


def _output(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["module", *words]) == 0
    return capsys.readouterr().out


def test_document_of_reclaim(capsys: pytest.CaptureFixture[str]) -> None:
    """Parameters, several RAM ranges and both formats give the preset's document."""
    ram = ["--ram", "0x1000-0x80000000", "--ram", "4G-6G"]
    words = ["damon_reclaim", *ram, "skip_anon=Y", "min_age=1000000"]
    layout = PhysicalLayout((AddressRange(4096, 2 * GIB), AddressRange(4 * GIB, 6 * GIB)))
    expected = DamonReclaim(skip_anon=True, min_age=1_000_000).document(layout)
    assert read_document(_output(capsys, *words)) == expected
    assert read_document(_output(capsys, *words, "--format", "yaml")) == expected


def test_document_of_mtier(capsys: pytest.CaptureFixture[str]) -> None:
    """Nodes are numbered in the order they are given."""
    text = _output(capsys, "mtier", "detect_node_addresses=Y", "--node", "0-4G", "--node", "4G-8G")
    nodes = (AddressRange(0, 4 * GIB), AddressRange(4 * GIB, 8 * GIB))
    expected = Mtier(detect_node_addresses=True).document(PhysicalLayout(nodes=nodes))
    assert read_document(text) == expected


def test_older_kernel_watches_the_biggest_resource(capsys: pytest.CaptureFixture[str]) -> None:
    """Kernel 6.12 takes one System RAM resource, and refuses what it does not know."""
    words = ["damon_reclaim", "--ram", "0-1G", "--ram", "4G-6G", "--kernel", "6.12"]
    context = read_document(_output(capsys, *words)).kdamonds[0].contexts[0]
    assert context.targets[0].regions == (AddressRange(4 * GIB, 6 * GIB),)
    assert main(["module", *words, "autotune_monitoring_intervals=Y"]) == 2
    assert "6.12 does not know intervals_goal" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--list"]])
def test_list_has_every_parameter(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name all modules are listed with parameters, defaults and meanings."""
    text = _output(capsys, *words)
    for name, kind in MODULES.items():
        assert f"{name}\n" in text
        for one in describe(kind):
            assert f"  {one.name}={one.default} " in text
            assert one.meaning in text


def test_list_of_one_module(capsys: pytest.CaptureFixture[str]) -> None:
    """With a name, --list tells of that module only; DAMON_STAT has nothing to set."""
    assert _output(capsys, "damon_stat", "--list") == "damon_stat\n  (nothing to set)\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["damon_reclaimm"], "did you mean 'damon_reclaim'"),
        (["reclaim", "--list"], "did you mean 'damon_reclaim'"),
        (["damon_reclaim"], "--ram 0-4G"),
        (["damon_reclaim", "min_agee=3"], "did you mean 'min_age'"),
        (["damon_reclaim", "min_age=3 s"], "write for example 120000000"),
        (["damon_reclaim", "min_age"], "write min_age=VALUE"),
        (["damon_reclaim", "--ram", "4G"], "START-END"),
        (["damon_reclaim", "--ram", "0xG-0x1"], "hexadecimal"),
        (["damon_reclaim", "--ram", "4G-2G"], "reversed"),
        (["damon_reclaim", "--ram", "0-1G", "--format", "jsn"], "did you mean 'json'"),
        (["damon_reclaim", "--ram", "0-1G", "--kernel", "6.13"], "6.12"),
        (["mtier", "detect_node_addresses=Y", "--node", "0-1G"], "--node 4G-8G"),
    ],
)
def test_mistakes_are_one_line(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake gives exit status 2 and one helpful line on standard error."""
    assert main(["module", *words]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert len(streams.err.splitlines()) == 1
    assert hint in streams.err
