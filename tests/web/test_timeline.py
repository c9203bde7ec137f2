"""All DAGs on one axis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dags_app import schedule
from dags_app.models import Dag
from orchestrator.web import timeline
from tests.support import factories

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def planned_dag(name: str, cron: str, **fields: object) -> Dag:
    spec = factories.make_spec(name, schedule=cron, start_date=factories.DAY, catchup=False)
    dag = factories.make_dag(spec=spec, **fields)
    schedule.replan(dag, NOW)
    return dag


def lanes(client: Client, query: str = "") -> dict[str, timeline.Lane]:
    return {lane.dag.dag_id: lane for lane in client.get(f"/timeline{query}").context["lanes"]}


def test_runs_are_drawn_where_they_ran(viewer: Client):
    dag = factories.make_dag("etl")
    begin = NOW - timedelta(hours=6)
    factories.make_run(dag, "six", logical_date=begin, started_at=begin, ended_at=begin + timedelta(hours=3))
    factories.make_run(dag, "old", logical_date=NOW - timedelta(days=9))
    page = viewer.get("/timeline?hours=24")
    shown, [bar] = page.context["shown"], lanes(viewer)["etl"].bars
    assert bar["run_id"] == "six"
    hour = timeline.SCALE / 32
    assert bar["width"] == pytest.approx(3 * hour, abs=0.3)
    assert shown.now_x - bar["x"] == pytest.approx(6 * hour, abs=0.3)
    assert shown.since.minute == 0 and shown.until > NOW + timedelta(hours=8)


def test_what_runs_reaches_to_now_and_what_took_no_time_can_be_hit(viewer: Client):
    dag = factories.make_dag("etl")
    begin = NOW - timedelta(hours=40)
    factories.make_run(dag, "long", state="running", logical_date=begin, started_at=begin)
    factories.make_run(dag, "short", logical_date=NOW - timedelta(hours=1), ended_at=NOW - timedelta(hours=1))
    page = viewer.get("/timeline?hours=24")
    short, long = page.context["lanes"][0].bars
    assert (long["x"], long["width"]) == (0, page.context["shown"].now_x)
    assert short["width"] == timeline.LEAST


def test_what_is_due_is_planned_as_often_as_it_comes(viewer: Client):
    planned_dag("hourly", "0 * * * *")
    planned_dag("yearly", "0 0 1 1 *")
    planned_dag("paused", "0 * * * *", is_paused=True)
    found = lanes(viewer, "?hours=24")
    assert list(found) == ["hourly"]
    times = [at for _, at in found["hourly"].planned]
    assert times[0] == datetime(2026, 3, 4, 12, tzinfo=UTC)  # due, and not made yet
    assert times[-1] == datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert len(times) == 12


def test_a_dag_that_is_due_each_minute_is_drawn_only_so_often(viewer: Client):
    planned_dag("busy", "* * * * *")
    assert len(lanes(viewer, "?hours=24")["busy"].planned) == timeline.MOST_PLANNED


def test_it_is_narrowed_by_tag_owner_pool_and_state(viewer: Client):
    for name, tag, owner, state in (("a", "red", "ada", "failed"), ("b", "blue", "bob", "success")):
        dag = factories.make_dag(name, tags=(tag,), owners=[owner])
        run = factories.make_run(dag, state=state, logical_date=NOW - timedelta(hours=2))
        factories.set_state(factories.instance_of(run, "a"), state, pool=f"{name}-pool")
    assert list(lanes(viewer)) == ["a", "b"]
    assert list(lanes(viewer, "?tags=red")) == ["a"]
    assert list(lanes(viewer, "?owners=bob")) == ["b"]
    assert list(lanes(viewer, "?pool=b-pool")) == ["b"]
    assert [len(lane.bars) for lane in lanes(viewer, "?run_state=failed").values()] == [1, 0]


def test_one_looks_back_and_forth(viewer: Client):
    dag = factories.make_dag("etl")
    factories.make_run(dag, "old", logical_date=NOW - timedelta(days=3))
    page = viewer.get("/timeline?hours=24")
    assert page.context["lanes"] == []
    page = viewer.get("/timeline", {"hours": "24", "at": (NOW - timedelta(days=3)).isoformat()})
    assert [bar["run_id"] for bar in page.context["lanes"][0].bars] == ["old"]
    assert page.context["later"]
    for at in ("soon", "0001-01-01T00:00", "9999-12-31T23:59", "\0"):
        assert viewer.get("/timeline", {"at": at}).status_code == 200


def test_it_asks_as_many_questions_for_many_dags_as_for_few(viewer: Client):
    def fill(name: str) -> None:
        factories.make_run(planned_dag(name, "0 * * * *"), logical_date=NOW - timedelta(hours=2))

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert len(lanes(viewer, "?hours=24")) > 0
        return len(queries)

    fill("first")
    few = count()
    for number in range(8):
        fill(f"dag{number}")
    assert count() == few


def test_with_nothing_to_show_it_says_where_to_look(viewer: Client):
    assert b"Nothing ran then, and nothing is due" in viewer.get("/timeline").content
