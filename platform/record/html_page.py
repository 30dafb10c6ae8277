"""A page that stands alone: one HTML file with its style and its figures inside, read offline."""

import base64
import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number, th.number { text-align: right; }
.wide { overflow-x: auto; }
figure { margin: 1.2rem 0; } img { max-width: 100%; background: #fff; border-radius: 4px; }
figcaption, .quiet { color: var(--quiet); }
pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); border-radius: 4px;
  font-size: 13px; }
.headline { font-size: 1.25rem; }
"""


class HtmlPage:
    """Grows from top to bottom; every text is escaped, and `what stands so` is set as code."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._parts = [f"<h1>{escape(title)}</h1>"]

    def headline(self, text: str) -> None:
        """The one sentence to remember."""
        self._parts.append(f'<p class="headline">{_marked(text)}</p>')

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{_marked(text)}</p>")

    def items(self, texts: Iterable[str]) -> None:
        """A list."""
        inner = "".join(f"<li>{_marked(text)}</li>" for text in texts)
        self._parts.append(f"<ul>{inner}</ul>")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows of words and numbers; numbers stand to the right, floats with one decimal."""
        known = [list(row) for row in rows]
        right = [_is_column_of_numbers([row[at] for row in known]) for at in range(len(columns))]
        head = "".join(
            _cell("th", name, number) for name, number in zip(columns, right, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(_cell("td", in_words(v), n) for v, n in zip(row, right, strict=True))
            + "</tr>"
            for row in known
        )
        self._parts.append(
            f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )

    def figure(self, png: bytes, caption: str) -> None:
        """A picture with what it shows."""
        data = base64.b64encode(png).decode()
        self._parts.append(
            f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{_marked(caption)}</figcaption></figure>"
        )

    def verbatim(self, text: str, summary: str | None = None) -> None:
        """Text as it is, such as commands; folded away where it has a summary."""
        block = f"<pre>{escape(text)}</pre>"
        if summary is not None:
            block = f"<details><summary>{escape(summary)}</summary>{block}</details>"
        self._parts.append(block)

    def render(self) -> str:
        """The whole file."""
        body = "\n".join(self._parts)
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self._title)}</title><style>{_STYLE}</style></head>"
            f"<body>\n{body}\n</body></html>\n"
        )


def png_of(figure: "Figure", dpi: int = 100) -> bytes:
    """A figure as the bytes of a PNG."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=dpi)
    return picture.getvalue()


def in_words(value: object) -> str:
    """A value as tables show it; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _marked(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _is_column_of_numbers(values: Sequence[object]) -> bool:
    return any(isinstance(v, int | float) for v in values) and all(
        v is None or isinstance(v, int | float) for v in values
    )


def _cell(kind: str, text: str, number: bool) -> str:
    return f"<{kind}{' class=number' if number else ''}>{escape(text)}</{kind}>"
