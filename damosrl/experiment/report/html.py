"""Small pieces of HTML; every text that comes from a file is escaped here."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from damosrl.experiment.report.figures.style import Drawing


@dataclass(frozen=True)
class Section:
    """A numbered part of the page.

    Args:
        key: Anchor.
        title: Heading.
        body: HTML.
    """

    key: str
    title: str
    body: str


@dataclass(frozen=True)
class Cell:
    """A table cell.

    Args:
        html: Content, already escaped.
        style: CSS class, such as ``text`` or ``loss-value``.
        head: Whether it names its row.
    """

    html: str
    style: str = ""
    head: bool = False


def paragraph(text: str, style: str = "") -> str:
    """Return a paragraph of plain text."""
    return f"<p{_class(style)}>{escape(text)}</p>"


def picture(drawing: Drawing | None, description: str, caption: str, style: str = "") -> str:
    """Return a figure with its caption; nothing if it was not drawn.

    Args:
        drawing: The figure.
        description: What a reader who cannot see it should know.
        caption: Plain text under the figure.
        style: CSS class.
    """
    if drawing is None:
        return ""
    data = base64.b64encode(drawing.svg).decode()
    return (
        f'<figure{_class(style)}><img alt="{escape(description)}" '
        f'src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def grid(
    heads: Sequence[Cell], rows: Iterable[Sequence[Cell]], row_styles: Sequence[str] = ()
) -> str:
    """Return a table; ``row_styles`` gives CSS classes row by row."""
    lines = []
    for place, row in enumerate(rows):
        style = row_styles[place] if place < len(row_styles) else ""
        lines.append(f"<tr{_class(style)}>{''.join(_cell(cell) for cell in row)}</tr>")
    head = "".join(f'<th scope="col"{_class(cell.style)}>{cell.html}</th>' for cell in heads)
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def column_head(text: str, unit: str = "", style: str = "") -> Cell:
    """Return a table head with its unit on a line of its own."""
    second = f' <span class="unit">{escape(unit)}</span>' if unit else ""
    return Cell(escape(text) + second, style)


def code_block(text: str) -> str:
    """Return text as written, in a box."""
    return f"<pre><code>{escape(text)}</code></pre>"


def word_list(words: Iterable[tuple[str, str]]) -> str:
    """Return terms with their meanings."""
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in words)
    return f'<dl class="words">{items}</dl>'


def _cell(cell: Cell) -> str:
    if cell.head:
        return f'<th scope="row"{_class(cell.style)}>{cell.html}</th>'
    return f"<td{_class(cell.style)}>{cell.html}</td>"


def _class(style: str) -> str:
    return f' class="{style}"' if style else ""
