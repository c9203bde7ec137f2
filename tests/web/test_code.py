"""The code of a DAG: versions side by side, as text and as a structure."""

from __future__ import annotations

import re

from django.test import Client

from dags_app.models import Dag
from orchestrator.web.diffs import side_by_side
from tests.support import factories

OLD = "".join(f"line {number}\n" for number in range(30))
NEW = OLD.replace("line 15\n", "line fifteen\nline 15 and a half\n").replace("line 3\n", "")


def kinds(old: str, new: str) -> list[tuple[str, int | None, int | None]]:
    return [(row.kind, row.old, row.new) for row in side_by_side(old, new, "a.py").rows]


def test_a_diff_shows_changes_with_a_little_around_them():
    found = side_by_side(OLD, NEW, "a.py")
    assert (found.added, found.removed) == (2, 2)
    rows = [(row.kind, row.old, row.new) for row in found.rows if row.kind != "equal"]
    assert rows == [
        ("removed", 4, None),
        ("folded", None, None),
        ("changed", 16, 15),
        ("added", None, 16),
        ("folded", None, None),
    ]
    assert sum(row.count or 1 for row in found.rows if row.old or row.count) == 30


def test_equal_texts_have_none_and_line_ends_do_not_count():
    assert kinds("a\nb\n", "a\r\nb") == []


def test_a_file_that_comes_or_goes_is_all_of_one_side():
    assert kinds("", "a\nb\n") == [("added", None, 1), ("added", None, 2)]
    assert kinds("a\n", "") == [("removed", 1, None)]


def test_markup_in_a_source_stays_text():
    row = side_by_side("<b>\n", "<script>\n", "a.html").rows[0]
    assert "<b>" not in row.before
    assert "<script>" not in row.after


def versions(shop: Dag) -> None:
    factories.make_version(shop, factories.make_spec("shop", {"only": (), "new": ("only",)}), "# other\nprint(1)\n")


def page(client: Client, query: str) -> str:
    answer = client.get(f"/dags/shop/code{query}")
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_two_versions_are_compared_as_text_and_as_a_structure(viewer: Client, shop: Dag):
    versions(shop)
    text = page(viewer, "?version_number=2&compare=1")
    assert "task extract (BashOperator) goes" in text
    assert "breaking" in text
    assert "print ( 1 )" in text
    assert "compare with" in page(viewer, "")


def test_the_same_content_says_so(viewer: Client, shop: Dag):
    assert "The DAG is the same" in page(viewer, "?version_number=1&compare=1")
    assert "The files of both versions are the same" in page(viewer, "?version_number=1&compare=1")


def test_versions_and_files_that_are_not_there_are_404(viewer: Client, shop: Dag):
    versions(shop)
    for query in (
        "?compare=7",
        "?compare=x",
        "?version_number=2&compare=1&file=nowhere.py",
        "?version_number=9&compare=1",
    ):
        assert viewer.get(f"/dags/shop/code{query}").status_code == 404, query
