"""What failures have in common: an error without what differs from one time to the next, as a hash.

Two failures are one where the exception, its message without numbers, ids, times and addresses, and the innermost
place in the code are. Line numbers are no part of it: another version of the file moves them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

LONGEST = 2000
"""Characters of a message that are looked at."""

FRAME = re.compile(r'^\s*File "(?P<file>[^"\n]*)", line \d+, in (?P<function>\S+)', re.MULTILINE)
BEGIN = "Traceback (most recent call last):"
TELLING = r"(?:code|status|errno|error|http|signal|sqlstate|exit)"
NOISE = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.I), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T _]\d\d:?\d\d(?::?\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.I), "<address>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<host>"),
    (re.compile(r"(?:/[^\s'\"/:,)]+)+/(?=[^\s'\"/:,)]+)"), ""),  # folders of a path
    (re.compile(r"\btmp\w{6,}\b"), "<file>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", re.I), "<id>"),
    (re.compile(r"\b(?=\w*\d)(?=\w*[A-Z])(?=\w*[a-z])\w{16,}\b"), "<id>"),
)
KEPT = re.compile(rf"\b({TELLING}[\s:=#\[(]*)(\d{{1,5}})\b", re.I)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One kind of failure: ``digest`` tells kinds apart, ``title`` is one failure's own message, ``place`` where it was."""

    digest: str
    title: str
    place: str


def of(reason: str, traceback: str = "") -> Fingerprint:
    """Return what kind of failure this is: by its last traceback where there is one, and by its reason."""
    last = traceback.rpartition(BEGIN)[2] if BEGIN in traceback else ""
    frames = list(FRAME.finditer(last))
    message = _message(last, frames[-1].end()) if frames else ""
    title = (message or reason).strip() or "no reason was given"
    place = ""
    if frames:
        place = f"{frames[-1]['file'].rsplit('/', 1)[-1]}, in {frames[-1]['function']}"
    digest = hashlib.sha256("\n".join((normalised(title), place)).encode("utf-8", "replace")).hexdigest()
    return Fingerprint(digest, title[:LONGEST], place)


def _message(text: str, after: int) -> str:
    """The lines of the exception itself: the first after the last frame that is not indented, and what follows it."""
    lines = text[after:].splitlines()
    for number, line in enumerate(lines[1:], 1):
        if line and not line[0].isspace():
            return "\n".join(lines[number:])[:LONGEST]
    return ""


def normalised(text: str) -> str:
    """Return a message without what is noise in it; numbers that name a kind of error (exit code 137) stay."""
    text = text[:LONGEST]
    for pattern, word in NOISE:
        text = pattern.sub(word, text)
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[2])
        return f"{found[1]}\0"

    text = NUMBER.sub("#", KEPT.sub(keep, text.replace("\0", "")))
    for number in kept:
        text = text.replace("\0", number, 1)
    return " ".join(text.split())
