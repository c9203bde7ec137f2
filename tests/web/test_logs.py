"""What the log viewer asks the server for, and the log without a script."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from orchestrator.logs.scans import Scans
from orchestrator.web.views import logs, runlogs
from runs_app import logs as app_logs
from runs_app.models import Attempt, DagRun
from tests.support import factories

TASK = "/dags/shop/runs/first/tasks/extract"


@pytest.fixture(autouse=True)
def nothing_read_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_logs, "_scans", Scans())  # ids come again where tests are rolled back


@pytest.fixture
def attempt(shop_run: DagRun) -> Attempt:
    found = factories.instance_of(shop_run, "extract").attempts.get()
    factories.add_log(found, *(f"row {number}" for number in range(2, 500)))
    factories.add_log(found, "Größe: \x1b[31m5\x1b[0m kg", "::group::G", "inside", "::endgroup::", level="warning")
    factories.add_log(found, "broken", level="error", logger="shop")
    return found


def get(client: Client, query: str = "", end: str = "/log") -> Any:
    return client.get(f"{TASK}{end}?{query}").json()


def texts(answer: Any) -> list[str]:
    return [record["event"] for _, record in answer["lines"]]


def test_lines_are_given_from_anywhere_with_their_numbers(viewer: Client, attempt: Attempt):
    answer = get(viewer, "end=1&n=2")
    assert (answer["total"], answer["first"], answer["done"]) == (505, 503, True)
    assert [number for number, _ in answer["lines"]] == [503, 504]
    assert (answer["errors"], answer["first_error"]) == (1, 504)
    assert answer["sources"] == ["shop", "task.stdout"]
    assert answer["marks"] == [[501, True, "G"], [503, False, ""]]
    assert get(viewer, "marks=1&n=0")["marks"] == [[503, False, ""]]
    assert texts(get(viewer, "from=100&n=3")) == ["row 100", "row 101", "row 102"]
    assert get(viewer, "from=505&n=3")["lines"] == []


def test_filters_are_over_the_whole_log(viewer: Client, attempt: Attempt):
    answer = get(viewer, "level=warning&from=0")
    assert (answer["total"], answer["whole"]) == (5, 505)
    assert [number for number, _ in answer["lines"]] == [500, 501, 502, 503, 504]
    assert texts(get(viewer, "source=shop&from=0")) == ["broken"]
    assert get(viewer, "level=error&source=task.stdout&from=0")["total"] == 0
    assert get(viewer, "level=nonsense")["total"] == 505


def test_a_search_counts_all_matches_and_says_where_one_is(viewer: Client, attempt: Attempt):
    found = get(viewer, "q=ROW+12&near=125", "/log/find")
    assert (found["count"], found["k"], found["line"], found["index"], found["done"]) == (11, 6, 125, 125, True)
    assert get(viewer, "q=row+12&k=1", "/log/find")["line"] == 120
    assert get(viewer, "q=row+12&near=400", "/log/find")["k"] == 0  # from the end it goes on at the beginning
    assert get(viewer, "q=5+kg&level=warning", "/log/find") == found | {
        "count": 1,
        "k": 0,
        "line": 500,
        "index": 0,
        "read": found["read"],
    }
    assert get(viewer, "q=%5Erow+%5Cd%2B0%24&regex=1", "/log/find")["count"] == 49
    assert get(viewer, "q=timestamp", "/log/find")["count"] == 0
    assert get(viewer, "q=", "/log/find")["count"] == 0


def test_a_pattern_that_is_none_is_refused_in_words(viewer: Client, attempt: Attempt):
    answer = viewer.get(f"{TASK}/log/find?regex=1&q=(")
    assert answer.status_code == 422
    assert "Not a regular expression" in answer.json()["error"]


def test_a_long_log_is_answered_before_it_has_been_counted(viewer: Client, attempt: Attempt, monkeypatch: Any):
    monkeypatch.setattr(logs, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(logs, "SCAN_SECONDS", 0.0)
    answer = get(viewer, "end=1&n=2")
    assert not answer["done"]
    assert answer["lines"][1][0] is None
    assert texts(answer) == ["::endgroup::", "broken"]
    while not (answer := get(viewer, "end=1&n=2"))["done"]:
        continue
    assert answer["lines"][1][0] == 504


def test_without_a_script_the_end_is_in_the_page_and_a_link_leads_to_what_is_before(viewer: Client, attempt: Attempt):
    page = viewer.get(TASK).content.decode()
    assert "<span>broken</span>" in page
    assert "<span>Größe: 5 kg</span>" in page
    assert "<span>row 304</span>" not in page
    before = page.split("&amp;before=")[1].split('"')[0]
    earlier = viewer.get(f"{TASK}?try_number=1&before={before}").content.decode()
    assert "<span>row 304</span>" in earlier
    assert "<span>row 305</span>" not in earlier


def test_what_a_try_ended_of_is_said_with_its_log(viewer: Client, shop_run: DagRun):
    sums = factories.instance_of(shop_run, "checks.sums")
    factories.make_attempt(sums, reason="killed by SIGKILL (out of memory, or somebody ended it)", outcome="failed")
    answer = viewer.get("/dags/shop/runs/first/tasks/checks.sums/log?end=1").json()
    assert (answer["lines"], answer["end"]["outcome"]) == ([], "failed")
    assert "SIGKILL" in answer["end"]["reason"]


def search(client: Client, query: str) -> str:
    return b"".join(client.get(f"/dags/shop/runs/first/logs?{query}")).decode()


def test_all_logs_of_a_run_are_searched_with_links_to_the_lines(viewer: Client, attempt: Attempt, shop_run: DagRun):
    sums = factories.instance_of(shop_run, "checks.sums")
    factories.make_attempt(sums, lines=("nothing", "row 12 is <b>wrong</b>"))
    page = search(viewer, "q=row+12")
    assert "extract · try 1" in page and f'href="{TASK}?try_number=1#13"' in page
    assert "row 12 is &lt;b&gt;wrong&lt;/b&gt;" in page
    assert "all 2 logs looked through" in page
    assert page.rstrip().endswith("</html>")
    assert "checks.sums" not in search(viewer, "q=row+12&level=error").partition('class="log-hits"')[2]
    assert "Not a regular expression" in search(viewer, "q=(&regex=on")


def test_a_search_over_a_run_keeps_within_its_bounds(viewer: Client, attempt: Attempt, monkeypatch: Any):
    assert f"and {498 - runlogs.LINES_OF_ONE} more in this log" in search(viewer, "q=row")
    monkeypatch.setattr(runlogs, "MOST_SECONDS", -1.0)
    monkeypatch.setattr("orchestrator.logs.scan.BLOCK_BYTES", 1000)
    assert "0 of 1 logs looked through: narrow the search" in search(viewer, "q=broken")


def test_a_log_kept_elsewhere_is_a_click_away(viewer: Client, attempt: Attempt, monkeypatch: Any):
    api = "/api/v2/dags/shop/dagRuns/first/taskInstances/extract/externalLogUrl/1"
    assert viewer.get(api).status_code == 400
    monkeypatch.setattr(settings.ORCH, "external_log_url", "https://logs/{dag_id}/{run_id}?t={task_id}&n={try_number}")
    assert viewer.get(api).json() == {"url": "https://logs/shop/first?t=extract&n=1"}
    assert 'href="https://logs/shop/first?t=extract&amp;n=1"' in viewer.get(TASK).content.decode()
    monkeypatch.setattr(settings.ORCH, "external_log_url", "javascript:alert(1)")
    assert "javascript:alert" not in viewer.get(TASK).content.decode()
