"""Keeping secrets out of logs and rendered fields: known values become ``***``, however they were written down.

Two rules work side by side. A ``Masker`` knows *values* and finds them in any text, also as base64, in a
URL, in JSON, in a Python or shell literal. ``mask_fields`` knows *names* and hides whatever is kept under
``password``, ``token`` and their like.
"""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 5
"""Shorter values are left alone: hiding every "1" or "dev" would make a log unreadable and hide nothing."""
SHORTEST_LINE = 8
"""A line of a value of several lines (a private key) is hidden on its own from this length on."""
LONGEST = 2048
"""Longer values are looked for in pieces of this length, so that knowing one costs little."""
MOST_LINES = 200
"""A value of more lines is hidden as a whole only."""
DEEPEST = 40
"""Levels of nesting that ``mask_fields`` follows; what lies deeper is hidden whole."""

SECRET_NAMES = (
    *("password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "privatekey", "authorization"),
    *("credential", "keyfiledict", "serviceaccount", "connectionstring", "proxies", "dsn", "cookie", "webhookurl"),
)
"""A name that holds one of these, letter case and punctuation aside, names a secret."""


def is_secret_name(name: object) -> bool:
    """Whether what is kept under ``name`` is a secret, judged by the name alone."""
    plain = "".join(filter(str.isalnum, str(name))).lower()
    return any(each in plain for each in SECRET_NAMES)


def secret_values(value: Any, name: object = "") -> Iterator[str]:
    """Yield the texts that are secret by the name they are kept under: the values to give to a ``Masker``.

    ``value`` is JSON data, or a text that may hold JSON (an ``extra``); ``name`` is its own name.
    """
    yield from _secret_values(value, is_secret_name(name), 0)


def _secret_values(value: Any, secret: bool, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        return
    if isinstance(value, str):
        if secret:
            yield value
        if value.lstrip()[:1] in ("{", "["):
            try:
                inner = json.loads(value)
            except (ValueError, RecursionError):
                return
            yield from _secret_values(inner, secret, depth + 1)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _secret_values(each, secret or is_secret_name(key), depth + 1)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _secret_values(each, secret, depth + 1)


class Masker:
    """Replaces known secret values in texts. Immutable; make a new one when a value is added."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in _forms(value)}
        self.forms = sorted(forms, key=lambda form: (-len(form), form))
        """Every way a value may be written, longest first."""
        self._needles = [(form, len(form), _period(form)) for form in self.forms]

    def __bool__(self) -> bool:
        return bool(self.forms)

    def mask(self, text: str) -> str:
        """Return ``text`` with every secret replaced by ``***``; secrets that overlap become one."""
        return _replace(text, self.spans(text), 0)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the secrets are, as (start, end), in order, none over another. Linear in ``len(text)``."""
        found: list[tuple[int, int]] = []
        for form, length, period in self._needles:
            start = text.find(form)
            while start >= 0:
                end = start + length
                # A value that repeats itself ("aaaaa") overlaps its next occurrence: follow it to its end
                # here, as searching again from each place would cost a time that grows with the square.
                while period < length and text.startswith(form[length - period :], end):
                    end += period
                found.append((start, end))
                start = text.find(form, end - length + 1)
        return _merge(found)

    def open_end(self, text: str) -> int:
        """Return where a secret may have begun that ``text`` does not show the end of (``len(text)`` = nowhere)."""
        size = first = len(text)
        for form, length, _ in self._needles:
            at = text.find(form[0], max(0, size - length + 1), first)
            while at >= 0:
                if form.startswith(text[at:]):
                    first = at
                    break
                at = text.find(form[0], at + 1, first)
        return first

    def mask_fields(self, value: Any) -> Any:
        """Return JSON data with the values of secret names and every known secret in its texts hidden."""
        return _mask_fields(value, self, False, 0)


def mask_fields(value: Any) -> Any:
    """Return JSON data with the texts that are kept under secret names hidden; no values are known."""
    return NO_SECRETS.mask_fields(value)


class MaskingStream:
    """Masks a text that comes in pieces, wherever the pieces are cut.

    ``feed`` returns what can be said now and keeps back only what may be the beginning of a secret, so a
    line without one is never held up; ``flush`` returns the rest at the end of the stream.
    """

    def __init__(self, masker: Masker) -> None:
        self.masker = masker
        self._kept = ""
        self._hidden = 0  # so many characters of what is kept belong to a secret whose *** is out already

    def feed(self, text: str) -> str:
        text = self._kept + text
        spans = _merge([(0, self._hidden), *self.masker.spans(text)])
        cut = self.masker.open_end(text)
        across = next((span for span in spans if span[0] < cut < span[1]), None)
        said = _replace(text[:cut], [(start, min(end, cut)) for start, end in spans if start < cut], self._hidden)
        self._kept = text[cut:]
        self._hidden = across[1] - cut if across else max(0, self._hidden - cut)
        return said

    def flush(self) -> str:
        """Return the rest: a beginning of a secret that did not go on is no secret."""
        spans = _merge([(0, self._hidden), *self.masker.spans(self._kept)])
        said = _replace(self._kept, spans, self._hidden)
        self._kept, self._hidden = "", 0
        return said

    def replace_masker(self, masker: Masker) -> None:
        """Go on with another masker: the task has read one more connection."""
        self.masker = masker


def _forms(value: str) -> Iterator[str]:
    """Yield the ways ``value`` may appear in a log; none for one that is too short to hide."""
    value = str(value)
    pieces = {value, value.strip()}
    lines = value.splitlines()
    if 1 < len(lines) <= MOST_LINES:
        pieces.update(line.strip() for line in lines if len(line.strip()) >= SHORTEST_LINE)
    for piece in pieces:
        for part in _parts(piece):
            if len(part) >= SHORTEST:
                yield from (form for form in _writings(part) if len(form) >= SHORTEST)


def _parts(value: str) -> Iterator[str]:
    """Yield ``value``, or the pieces of equal length that cover it when it is very long."""
    count = -(-len(value) // LONGEST)
    size = -(-len(value) // max(count, 1))
    for start in range(0, len(value), max(size, 1)):
        yield value[start : start + size]


def _writings(value: str) -> Iterator[str]:
    yield value
    raw = value.encode("utf-8", "surrogatepass")
    for quoted in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield quoted
        yield _lower_escapes(quoted)
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1]
    yield repr(value)[1:-1]
    yield repr(raw)[2:-1]
    yield html.escape(value)
    yield shlex.quote(value).strip("'")
    for skipped in range(3):
        # Inside "user:password" the value starts at any of three places of a base64 group; only the
        # characters that its own bits decide are the same every time.
        encoded = base64.b64encode(b"\0" * skipped + raw).decode()
        sure = encoded[-(-skipped * 8 // 6) : (skipped + len(raw)) * 8 // 6]
        yield sure
        yield sure.translate(_URL_SAFE)


_URL_SAFE = str.maketrans("+/", "-_")


def _lower_escapes(quoted: str) -> str:
    """``%2F`` as ``%2f``: both are right, and libraries differ."""
    head, *rest = quoted.split("%")
    return "%".join([head, *(each[:2].lower() + each[2:] for each in rest)])


def _period(form: str) -> int:
    """Return the smallest shift by which ``form`` overlaps itself (its length if it never does)."""
    borders = [0] * len(form)
    width = 0
    for at in range(1, len(form)):
        while width and form[at] != form[width]:
            width = borders[width - 1]
        if form[at] == form[width]:
            width += 1
        borders[at] = width
    return len(form) - borders[-1]


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in order, those that overlap as one, the empty ones gone."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if start == end:
            continue
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _replace(text: str, spans: list[tuple[int, int]], hidden: int) -> str:
    """Return ``text`` with ``***`` for each span; none for the first if it goes on from what was said before."""
    if not spans:
        return text
    parts = []
    at = 0
    for start, end in spans:
        parts.append(text[at:start])
        if start or not hidden:
            parts.append(MASK)
        at = end
    parts.append(text[at:])
    return "".join(parts)


def _mask_fields(value: Any, masker: Masker, secret: bool, depth: int) -> Any:
    if isinstance(value, str):
        return (MASK if secret and value else value) if secret else masker.mask(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= DEEPEST:
        return MASK
    if isinstance(value, Mapping):
        return {
            masker.mask(key) if isinstance(key, str) else key: _mask_fields(
                each, masker, secret or is_secret_name(key), depth + 1
            )
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        masked = (_mask_fields(each, masker, secret, depth + 1) for each in value)
        return tuple(masked) if type(value) is tuple else list(masked)
    return MASK if secret else value


NO_SECRETS = Masker(())
