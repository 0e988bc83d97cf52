"""Markdown and HTML: headings, paragraphs, items of lists and rows of tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath

from lxml import etree, html
from markdown_it import MarkdownIt

from bot.knowledge.blocks import Block, CannotRead, Heading, Paragraph, Read, tidy

# What a page shows to no reader, or on every page alike
_LEFT_OUT = frozenset(
    "script style noscript template svg math iframe object embed canvas audio video form button "
    "select input textarea nav footer aside head dialog".split()
)
_BLOCKS = frozenset(
    "address article blockquote body center dd details div dl dt fieldset figcaption figure header "
    "hgroup hr html li main ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_FRONT_MATTER = re.compile(r"\A---\s*\n.*?\n---\s*\n", re.DOTALL)
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_DEEPEST = 200  # elements within each other; a page that goes deeper is made to break readers


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def read_markdown(source: str, content: str) -> Read:
    """HTML within Markdown is read as HTML."""
    page = _markdown().render(_FRONT_MATTER.sub("", content))
    read = read_html(source, page)
    title = read.title or PurePosixPath(source).stem
    return Read(source, "markdown", title, read.blocks)


def read_html(source: str, content: str | bytes) -> Read:
    """What a reader of the page sees of its own matter. Bytes are UTF-8, or what the page says.
    Raises CannotRead."""
    if not content.strip():
        return Read(source, "html", "", ())
    raw = content.encode() if isinstance(content, str) else content
    parser = html.HTMLParser(
        remove_comments=True, remove_pis=True, no_network=True, encoding=_encoding(raw)
    )
    try:
        page = html.document_fromstring(raw, parser=parser)
    except (etree.ParserError, ValueError) as error:
        raise CannotRead(f"{source}: not HTML ({error})") from None
    body = _matter(page)
    blocks = tuple(_Walk().read(body))
    named = page.findtext(".//title") or ""
    first = next((b.text for b in blocks if isinstance(b, Heading)), "")
    return Read(source, "html", first or tidy(named), blocks)


def _encoding(raw: bytes) -> str | None:
    """None: as the page itself says, which few do wrongly that are not UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _matter(page: html.HtmlElement) -> html.HtmlElement:
    for path in (".//main", ".//*[@role='main']", ".//article"):
        found = page.findall(path)
        if len(found) == 1:
            return found[0]
    body = page.find(".//body")
    return page if body is None else body


class _Walk:
    """Gathers running text until a block begins or ends."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.blocks: list[Block] = []

    def read(self, element: html.HtmlElement) -> list[Block]:
        self._enter(element, 0)
        self._end_block()
        return self.blocks

    def _enter(self, element: html.HtmlElement, depth: int) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        if depth > _DEEPEST or not tag or tag in _LEFT_OUT or _hidden(element):
            return
        if tag in _HEADINGS:
            self._end_block()
            if text := tidy(element.text_content()):
                self.blocks.append(Heading(_HEADINGS[tag], text))
            return
        if tag == "table":
            self._end_block()
            self.blocks += [Paragraph(row) for row in _rows(element)]
            return
        if tag == "br":
            self.text.append(" ")
        own = tag in _BLOCKS
        if own:
            self._end_block()
        self.text.append(element.text or "")
        for child in element:
            self._enter(child, depth + 1)
            self.text.append(child.tail or "")
        if own:
            self._end_block()

    def _end_block(self) -> None:
        if text := tidy("".join(self.text)):
            self.blocks.append(Paragraph(text))
        self.text = []


def _hidden(element: html.HtmlElement) -> bool:
    return (
        "hidden" in element.attrib
        or element.get("aria-hidden") == "true"
        or bool(_INVISIBLE.search(element.get("style", "")))
    )


def _rows(table: html.HtmlElement) -> Iterator[str]:
    """Each row a sentence, its cells told apart by the heads of their columns."""
    heads: list[str] = []
    for row in table.iter("tr"):
        cells = [tidy(_shown(cell)) for cell in row if cell.tag in {"td", "th"}]
        if not heads and all(cell.tag == "th" for cell in row) and len(cells) > 1:
            heads = cells
        elif any(cells):
            named = [
                f"{heads[i]} : {cell}" if i and i < len(heads) and heads[i] and cell else cell
                for i, cell in enumerate(cells)
            ]
            yield " ; ".join(filter(None, named))


def _shown(cell: html.HtmlElement) -> str:
    for hidden in [each for each in cell.iter() if each.tag in _LEFT_OUT or _hidden(each)]:
        hidden.drop_tree()
    return str(cell.text_content())
