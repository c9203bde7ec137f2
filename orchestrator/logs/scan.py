"""Finding the n-th line of a log, or the n-th that matches, without reading all of it again.

A scan goes through the files of one try block by block and keeps two numbers a block: how many lines, and how many
that match, lie before it. That is some 16 bytes for each 256 KB of log. It works in slices of time: who asks for more
goes on where it stopped, and who does not ask again has cancelled it. Where a log grew, only what is new is read.
"""

from __future__ import annotations

import re
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from .match import Query, record
from .store import LogStore

BLOCK_BYTES = 256 * 1024
MOST_MARKS = 20_000
"""Beginnings and ends of groups that are known at most; later ones are shown as lines."""
MOST_SOURCES = 50
_MARK = re.compile(r"^(?:\[[^\]]*\] )?(?:::|##\[)(end)?group(?:::|\])(.*)", re.DOTALL)
_MARKED = b"group"
_BAD = (b'"level": "error"', b'"level": "critical"')
_SOURCE = re.compile(rb'"logger": "((?:[^"\\]|\\.){0,200})"')


class Scan:
    """The lines of some files, in order, that a query matches. One thread at a time moves it on."""

    def __init__(self, store: LogStore, keys: Sequence[str], query: Query | None = None) -> None:
        self.store, self.keys, self.query = store, list(keys), query or Query()
        self.lock = threading.Lock()
        self.place, self.offset = 0, 0
        self.places, self.starts = array("L"), array("Q")  # of each block
        self.lines_before, self.hits_before = array("Q"), array("Q")
        self.total = self.hits = 0
        self.read_bytes = 0
        self.marks: list[tuple[int, bool, str]] = []  # (line from 0, begins, title)
        self.sources: set[str] = set()
        self.errors = 0
        self.first_error: int | None = None
        self.ends: dict[int, int] = {}  # how far each file was read

    # ---- moving on

    def advance(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> bool:
        """Read on for so long; True where the end is reached."""
        until = clock() + seconds
        with self.lock:
            self._look_back()
            while self._step():
                if clock() >= until:
                    return False
            return True

    def _look_back(self) -> None:
        """An attempt writes its last lines while the next has begun: read such a file's new end, too."""
        if self.keys and self.store.size(self.keys[self.place]) < self.offset:  # another file by this name
            self._rewind(0)
        before = self.place - 1
        if before >= 0 and self.store.read_lines(self.keys[before], self.ends[before], 1)[0]:
            self._rewind(before)

    def _rewind(self, place: int) -> None:
        """Forget everything from a file on."""
        first = bisect_left(self.places, place)
        if first < len(self.places):
            self.total, self.hits = self.lines_before[first], self.hits_before[first]
            for each in (self.places, self.starts, self.lines_before, self.hits_before):
                del each[first:]
        self.marks = [mark for mark in self.marks if mark[0] < self.total]
        if self.first_error is not None and self.first_error >= self.total:
            self.first_error = None
        self.errors = sum(self._bad(number) for number in range(first))
        self.place, self.offset = place, 0

    def _bad(self, block: int) -> int:
        data = self._block(block)
        return sum(data.count(each) for each in _BAD)

    def _step(self) -> bool:
        """Take in one block; False at the end of what is there."""
        if self.place >= len(self.keys):
            return False
        # Lines that come few at a time make no block each.
        grows = bool(self.places) and self.places[-1] == self.place and self.offset - self.starts[-1] < BLOCK_BYTES / 2
        data, after = self.store.read_lines(self.keys[self.place], self.offset, BLOCK_BYTES)
        if after == self.offset:
            self.ends[self.place] = after
            if self.place + 1 >= len(self.keys):
                return False
            self.place, self.offset = self.place + 1, 0
            return True
        if not grows:
            self.places.append(self.place)
            self.starts.append(self.offset)
            self.lines_before.append(self.total)
            self.hits_before.append(self.hits)
        lines = data.count(b"\n")
        if not self.query:
            self._note(data, lines)
        self.hits += self.query.count(data) if self.query else lines
        self.total += lines
        self.offset = after
        self.ends[self.place] = after
        self.read_bytes += len(data)
        return True

    def _note(self, data: bytes, lines: int) -> None:
        """What is told of the log as a whole: errors, groups, sources."""
        bad = sum(data.count(each) for each in _BAD)
        if bad and self.first_error is None:
            at = min(found for each in _BAD if (found := data.find(each)) >= 0)
            self.first_error = self.total + data.count(b"\n", 0, at)
        self.errors += bad
        if _MARKED in data and len(self.marks) < MOST_MARKS:
            self._note_marks(data)
        # Of a large log every eighth block is looked at: a source that is this rare is found by searching.
        if (len(self.starts) < 64 or len(self.starts) % 8 == 0) and len(self.sources) < MOST_SOURCES:
            self._note_sources(data, lines)

    def _note_sources(self, data: bytes, lines: int) -> None:
        known = sum(data.count(f'"logger": "{name}"'.encode()) for name in self.sources)
        if known < lines:
            found = {name.decode("utf-8", "replace") for name in _SOURCE.findall(data)}
            self.sources |= set(sorted(found - self.sources)[: MOST_SOURCES - len(self.sources)])

    def _note_marks(self, data: bytes) -> None:
        for number, line in enumerate(data.split(b"\n")[:-1]):
            if _MARKED not in line:
                continue
            event = record(line).get("event")
            if isinstance(event, str) and (found := _MARK.match(event)) and len(self.marks) < MOST_MARKS:
                self.marks.append((self.total + number, not found[1], found[2].strip()[:500]))

    # ---- looking up

    def lines(self, first: int, count: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """Return up to ``count`` matching lines from the ``first`` match on, each with its number in the log (from 0)."""
        found: list[tuple[int, bytes]] = []
        block = max(bisect_right(self.hits_before, first) - 1, 0)
        while block < len(self.starts) and len(found) < count and most_bytes > 0:
            texts = self._block(block).split(b"\n")
            for rank, ordinal in enumerate(self._ordinals(block)):
                if self.hits_before[block] + rank < first:
                    continue
                if len(found) >= count or most_bytes <= 0:
                    break
                found.append((self.lines_before[block] + ordinal, texts[ordinal]))
                most_bytes -= len(texts[ordinal])
            block += 1
        return found

    def last_lines(self, count: int, most_bytes: int) -> list[bytes]:
        """Return the last lines that match, as far as the last ``most_bytes`` of the log hold some."""
        found, _ = self.store.last_lines(self.keys, 10 * count, most_bytes)
        if self.query:
            block = b"".join(line + b"\n" for line in found)
            found = [found[ordinal] for ordinal in self.query.ordinals(block)]
        return found[-count:]

    def line_of(self, hit: int) -> int | None:
        """Return the number of the line that the ``hit``-th match is."""
        if not 0 <= hit < self.hits:
            return None
        block = bisect_right(self.hits_before, hit) - 1
        ordinals = self._ordinals(block)
        rank = hit - self.hits_before[block]
        return self.lines_before[block] + ordinals[rank] if rank < len(ordinals) else None

    def rank_of(self, line: int) -> int:
        """Return how many matches lie before a line of the log."""
        if not self.starts:
            return 0
        if not self.query:
            return min(line, self.total)
        block = max(bisect_right(self.lines_before, line) - 1, 0)
        return int(self.hits_before[block] + bisect_left(self._ordinals(block), line - self.lines_before[block]))

    def _ordinals(self, block: int) -> Sequence[int]:
        data = self._block(block)
        return self.query.ordinals(data) if self.query else range(data.count(b"\n"))

    def _block(self, block: int) -> bytes:
        place, start = self.places[block], self.starts[block]
        last = block + 1 >= len(self.places) or self.places[block + 1] != place
        end = self.ends[place] if last else self.starts[block + 1]
        return self.store.read(self.keys[place], start, end - start)[0]
