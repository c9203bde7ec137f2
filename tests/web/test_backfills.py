"""The page of backfills and its dialogs."""

from __future__ import annotations

import pytest
from django.test import Client

from dags_app.models import Dag
from orchestrator.core.timetables import CronPartitionTimetable
from runs_app.models import Backfill, DagRun
from tests.support import factories
from tests.support.factories import DAY

FETCH = {"X-Requested-With": "fetch"}
RANGE = {"from_date": "2026-03-01T00:00", "to_date": "2026-03-04T00:00"}


@pytest.fixture(autouse=True)
def daily(db: None) -> Dag:
    return factories.make_dag(
        spec=factories.make_spec("daily", schedule="@daily", start_date=DAY), is_backfillable=True
    )


def test_the_dialog_shows_what_would_be_done_before_it_is(user: Client, daily: Dag):
    factories.make_run(daily, state="success", logical_date=DAY)
    preview = user.get("/dags/daily/backfill", {**RANGE, "part": "affected"}, headers=FETCH).content.decode()
    assert "<b>4</b> dates" in preview
    assert "already exists" in preview
    assert "Choose a range" in user.get("/dags/daily/backfill").content.decode()
    wrong = user.get("/dags/daily/backfill", {**RANGE, "from_date": "2099-01-01T00:00", "part": "affected"})
    assert "must not be after" in wrong.content.decode()
    assert not Backfill.objects.exists()


def test_from_the_dialog_to_the_list_and_its_buttons(user: Client, viewer: Client):
    answer = user.post("/dags/daily/backfill", {**RANGE, "max_active_runs": "1", "set": "1"}, headers=FETCH)
    assert answer.json() == {"toast": "Backfill of 4 dates begun.", "go": "/dags/daily/backfills"}
    found = Backfill.objects.get()
    page = user.get("/dags/daily/backfills").content.decode()
    assert "<b>0</b> of 4" in page
    assert f"/dags/daily/backfills/{found.pk}/pause" in page
    assert f"backfills/{found.pk}/" not in viewer.get("/dags/daily/backfills").content.decode()
    assert "Backfill</a> of" in user.get("/dags/daily").content.decode()
    user.post(f"/dags/daily/backfills/{found.pk}/pause", headers=FETCH)
    found.refresh_from_db()
    assert found.is_paused
    user.post(f"/dags/daily/backfills/{found.pk}/unpause", headers=FETCH)
    assert "Runs that have not begun" in user.get(f"/dags/daily/backfills/{found.pk}/cancel").content.decode()
    user.post(f"/dags/daily/backfills/{found.pk}/cancel", headers=FETCH)
    assert DagRun.objects.filter(state="cancelled").count() == 3
    again = user.post(f"/dags/daily/backfills/{found.pk}/cancel", headers=FETCH)
    assert (again.status_code, b"already completed" in again.content) == (409, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"from_date": ""},
        {"from_date": "x"},
        {"conf": "["},
        {"conf": "[1]"},
        {"conf": '{"a": "\\u0000"}'},
        {"max_active_runs": "0"},
        {"max_active_runs": "many"},
        {"reprocess_behavior": "all"},
        {"to_date": "2026-02-01T00:00"},
    ],
)
def test_what_cannot_be_read_is_said_and_kept(user: Client, changes: dict[str, str]):
    answer = user.post("/dags/daily/backfill", {**RANGE, **changes}, headers=FETCH)
    assert (answer.status_code, b'role="alert"' in answer.content) == (422, True)
    assert not Backfill.objects.exists()


def test_partitions_are_shown_by_their_keys(user: Client):
    timetable = CronPartitionTimetable("@daily", timezone="UTC", key_format="part %d")
    factories.make_dag(spec=factories.make_spec("parts", schedule=timetable), is_backfillable=True, is_partitioned=True)
    preview = user.get("/dags/parts/backfill", {**RANGE, "part": "affected"}, headers=FETCH).content.decode()
    assert "<b>4</b> partitions" in preview and "part 03" in preview
    answer = user.post("/dags/parts/backfill", {**RANGE, "set": "1"}, headers=FETCH)
    assert answer.json()["toast"] == "Backfill of 4 partitions begun."


def test_the_plan_says_how_long_it_takes_and_what_stands_in_its_way(user: Client, daily: Dag):
    asked = {**RANGE, "part": "affected", "reprocess_behavior": "completed", "max_active_runs": "3"}
    assert "as the last runs went" not in user.get("/dags/daily/backfill", asked, headers=FETCH).content.decode()
    factories.make_run(daily, state="success", logical_date=DAY)  # took ten seconds
    shown = user.get("/dags/daily/backfill", asked, headers=FETCH).content.decode()
    assert "About <b>20s</b>" in shown  # four runs, three at once
    assert "under way" not in shown
    user.post("/dags/daily/backfill", RANGE)
    assert "A backfill of this DAG is under way" in user.get("/dags/daily/backfill", asked).content.decode()


def test_a_preview_button_begins_no_backfill(user: Client):
    shown = user.post("/dags/daily/backfill", {**RANGE, "preview": "1"})
    assert (shown.status_code, b"<b>4</b> dates" in shown.content) == (200, True)
    assert not Backfill.objects.exists()
