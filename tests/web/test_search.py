"""What the search box finds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestrator.web import places
from runs_app.models import DagRun
from tests.support import factories


def found(client: Client, text: str) -> list[tuple[str, str]]:
    rows: list[dict[str, Any]] = client.get("/search", {"q": text}).json()["found"]
    return [(row["kind"], row["name"]) for row in rows]


def test_everything_is_found_by_its_name(user: Client, shop_run: DagRun):
    factories.make_asset("s3://lake/shop", pk=3)
    kinds = found(user, "shop")
    assert ("DAG", "shop") in kinds
    assert ("Asset", "s3://lake/shop") in kinds
    assert ("Task", "checks.sums") in found(user, "sums")
    assert ("Run", "first") in found(user, "firs")
    assert ("Page", "Task instances") in found(user, "task i")
    assert ("DAG", "shop") in found(user, "sales")  # its tag


def test_what_begins_with_the_text_comes_first(user: Client):
    for name in ("a_etl", "etl", "tagged"):
        factories.make_dag(name, tags=("etl",) if name == "tagged" else ())
    assert [name for kind, name in found(user, "etl") if kind == "DAG"] == ["etl", "a_etl", "tagged"]


def test_actions_are_found_with_the_dags_they_are_for(client_of, shop_run: DagRun):
    user = client_of("user")
    rows = user.get("/search", {"q": "trigger sh"}).json()["found"]
    assert (rows[0]["name"], rows[0]["to"], rows[0]["dialog"]) == ("Trigger shop", "/dags/shop/trigger", True)
    for text in ("pause shop", "unpause shop", "backfill shop", "rerun shop", "delete shop"):
        rows = [row for row in user.get("/search", {"q": text}).json()["found"] if row["kind"] == "Action"]
        assert rows, text
        assert user.get(rows[0]["to"]).status_code == 200, text


def test_only_what_the_reader_may_see_and_do_is_found(client_of, shop_run: DagRun):
    assert found(client_of(""), "shop") == []
    viewer = client_of("viewer")
    assert not [name for kind, name in found(viewer, "trigger sh") if kind == "Action"]
    assert ("Page", "Administration") not in found(viewer, "admin")
    assert ("Page", "Administration") in found(client_of("op"), "admin")


def test_every_page_that_is_offered_opens(client_of, shop_run: DagRun):
    client = client_of("admin")
    pages = [row for row in client.get("/search").json()["found"] if row["kind"] == "Page"]
    assert len(pages) > 8
    for row in pages:
        assert client.get(row["to"], follow=True).status_code == 200, row


def test_without_a_text_favorites_come_first(client_of, shop_run: DagRun):
    client = client_of("user")
    client.post("/dags/shop/favorite")
    assert found(client, "")[0] == ("Favorite", "shop")


def test_strange_text_finds_nothing_and_breaks_nothing(user: Client, shop_run: DagRun):
    for text in ("\0", "%", "_____", "x" * 5000, "'; --", "{{7*7}}", "trigger \0", "  "):
        assert user.get("/search", {"q": text}).status_code == 200


def test_a_search_costs_the_same_for_many_dags(user: Client):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            user.get("/search", {"q": "dag"})
        return len(queries)

    factories.make_run(factories.make_dag())
    few = count()
    for _ in range(10):
        factories.make_run(factories.make_dag())
    assert count() == few


def test_every_key_that_a_page_offers_stands_on_the_help_sheet():
    on_sheet = {key for _, keys in places.SHORTCUTS for each in keys for key in each.keys}
    for path in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        for key in re.findall(r'data-key="([^"{]+)"', path.read_text()):
            wanted = f"Shift {key}" if key.isupper() else key
            assert wanted in on_sheet, (path.name, key)


def test_every_key_of_a_page_on_the_sheet_is_offered_somewhere():
    text = "".join(path.read_text() for path in Path(settings.BASE_DIR, "templates").rglob("*.html"))
    for where, keys in places.SHORTCUTS:
        for each in keys:
            for key in each.keys:
                if where in {"DAG", "Run and task"}:
                    assert f'data-key="{key.removeprefix("Shift ")}"' in text, key


def test_the_keys_of_the_log_are_those_that_its_script_knows():
    script = Path(settings.BASE_DIR, "static/js/log.js").read_text()
    known = re.search(r"const keys = \{(.*?)\};", script)
    assert known
    of_script = set(re.findall(r"(\w): ", known[1]))
    [of_sheet] = [keys for name, keys in places.SHORTCUTS if name == "Log"]
    assert {key for each in of_sheet for key in each.keys if len(key) == 1} == of_script | {"/"}


def test_the_sheet_lists_every_key(user: Client, shop_run: DagRun):
    text = user.get("/dags").content.decode()
    for _, keys in places.SHORTCUTS:
        for each in keys:
            assert str(each.does) in text
