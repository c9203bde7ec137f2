"""One action on many rows of a list."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from django.test import Client

from dags_app.models import Dag
from orchestrator.web import bulk as acts
from orchestrator.web.views import bulk as views
from runs_app import bulk
from runs_app.models import DagRun, TaskInstance, Undo
from tests.support import factories

FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture
def three(db: None) -> dict[str, Dag]:
    tags = {"red_a": ("red",), "red_b": ("red",), "blue": ()}
    return {name: factories.make_dag(name, tags=each) for name, each in tags.items()}


def paused() -> list[str]:
    return sorted(Dag.objects.filter(is_paused=True).values_list("dag_id", flat=True))


def test_what_is_ticked_is_shown_first_and_done_then(user: Client, three: dict[str, Dag]):
    page = user.get("/bulk/dags", {"action": "pause", "chosen": ["red_a", "blue"], "filter": "tags=red"})
    text = page.content.decode()
    assert "2 DAGs" in text and "red_a" in text and "red_b" not in text
    assert paused() == []
    sent = {"action": "pause", "chosen": ["red_a", "blue"], "filter": "tags=red"}
    answer = user.post("/bulk/dags", sent, headers=FETCH).json()
    assert answer == {"toast": "2 DAGs paused.", "go": "/dags?tags=red", "undo": Undo.objects.get().pk}
    assert paused() == ["blue", "red_a"]


def test_all_that_fit_the_filters_are_meant_across_pages(user: Client, three: dict[str, Dag]):
    user.post("/bulk/dags", {"action": "pause", "all": "1", "filter": "tags=red&limit=25&page=7"})
    assert paused() == ["red_a", "red_b"]


def test_what_refuses_is_listed_and_the_others_are_done(user: Client, three: dict[str, Dag]):
    factories.make_run(three["red_a"], state="running")
    answer = user.post("/bulk/dags", {"action": "delete", "all": "1", "filter": ""}, headers=FETCH)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "<b>2</b> deleted, 1 not:" in text
    assert "<b>red_a</b>" in text
    assert list(Dag.objects.values_list("dag_id", flat=True)) == ["red_a"]


def test_dags_are_triggered_and_their_failed_tasks_run_again(user: Client, three: dict[str, Dag]):
    factories.make_run(three["blue"], "old", state="failed", states={"a": "success", "b": "failed"})
    user.post("/bulk/dags", {"action": "clear_failed", "all": "1", "filter": "q=blue"})
    assert set(TaskInstance.objects.filter(run__run_id="old").values_list("task_id", "state")) >= {("a", "success")}
    assert DagRun.objects.get(run_id="old").state in {"queued", "running"}
    user.post("/bulk/dags", {"action": "trigger", "chosen": ["red_a", "red_b"]})
    assert set(DagRun.objects.exclude(run_id="old").values_list("dag_id", flat=True)) == {"red_a", "red_b"}


def test_runs_are_marked_cancelled_and_deleted(user: Client, three: dict[str, Dag]):
    runs = [factories.make_run(dag, name, state="running") for name, dag in three.items()]
    user.post("/bulk/dag_runs", {"action": "failed", "chosen": [runs[0].pk]})
    user.post("/bulk/dag_runs", {"action": "cancel", "all": "1", "filter": "dag_id=red_b"})
    states = dict(DagRun.objects.values_list("run_id", "state"))
    assert states == {"red_a": "failed", "red_b": "cancelled", "blue": "running"}
    answer = user.post("/bulk/dag_runs", {"action": "delete", "all": "1", "filter": ""}, headers=FETCH)
    assert answer.status_code == 409
    assert DagRun.objects.get().run_id == "blue"


def test_task_instances_are_cleared_with_what_depends_on_them(user: Client, three: dict[str, Dag]):
    runs = [factories.make_run(dag, state="failed", states={"a": "failed", "b": "success"}) for dag in three.values()]
    chosen = [factories.instance_of(run, "a").pk for run in runs[:2]]
    user.post("/bulk/task_instances", {"action": "clear", "chosen": chosen})
    assert TaskInstance.objects.filter(task_id="b", state="success").count() == 3
    user.post("/bulk/task_instances", {"action": "clear", "chosen": chosen, "downstream": "on"})
    assert TaskInstance.objects.filter(task_id="b", state="success").count() == 1


def test_single_instances_of_a_mapped_task_are_marked(user: Client, shop_run: DagRun):
    one = factories.instance_of(shop_run, "load", 1)
    user.post("/bulk/task_instances", {"action": "success", "chosen": [one.pk]})
    found = shop_run.task_instances.filter(task_id="load", state="success")
    assert list(found.values_list("map_index", flat=True)) == [1]


@pytest.mark.parametrize("kind", acts.KINDS)
def test_every_action_has_its_dialog_and_does_something(user: Client, three: dict[str, Dag], kind: str):
    factories.make_run(three["blue"], state="failed")
    for act in acts.KINDS[kind].acts:
        query = urlencode({"action": act.name, "all": "1", "filter": ""})
        page = user.get(f"/bulk/{kind}?{query}", headers=FETCH)
        assert page.status_code == 200, act.name
        assert f"{act.label} " in page.content.decode()
        assert user.post(f"/bulk/{kind}?", {"action": act.name, "all": "1"}).status_code in {302, 409}, act.name
        if act.loses:
            assert "cannot be undone" in page.content.decode()


@pytest.mark.parametrize(
    "sent",
    [{}, {"action": "explode"}, {"action": "pause"}, {"action": "pause", "chosen": ["nope", "\0"]}],
    ids=["nothing", "no such action", "no rows", "rows that are not there"],
)
def test_a_request_for_nothing_is_told_so(user: Client, three: dict[str, Dag], sent: dict[str, str]):
    assert user.post("/bulk/dags", sent).status_code == 422
    assert user.post("/bulk/dag_runs", {**sent, "chosen": ["x", "-1", "9" * 40]}).status_code == 422
    assert paused() == []


def test_more_than_one_request_should_do_is_refused_before_anything_is_done(user: Client, three, monkeypatch):
    monkeypatch.setattr(bulk, "MOST", 2)
    answer = user.post("/bulk/dags", {"action": "pause", "all": "1", "filter": ""})
    assert answer.status_code == 422 and b"narrow the filters" in answer.content
    assert paused() == []


@pytest.mark.parametrize("role", ["", "viewer"])
def test_who_may_not_act_is_refused(client_of, three: dict[str, Dag], role: str):
    client = client_of(role)
    for kind in acts.KINDS:
        for act in acts.KINDS[kind].acts:
            assert client.post(f"/bulk/{kind}", {"action": act.name, "all": "1"}).status_code == 403
    assert paused() == []


@pytest.mark.parametrize("address", ["/dags", "/dag_runs", "/task_instances"])
def test_boxes_to_tick_are_shown_to_those_who_may_act_only(client_of, three: dict[str, Dag], address: str):
    factories.make_run(three["blue"])
    assert b'name="chosen"' in client_of("user").get(address).content
    assert b'name="chosen"' not in client_of("viewer").get(address).content


@pytest.fixture
def days(user: Client) -> list[DagRun]:
    dag = factories.make_dag(spec=factories.make_spec("days", {"a": (), "b": ("a",), "c": ("b",)}))
    dates = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    return [factories.make_run(dag, f"d{date.day}", logical_date=date) for date in dates]


@pytest.mark.parametrize(
    ("scope", "touched"),
    [
        ({}, "d2.b"),
        ({"downstream": "on"}, "d2.b d2.c"),
        ({"upstream": "on"}, "d2.a d2.b"),
        ({"past": "on"}, "d1.b d2.b"),
        ({"future": "on", "downstream": "on"}, "d2.b d2.c d3.b d3.c"),
        ({"only_failed": "on"}, ""),
    ],
)
@pytest.mark.parametrize("action", ["clear", "skipped"])
def test_the_dialog_of_many_reaches_as_far_as_that_of_one(user, days, action, scope, touched):
    if action != "clear" and "only_failed" in scope:
        return
    chosen = {"action": action, "chosen": [factories.instance_of(days[1], "b").pk], **scope}
    preview = user.get("/bulk/task_instances", {**chosen, "part": "affected"}, headers=FETCH).content.decode()
    assert f"<b>{len(touched.split())}</b> task instance" in preview
    user.post("/bulk/task_instances", {**chosen, "note": "why"})
    found = TaskInstance.objects.filter(note="why").order_by("pk").values_list("run__run_id", "task_id", "state")
    assert " ".join(f"{run_id}.{task_id}" for run_id, task_id, _ in found) == touched
    assert all(state != "success" for *_, state in found)


def test_what_is_reached_from_several_is_cleared_once(user, days):
    chosen = {"action": "clear", "chosen": [factories.instance_of(run, "b").pk for run in days], "past": "on"}
    answer = user.post("/bulk/task_instances", chosen, headers=FETCH).json()
    assert answer["toast"] == "3 task instances cleared."
    assert set(TaskInstance.objects.filter(task_id="b").values_list("generation", flat=True)) == {2}


def test_cells_of_the_grid_are_acted_on_and_one_comes_back_to_it(user, days, shop_run):
    several, mapped = f"{days[0].pk},{days[1].pk},x:a", f"{shop_run.pk}:load:1"
    cells = [several, f"{shop_run.pk}:extract", mapped, "x", ":a", f"{'9' * 40}:a", f"{days[2].pk}:none", "1:a:b:c"]
    page = user.get("/bulk/task_instances", {"action": "success", "cell": cells, "grid": "days"}).content.decode()
    assert "Mark success 4 task instances" in page and f'value="{cells[0]}"' in page
    answer = user.post("/bulk/task_instances", {"action": "skipped", "cell": cells, "grid": "days"}, headers=FETCH)
    assert (answer.json()["toast"], answer.json()["go"]) == ("4 task instances skipped.", "/dags/days")
    assert (
        user.post("/bulk/task_instances", {"action": "success", "cell": several, "grid": "no\n"})["Location"]
        == "/task_instances"
    )


def test_runs_are_cleared_with_a_note(user, days):
    user.post("/bulk/dag_runs", {"action": "clear", "chosen": [days[0].pk], "note": "again"})
    assert list(DagRun.objects.exclude(note=None).values_list("run_id", "note")) == [("d1", "again")]


def test_many_runs_are_listed_and_not_looked_into_first(user, days, monkeypatch):
    monkeypatch.setattr(views, "MOST_LOOKED_AT", 2)
    page = user.get("/bulk/task_instances", {"action": "clear", "all": "1", "filter": "dag_id=days"}).content.decode()
    assert "9 task instances" in page and "affected" not in page.replace('class="affected"', "")


def test_task_instances_are_deleted_where_their_runs_have_ended(user: Client, shop_run: DagRun):
    going = factories.make_run(shop_run.dag, "going", state="running", states={"extract": "success"})
    sent = {"action": "delete", "all": "1", "filter": "task_id=extract"}
    answer = user.post("/bulk/task_instances", sent, headers=FETCH)
    assert answer.status_code == 409 and b"end the run first" in answer.content
    assert not shop_run.task_instances.filter(task_id="extract").exists()
    assert going.task_instances.filter(task_id="extract").exists()
