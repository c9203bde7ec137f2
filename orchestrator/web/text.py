"""Text of authors as HTML: Markdown without raw HTML, and source code in classes instead of styles."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

MOST_HIGHLIGHTED = 400_000
"""Characters; a longer file is shown plain, since colouring it would hold a worker for seconds."""


@cache
def _markdown(breaks: bool = False) -> Any:
    from markdown_it import MarkdownIt

    # html=False turns tags into text; links to javascript:, data: and the like are refused by its own check.
    options = {"html": False, "linkify": False, "breaks": breaks}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def markdown(text: str | None, breaks: bool = False) -> SafeString:
    """Return ``text`` as safe HTML; with ``breaks`` its lines stay lines, as people write notes."""
    return mark_safe(_markdown(breaks).render(text[:200_000])) if text else mark_safe("")


def code(text: str, name: str = "x.py") -> list[SafeString]:
    """Return the lines of a source file, each as safe HTML."""
    plain = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if len(text) > MOST_HIGHLIGHTED:
        return [mark_safe(escape(line)) for line in plain]
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_for_filename
    from pygments.lexers.special import TextLexer
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False, ensurenl=False)
    html = highlight("\n".join(plain), lexer, HtmlFormatter(nowrap=True))
    lines = html.rstrip("\n").split("\n") if html.endswith("\n") else html.split("\n")
    return [mark_safe(line) for line in _closed(lines)]


def _closed(lines: list[str]) -> list[str]:
    """Close and reopen what spans lines, so that each line stands for itself."""
    import re

    found, carried = [], ""
    for line in lines:
        line = carried + line
        open_tags: list[str] = []
        for tag in re.findall(r"<span[^>]*>|</span>", line):
            if tag == "</span>":
                if open_tags:
                    open_tags.pop()
            else:
                open_tags.append(tag)
        found.append(line + "</span>" * len(open_tags))
        carried = "".join(open_tags)
    return found
