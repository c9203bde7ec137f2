"""The texts of a template: which stand in it without a mark, and which are marked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"

_TOKEN = re.compile(
    r"{%-? *blocktrans(?:late)?\b.*?{% *endblocktrans(?:late)? *%}|{#.*?#}|{% *comment *%}.*?{% *endcomment *%}|{%.*?%}|{{.*?}}",
    re.DOTALL,
)
_MARKUP = re.compile(
    r"<!--.*?-->|<!doctype[^>]*>|<(?P<skip>code|pre|kbd|script|style)\b[^>]*>.*?</(?P=skip)>|</?[a-zA-Z][^>]*>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"\b(title|aria-label|placeholder|alt|label)=(?:\"([^\"]*)\"|'([^']*)')")
_ARGUMENT = re.compile(r"(?<!_\()(?<!url )(?:default|default_if_none|yesno):\"([^\"]*[A-Za-z][^\"]*)\"")
_LABELLED = re.compile(r"{% *(?:sortable|column) +(\S+) +\"")
_WORD = re.compile(r"[A-Za-z]{2,}")
_ENTITY = re.compile(r"&\w+;")
_FIRST = 0xE000

SAME = {"Orchestrator", "DAG", "DAGs", "XCom", "XComs", "JSON", "PNG", "SVG", "UTC", "curl"}
"""Names and formats: the same in every language."""


@dataclass(frozen=True)
class Run:
    """A text of a template with the variables in it, where it stands."""

    begin: int
    end: int
    source: str
    is_attribute: bool

    @property
    def words(self) -> str:
        """What of it people read."""
        return _ENTITY.sub(" ", re.sub(r"{{.*?}}", " ", self.source, flags=re.DOTALL)).strip()


def runs(source: str) -> Iterator[Run]:
    """Yield each text with a word in it that no mark covers."""
    tokens: list[str] = []

    def hide(found: re.Match[str]) -> str:
        tokens.append(found[0])
        return chr(_FIRST + len(tokens) - 1)

    hidden = _TOKEN.sub(hide, source)
    starts, place = [], 0
    for letter in hidden:
        starts.append(place)
        place += len(tokens[ord(letter) - _FIRST]) if ord(letter) >= _FIRST and ord(letter) < 0xF8FF else 1
    starts.append(place)

    def token(letter: str) -> str:
        return tokens[ord(letter) - _FIRST] if _FIRST <= ord(letter) < 0xF8FF else letter

    def pieces(begin: int, end: int, is_attribute: bool) -> Iterator[Run]:
        at = begin
        for stop in range(begin, end + 1):
            if stop < end and not (token(hidden[stop]).startswith(("{%", "{#"))):
                continue
            first, last = at, stop
            while first < last and hidden[first].isspace():
                first += 1
            while last > first and hidden[last - 1].isspace():
                last -= 1
            run = Run(starts[first], starts[last], source[starts[first] : starts[last]], is_attribute)
            if any(word not in SAME for word in _WORD.findall(run.words)):
                yield run
            at = stop + 1

    place = 0
    for markup in _MARKUP.finditer(hidden):
        yield from pieces(place, markup.start(), False)
        place = markup.end()
        opening = hidden[markup.start() : hidden.find(">", markup.start()) + 1] if markup["skip"] else markup[0]
        for attribute in _ATTRIBUTE.finditer(opening):
            group = 2 if attribute[2] is not None else 3
            yield from pieces(markup.start() + attribute.start(group), markup.start() + attribute.end(group), True)
    yield from pieces(place, len(hidden), False)


def arguments(source: str) -> Iterator[str]:
    """Yield each text that stands unmarked as an argument of a filter or of a column's head."""
    for token in _TOKEN.findall(source):
        opening = token.split("%}")[0] if token.startswith("{% blocktrans") else token
        yield from (found for found in _ARGUMENT.findall(opening) if found not in SAME)
        if _LABELLED.match(token):
            yield token


def unmarked() -> dict[str, list[str]]:
    """Return the texts of each template that nothing translates."""
    found = {}
    for path in sorted(TEMPLATES.rglob("*.html")):
        source = path.read_text()
        if texts := [run.source for run in runs(source)] + list(arguments(source)):
            found[str(path.relative_to(TEMPLATES))] = texts
    return found
