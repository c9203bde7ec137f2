"""Scans of logs: any line of any file by its number, what matches by its rank, and what was written meanwhile."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from orchestrator.logs import scan as scanning
from orchestrator.logs.match import BadPattern, Query, said
from orchestrator.logs.scan import Scan
from orchestrator.logs.scans import Scans
from orchestrator.logs.store import LogStore

QUERIES = [
    Query(),
    Query(level="info"),
    Query(level="warning"),
    Query(level="error"),
    Query(source="task.stderr"),
    Query(text="Größe"),
    Query(text='say "level": "error"'),
    Query(text="TOTAL=13 kg"),
    Query(text=r"total=\d+ kg$", regex=True),
    Query(level="warning", source="a\\b", text="line 1"),
]
WORDS = ("größe", 'say "level": "error"', "total=\x1b[1;31m13\x1b[0m kg", "\x1b[2Jtotal=7 kg", "event", "x" * 300, "")


def line(number: int, at: random.Random) -> bytes:
    body = {
        "timestamp": "2026-01-01T00:00:00+00:00",
        "level": at.choice(["debug", "info", "info", "warning", "error", "critical"]),
        "event": f"line {number} {at.choice(WORDS)}",
        "logger": at.choice(["task.stdout", "task.stderr", "a\\b", 'x "level": "error"']),
    }
    return json.dumps(body, ensure_ascii=False).encode() + b"\n"


def matches(text: bytes, query: Query) -> bool:
    """The same by parsing each line."""
    order = ["debug", "info", "warning", "error", "critical"]
    each = json.loads(text)
    if query.level and order.index(each["level"]) < order.index(query.level):
        return False
    if query.source and each["logger"] != query.source:
        return False
    if query.regex:
        return said(text).startswith("line") and "total=" in said(text) and said(text).endswith(" kg")
    return query.text.lower() in said(text).lower()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LogStore:
    monkeypatch.setattr(scanning, "BLOCK_BYTES", 1000)
    return LogStore(tmp_path)


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_scan_of_a_growing_log_finds_what_reading_it_line_by_line_finds(store: LogStore, query: Query):
    at, keys, written, number = random.Random(7), ["1/1/1.jsonl", "1/1/2.jsonl", "1/1/3.jsonl"], {}, 0
    scan = Scan(store, keys[:1], query)
    for place, key in enumerate(keys):
        scan.keys = keys[: place + 1]
        written[key] = []
        for _ in range(12):
            more = [line(number + each, at) for each in range(at.choice([0, 1, 3, 40]))]
            number += len(more)
            late = keys[place - 1] if place and at.random() < 0.2 else key  # an attempt that ends beside the next
            written[late] += more
            store.append(late, b"".join(more))
            assert scan.advance(10)
            everything = [each for name in keys[: place + 1] for each in written[name]]
            expected = [(rank, each) for rank, each in enumerate(everything) if matches(each, query)]
            assert (scan.total, scan.hits) == (len(everything), len(expected))
    found = scan.lines(0, len(expected), 1 << 30)
    assert found == [(rank, each[:-1]) for rank, each in expected]
    assert len(expected) > 3
    for hit in range(len(expected)):
        assert scan.line_of(hit) == expected[hit][0]
        assert scan.rank_of(expected[hit][0]) == hit
        assert scan.lines(hit, 2, 1 << 30) == found[hit : hit + 2]
    assert scan.line_of(len(expected)) is None
    if not query:
        bad = [rank for rank, each in expected if json.loads(each)["level"] in {"error", "critical"}]
        assert (scan.errors, scan.first_error) == (len(bad), bad[0])
        assert scan.sources == {"task.stdout", "task.stderr", "a\\\\b", 'x \\"level\\": \\"error\\"'}


def test_it_stops_when_its_time_is_over_and_goes_on_there(store: LogStore):
    store.append("1/1/1.jsonl", b"".join(line(number, random.Random(number)) for number in range(100)))
    scan = Scan(store, ["1/1/1.jsonl"])
    steps = 0
    while not scan.advance(0, clock=lambda: 0.0):
        steps += 1
        assert scan.read_bytes <= 1500 * steps
    assert steps > 5
    assert scan.total == 100


def test_groups_are_known_by_line_nested_ones_too(store: LogStore):
    texts = ["::group::Outer", "::group::Inner", "a ::group:: of words", "::endgroup::", "[10:00:00] ##[endgroup]"]
    store.append("k", b"".join(json.dumps({"event": each}).encode() + b"\n" for each in texts))
    scan = Scan(store, ["k"])
    scan.advance(1)
    assert scan.marks == [(0, True, "Outer"), (1, True, "Inner"), (3, False, ""), (4, False, "")]


@pytest.mark.parametrize("text", ["(", "(?=a)b"])
def test_what_cannot_be_searched_for_is_refused_in_words(text: str):
    with pytest.raises(BadPattern):
        Query(text=text, regex=True).check()


def test_a_pattern_that_would_run_for_years_is_answered_at_once(store: LogStore):
    store.append("k", json.dumps({"event": "a" * 50_000 + "b"}).encode() + b"\n")
    scan = Scan(store, ["k"], Query(text="(a+)+$", regex=True))
    assert scan.advance(5)
    assert scan.hits == 0


def test_the_last_lines_of_several_files_are_read_from_the_end(store: LogStore):
    store.append("a", b"1\n2\n3\n")
    store.append("b", b"4\n5\nunfinished")
    assert store.last_lines(["a", "b"], 3, 100) == ([b"3", b"4", b"5"], 4)
    assert store.last_lines(["a", "b"], 3, 100, before=4) == ([b"1", b"2"], 0)
    assert store.last_lines(["a", "b"], 9, 14)[0] == [b"5"]


def test_scans_are_kept_for_the_next_request_and_begun_anew_for_other_files(store: LogStore):
    scans = Scans(most=2)
    first = scans.get(store, 1, ["a"], Query())
    assert scans.get(store, 1, ["a", "b"], Query()) is first
    assert scans.get(store, 1, ["c"], Query()) is not first
    scans.get(store, 2, ["a"], Query())
    scans.get(store, 3, ["a"], Query())
    assert len(scans.known) == 2
