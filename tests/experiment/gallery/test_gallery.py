"""The gallery: one self-contained page from what published folders say of themselves."""

from pathlib import Path

import pytest

from damosrl.cli import main
from damosrl.errors import ConfigError
from damosrl.experiment.gallery.entries import gallery_entries
from damosrl.experiment.gallery.page import gallery_page

PNG = b"\x89PNG\r\n\x1a\n"
PUBLISHED = Path(__file__).parents[3] / "results/published"


def publish(folder: Path, name: str, **changes: object) -> Path:
    """Write a folder with one picture and what is said of it."""
    fields = {"title": name, "picture": "a.png", "look_for": "<see>", "command": "damosrl x"}
    (folder / name).mkdir()
    (folder / name / "a.png").write_bytes(PNG)
    lines = [f"{key}: {value!r}" for key, value in (fields | changes).items()]
    (folder / name / "gallery.yaml").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_pictures_come_in_their_order_in_one_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures come in their order in one page."""
    publish(tmp_path, "second", order=20)
    publish(tmp_path, "first", order=10)
    out = tmp_path / "pages/gallery.html"
    assert main(["report", "--gallery", str(tmp_path), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    text = out.read_text(encoding="utf-8")
    assert text.index("<h2>first") < text.index("<h2>second")
    assert text.count("data:image/png;base64,") == 2
    assert "http" not in text
    assert "&lt;see&gt;" in text


def test_a_page_is_never_written_over(tmp_path: Path) -> None:
    """A page is never written over."""
    publish(tmp_path, "one")
    out = tmp_path / "gallery.html"
    out.write_text("mine", encoding="utf-8")
    assert main(["report", "--gallery", str(tmp_path), "--out", str(out)]) == 2
    assert out.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("picture", ["missing.png", "../one/a.png", "gallery.yaml"])
def test_a_picture_that_cannot_be_shown_is_named(tmp_path: Path, picture: str) -> None:
    """A picture that cannot be shown is named."""
    publish(tmp_path, "one")
    publish(tmp_path, "two", picture=picture)
    with pytest.raises(ConfigError, match=r"the picture of .*two"):
        gallery_entries(tmp_path)


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    """A folder without pictures is named."""
    with pytest.raises(ConfigError, match="shows nothing"):
        gallery_entries(tmp_path)


def test_what_is_published_makes_a_gallery() -> None:
    """What is published makes a gallery."""
    entries = gallery_entries(PUBLISHED)
    assert len(gallery_page(entries)) > sum(picture.stat().st_size for picture, _ in entries)
    root = PUBLISHED.parents[1]
    assert [
        entry.page for _, entry in entries if entry.page and not (root / entry.page).exists()
    ] == []
