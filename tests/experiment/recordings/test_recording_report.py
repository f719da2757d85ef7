"""`damosrl report --recording`: the page, the figures, and refusals."""

import struct
from html.parser import HTMLParser
from pathlib import Path

import pytest

from damosrl.cli import main
from damosrl.paths import recordings_dir

FIGURES = ["heatmap.png", "idle.png", "regions.png", "working_set.png"]


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _binary(path: Path, targets: int) -> Path:
    parts = [b"damon_recfmt_ver", struct.pack("<I", 2)]
    for second in (1, 2, 3):
        parts.append(struct.pack("<qqI", second, 0, targets))
        parts += [struct.pack("<QIQQI", target, 1, 0, 4096, 5) for target in range(targets)]
    path.write_bytes(b"".join(parts))
    return path


def test_a_recording_gets_a_page_of_its_own_and_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recording gets a page of its own and figures."""
    source = recordings_dir() / "stencil_thp.damon.json.z"
    out = tmp_path / "deep/report"
    assert main(["report", "--recording", str(source), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out / "report.html")
    assert sorted(path.name for path in (out / "figures").iterdir()) == FIGURES
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in (out / "figures").iterdir())
    page = _Page((out / "report.html").read_text())
    assert all(link.startswith(("#", "data:image/svg+xml;base64,")) for link in page.links)
    assert sum(link.startswith("data:") for link in page.links) == 4
    assert "5,000 / 100,000 us" in page.words


def test_a_recording_without_ages_says_so(tmp_path: Path) -> None:
    """A recording without ages says so."""
    path = _binary(tmp_path / "old.data", 1)
    assert main(["report", "--recording", str(path)]) == 0
    out = tmp_path / "old.data.report"
    assert "holds no ages" in (out / "report.html").read_text()
    assert not (out / "figures/idle.png").exists()


def test_one_of_several_targets_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of several targets is chosen."""
    path = _binary(tmp_path / "two.data", 2)
    assert main(["report", "--recording", str(path)]) == 2
    assert "record=0..1" in capsys.readouterr().err
    assert main(["report", "--recording", str(path), "--record", "1"]) == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["results", "--recording", "some.data"],
        ["results", "--out", "folder"],
        ["results", "--record", "0"],
        ["--recording", "/nowhere/some.data"],
    ],
)
def test_words_that_do_not_fit_end_with_status_2_and_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Words that do not fit end with status 2 and one line."""
    assert main(["report", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_empty_recording_is_a_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty recording is a clear error."""
    (tmp_path / "empty").write_bytes(b"")
    assert main(["report", "--recording", str(tmp_path / "empty")]) == 2
    assert "is empty" in capsys.readouterr().err
