"""Which lines of a log are looked at: by level, by source, by a text in what they say. Works on blocks of whole lines."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

LEVELS = ("info", "warning", "error")
"""What a reader may ask for as the least level."""
LONGEST_SEARCH = 1000
_DEBUG = b'"level": "debug"'
_BAD = (b'"level": "error"', b'"level": "critical"')
_FROM = {"warning": (b'"level": "warn', *_BAD), "error": _BAD}
"""Few lines have these, so that counting them is quick; what has no level counts as info."""
_BEGIN, _END = b'"event": "', b'", "logger": "'
_COLOUR = re.compile(rb"\\u001b\[[0-9;:]*[A-Za-z]")
_COLOUR_IN_TEXT = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")


class BadPattern(ValueError):
    """The regular expression cannot be used; the message says why."""


@dataclass(frozen=True)
class Query:
    """A choice of lines. A quote in a text is escaped in the file, so that no text passes for a level or a source."""

    level: str = ""
    source: str = ""
    text: str = ""
    regex: bool = False

    def __bool__(self) -> bool:
        return bool(self.level or self.source or self.text)

    def count(self, block: bytes) -> int:
        """Return how many lines of ``block`` match."""
        if self.text or (self.level and self.source):
            return len(self.ordinals(block))
        if self.source:
            return block.count(self._source)
        if self.level == "info":
            return block.count(b"\n") - block.count(_DEBUG)
        return sum(block.count(each) for each in _FROM[self.level]) if self.level else block.count(b"\n")

    def ordinals(self, block: bytes) -> list[int]:
        """Return which lines of ``block`` match, counted from 0."""
        if self.text and not self.regex:
            block = _plain(block, self.text.isascii())
            if self._needle not in block:
                return []
        lines = block.split(b"\n")[:-1]
        return [number for number, line in enumerate(lines) if self.matches(line)]

    def matches(self, line: bytes) -> bool:
        """Whether one line of a block does; the block of a text is in small letters by now."""
        if self.text and not self.regex and not (self._needle in line and self._needle in _event(line)):
            return False
        if not self._is_level(line):
            return False
        if self.source and self._source not in (line.lower() if self.text and not self.regex else line):
            return False
        return not self.regex or not self.text or self._pattern.search(said(line)) is not None

    def _is_level(self, line: bytes) -> bool:
        if self.level == "info":
            return _DEBUG not in line
        return not self.level or any(each in line for each in _FROM[self.level])

    @cached_property
    def _source(self) -> bytes:
        text = self.source.lower() if self.text and not self.regex else self.source
        return b'"logger": ' + json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")

    @cached_property
    def _needle(self) -> bytes:
        return json.dumps(self.text.lower(), ensure_ascii=False)[1:-1].encode("utf-8", "replace")

    @cached_property
    def _pattern(self) -> Any:
        """The pattern in RE2, whose time is linear in the text: nobody's pattern can stop the server.

        Raises:
            BadPattern: it is none, or uses what RE2 lacks (look-around, back references).
        """
        import re2

        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        try:
            return re2.compile(self.text, options)
        except re2.error as error:
            reason = error.args[0] if error.args else error
            text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise BadPattern(f"Not a regular expression that can be searched for: {text}") from None

    def check(self) -> None:
        """Raise ``BadPattern`` where this cannot be searched for."""
        if self.regex and self.text:
            self._pattern  # noqa: B018  # compiled here, so that it fails here


def record(line: bytes) -> dict[str, Any]:
    """Return a line as a record; one that is none of ours (a full disk cut it in two) as its text."""
    try:
        found = json.loads(line.decode())  # bytes it looks through for their encoding first
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line.decode("utf-8", "replace")}


def said(line: bytes) -> str:
    """Return what a line says, without its colours."""
    event = record(line).get("event")
    text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    return _COLOUR_IN_TEXT.sub("", text) if "\x1b" in text else text


def _plain(block: bytes, ascii_only: bool) -> bytes:
    """The block without colours, which may cut a word in two, and in small letters."""
    if b"\\u001b" in block:
        block = _COLOUR.sub(b"", block)
    return block.lower() if ascii_only else block.decode("utf-8", "replace").lower().encode()


def _event(line: bytes) -> bytes:
    """The part of a line that holds what it says; found by its surroundings, since parsing takes ten times as long."""
    begin, end = line.find(_BEGIN), line.rfind(_END)
    return line[begin + len(_BEGIN) : end] if 0 <= begin < end else said(line).encode()
