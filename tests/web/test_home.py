"""The first page: what it counts, and that each count is the list's that it leads to."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dags_app.models import Pool
from orchestrator import env
from orchestrator.core.states import TaskState
from orchestrator.web.home import history, slow
from runs_app import favorites, forecast, holds
from runs_app.models import DagRun, Deadline, Process
from tests.support import factories


@pytest.fixture
def world(db: None) -> None:
    """A DAG of each kind."""
    now = timezone.now()
    for name, state in (
        ("good", "success"),
        ("bad", "failed"),
        ("worse", "failed"),
        ("busy", "running"),
        ("next", "queued"),
    ):
        run = factories.make_run(factories.make_dag(name), "r", state=state)
        DagRun.objects.filter(pk=run.pk).update(run_after=now - timedelta(minutes=5))
    factories.make_run(factories.make_dag("gone", is_stale=True), state="failed")
    factories.make_dag("asleep", is_paused=True)
    factories.make_file("broken.py", error="NameError: <b>x</b>")


def test_each_count_is_that_of_the_list_it_leads_to(world: None, viewer: Client):
    tiles = {tile.label: tile for tile in viewer.get("/").context["tiles"]}
    counts = {label: tile.count for label, tile in tiles.items()}
    assert counts["Failed DAGs"] == 2
    assert (counts["Running DAGs"], counts["Queued DAGs"], counts["Active DAGs"]) == (1, 1, 5)
    for label in ("Failed DAGs", "Running DAGs", "Queued DAGs", "Active DAGs"):
        listed = viewer.get(tiles[label].to).content.decode().count('id="dag-')
        assert listed == counts[label], label
    assert viewer.get(tiles["Import errors"].to).content.decode().count('id="error-') == counts["Import errors"] == 1


def test_a_held_task_stands_where_its_count_leads(viewer: Client, user: Client):
    factories.make_dag("shop")
    holds.hold("shop", "a", reason="<i>broken</i>", user=factories.make_user("user", "ada"))
    page = viewer.get("/").content.decode()
    assert 'id="held"' in page
    assert "shop.a" in page
    assert "&lt;i&gt;broken" in page


def test_what_is_silent_broken_or_asked_needs_somebody(world: None, user: Client, viewer: Client):
    run = factories.make_run(factories.make_dag("asks"), "r", state="running")
    factories.make_question(factories.instance_of(run, "a"), subject="Ship it?")
    needs = [each.text for each in user.get("/").context["needs"]]
    assert "Scheduler: no sign of life" in needs
    assert "Ship it?" in needs
    assert "NameError: <b>x</b>" in needs
    assert "Ship it?" not in [each.text for each in viewer.get("/").context["needs"]], "a viewer may not answer"
    assert "&lt;b&gt;x" in viewer.get("/").content.decode()


def test_a_part_that_beats_is_well(viewer: Client):
    now = timezone.now()
    for kind, age in (("beat", 0), ("slot", 0), ("slot", 1), ("triggerer", 3600)):
        at = now - timedelta(seconds=age)
        Process.objects.create(kind=kind, hostname="h", pid=1, started_at=at, beat_at=at)
    parts = {part.name: part for part in viewer.get("/").context["lamps"]}
    assert (parts["Scheduler"].is_well, parts["Workers"].alive) == (True, 2)
    assert (parts["Triggerer"].is_well, parts["DAG processor"].is_well) == (False, False)


def test_history_counts_what_came_within_the_range(world: None, viewer: Client):
    old = factories.make_run(factories.make_dag("old"), state="failed")
    DagRun.objects.filter(pk=old.pk).update(run_after=timezone.now() - timedelta(hours=20))
    found = {part.name: part.count for part in viewer.get("/?range=1h").context["history"].runs}
    assert found == {"queued": 1, "running": 1, "success": 1, "failed": 2}
    found = viewer.get("/?range=24h").context["history"]
    assert found.run_count == 6
    assert sum(part.width for part in found.runs) == pytest.approx(1000, abs=0.1)
    assert viewer.get("/?range=nonsense").context["range"] == history.USUAL


def test_a_run_is_long_once_it_takes_half_as_long_again_as_usual(viewer: Client):
    now = timezone.now()
    dag = factories.make_dag("slow")
    for number in range(3):
        date = now - timedelta(hours=number + 2)
        factories.make_run(dag, logical_date=date, started_at=date, ended_at=date + timedelta(seconds=60))
    viewer_user = factories.make_user("viewer")
    for seconds, found in ((80, 0), (100, 1)):
        started = now - timedelta(seconds=seconds)
        run = factories.make_run(dag, state="running", logical_date=started, started_at=started)
        assert len(slow.long_runs(viewer_user, now)) == found
        DagRun.objects.filter(pk=run.pk).update(state="failed", ended_at=now)


def test_deadlines_are_those_ahead_and_those_just_missed(viewer: Client):
    now = timezone.now()
    run = factories.make_run(factories.make_dag("due"), state="running")
    for place, (minutes, missed) in enumerate(((10, False), (-10, True), (-3000, True))):
        at = now + timedelta(minutes=minutes)
        Deadline.objects.create(run=run, key=str(place), deadline_time=at, missed=missed, created_at=now)
    found = viewer.get("/").context["deadlines"]
    assert (len(found["upcoming"]), len(found["missed"])) == (1, 1)


def test_favorites_are_ones_own(viewer: Client, client_of):
    factories.make_dag("mine")
    favorites.star("mine", user=viewer.get("/").wsgi_request.user)
    assert [row.dag.dag_id for row in viewer.get("/").context["favorites"]] == ["mine"]
    assert client_of("viewer").get("/").context["favorites"] == []


def test_a_full_pool_is_told(viewer: Client):
    Pool.objects.create(name="tiny", slots=1)
    dag = factories.make_dag(spec=factories.make_spec("busy", {"a": (), "b": ()}, tasks={"pool": "tiny"}))
    factories.make_run(dag, state="running", states={"a": TaskState.RUNNING, "b": TaskState.SCHEDULED})
    context = viewer.get("/").context
    assert "Pool tiny is full" in [each.text for each in context["needs"]]
    assert context["pools"][0].name == "tiny"


def test_a_webhook_that_was_given_up_needs_who_may_mend_it(viewer: Client, client_of):
    off = factories.make_webhook(name="to the pager", enabled=False, disabled_why="Nothing arrived for a day: 503 no")
    factories.make_webhook(name="switched off by hand", enabled=False)
    html = client_of("admin").get("/").content.decode()
    assert "webhook to the pager was given up" in html and "503 no" in html and f"/webhooks/{off.pk}" in html
    assert "switched off by hand" not in html
    assert "to the pager" not in viewer.get("/").content.decode()


def test_alerts_of_the_installation_come_first_and_only_to_whom_they_are_for(viewer: Client, client_of, settings):
    given = '["**down** on Friday<script>", {"text": "rotate the keys", "category": "error", "roles": ["op"]}]'
    settings.ORCH = SimpleNamespace(**{**vars(settings.ORCH), "alerts": env.alerts(given), "instance_name": "Acme <b>"})
    page = viewer.get("/").content.decode()
    assert "<strong>down</strong> on Friday&lt;script&gt;" in page and "rotate the keys" not in page
    assert "rotate the keys" in client_of("op").get("/").content.decode()
    assert "<span>Acme &lt;b&gt;</span>" in page


@pytest.mark.parametrize("text", ["{", "[1]", '[{"category": "info"}]', '[{"text": "x", "category": "loud"}]', '"x"'])
def test_alerts_that_cannot_be_read_say_how_they_are_written(text: str):
    with pytest.raises(ValueError, match="a JSON list"):
        env.alerts(text)


def test_without_a_role_it_says_whom_to_ask(client_of):
    assert b"Your account has no role" in client_of("").get("/").content


def test_more_rows_ask_no_more_queries(world: None, viewer: Client, django_assert_num_queries):
    viewer.get("/")  # the first visit is written down
    forecast.forget()  # forecasts are kept for a while: how long a machine takes must not matter here
    with CaptureQueriesContext(connection) as few:
        viewer.get("/")
    count = len(few)  # the next request clears what was captured
    for number in range(30):
        dag = factories.make_dag(f"many-{number}")
        factories.make_run(dag, state="running")
        factories.make_file(f"wrong-{number}.py", error="x")
        Pool.objects.create(name=f"p{number}", slots=1)
    viewer.get("/")  # specs, which forecasts need, are read once a process
    forecast.forget()
    with django_assert_num_queries(count):
        viewer.get("/")


def test_where_every_dag_is_paused_the_first_page_says_so_and_leads_to_them(viewer: Client):
    factories.make_dag("first", is_paused=True)
    factories.make_dag("second", is_paused=True)
    factories.make_dag("gone", is_stale=True)
    told = [each for each in viewer.get("/").context["needs"] if each.glyph == "paused"]
    assert [(each.text, each.to) for each in told] == [("All 2 DAGs are paused", "/dags?paused=true")]
    factories.make_dag("third")
    assert not [each for each in viewer.get("/").context["needs"] if each.glyph == "paused"]
