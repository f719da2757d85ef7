"""The gallery as one page of HTML that needs no network."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from damosrl.errors import ConfigError
from damosrl.experiment.gallery.entries import Entry, gallery_entries

STYLE = """
body { font: 16px/1.5 "DejaVu Sans", sans-serif; color: #1F2430; margin: 2rem auto; padding: 0 1rem;
       max-width: 70rem; background: white; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 3rem; }
figure { margin: 0; } img { width: 100%; height: auto; border: 1px solid #E3E6EB; }
figcaption { color: #1F2430; margin-top: .6rem; max-width: 46rem; }
pre { background: #F4F5F7; padding: .6rem .8rem; overflow-x: auto; font-size: .85rem; }
nav a { margin-right: 1.2rem; } .page { color: #5B6270; }
"""


def write_gallery(folder: Path, out: Path) -> Path:
    """Write one page with the pictures of all published results.

    Args:
        folder: Folder of the results, such as ``results/published``.
        out: File to write; must not exist.

    Returns:
        The file.

    Raises:
        ConfigError: There is nothing to show, or the file exists.
    """
    if out.exists():
        raise ConfigError(f"{out} exists", fix="choose a new file with --out")
    text = gallery_page(gallery_entries(folder))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    return out


def gallery_page(entries: Sequence[tuple[Path, Entry]]) -> str:
    """Return the page.

    Args:
        entries: Pictures and what is said of them, in the order of the page.
    """
    links = "".join(
        f'<a href="#p{place}">{escape(entry.title)}</a>' for place, (_, entry) in enumerate(entries)
    )
    sections = "\n".join(
        _section(place, picture, entry) for place, (picture, entry) in enumerate(entries)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>damosrl: gallery</title><style>{STYLE}</style></head>\n<body>"
        f"<h1>What happens over time, task by task</h1>\n<nav>{links}</nav>\n{sections}\n"
        "</body></html>\n"
    )


def _section(place: int, picture: Path, entry: Entry) -> str:
    data = base64.b64encode(picture.read_bytes()).decode()
    page = f'<p class="page">More: {escape(entry.page)}</p>' if entry.page else ""
    return (
        f'<section id="p{place}"><h2>{escape(entry.title)}</h2><figure>'
        f'<img alt="{escape(entry.look_for)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(entry.look_for)}</figcaption></figure>"
        f"<pre><code>{escape(entry.command)}</code></pre>{page}</section>"
    )
