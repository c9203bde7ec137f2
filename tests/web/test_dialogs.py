"""What one can do from the pages: pause, trigger, clear, mark, note, delete."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.test import Client

from dags_app.models import AuditEntry, Dag
from orchestrator.operators.bash import BashOperator
from orchestrator.operators.empty import EmptyOperator
from orchestrator.operators.external_task import ExternalTaskMarker
from orchestrator.sdk import DAG, Param, chain
from runs_app.models import DagRun
from tests.support import factories

FETCH = {"X-Requested-With": "fetch"}


def states(run: DagRun) -> dict[str, str]:
    rows = run.task_instances.values_list("task_id", "map_index", "state")
    return {task_id if index < 0 else f"{task_id}[{index}]": state for task_id, index, state in rows}


def test_pausing_and_switching_on(user: Client, shop: Dag):
    response = user.post("/dags/shop/pause", {"paused": "true"}, headers=FETCH)
    assert "paused" in response.json()["toast"]
    shop.refresh_from_db()
    assert shop.is_paused
    assert user.post("/dags/shop/pause", {"paused": "false"})["Location"] == "/dags/shop"
    shop.refresh_from_db()
    assert not shop.is_paused
    assert AuditEntry.objects.filter(event="patch_dag").count() == 2


def test_triggering_from_the_form_sends_only_what_differs_from_the_defaults(user: Client, shop: Dag):
    values = {"mode": "form", "param.region": '"south"', "param.limit": "3", "run_id": "mine", "note": "why"}
    response = user.post("/dags/shop/trigger", values, headers=FETCH)
    assert response.json()["go"] == "/dags/shop/runs/mine"
    run = DagRun.objects.get(run_id="mine")
    assert run.conf == {"region": "south"}
    assert run.note == "why"
    assert run.triggering_user_name.startswith("user-")


def test_a_value_that_does_not_fit_keeps_the_input_and_starts_nothing(user: Client, shop: Dag):
    values = {"mode": "form", "param.region": '"south"', "param.limit": "0", "note": "keep me"}
    response = user.post("/dags/shop/trigger", values, headers=FETCH)
    assert response.status_code == 422
    text = response.content.decode()
    assert "less than the minimum" in text
    assert "keep me" in text
    assert 'value="0"' in text
    assert not DagRun.objects.exists()


@pytest.mark.parametrize(
    "conf", ["{", "[1]", "null", '"x"', "[" * 3000, '{"region": "west"}', '{"a": "\\u0000"}', '{"a": NaN}']
)
def test_a_configuration_that_is_none_is_explained(user: Client, shop: Dag, conf: str):
    response = user.post("/dags/shop/trigger", {"mode": "json", "conf": conf}, headers=FETCH)
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert not DagRun.objects.exists()


def test_a_run_id_that_is_taken_is_explained(user: Client, shop_run: DagRun):
    response = user.post("/dags/shop/trigger", {"mode": "json", "conf": "{}", "run_id": "first"}, headers=FETCH)
    assert response.status_code == 422
    assert "already has a run" in response.content.decode()


def test_triggering_a_paused_dag_can_switch_it_on(user: Client, shop: Dag):
    Dag.objects.update(is_paused=True)
    assert "it is paused" in user.get("/dags/shop/trigger", headers=FETCH).content.decode()
    user.post("/dags/shop/trigger", {"mode": "json", "conf": "", "unpause": "on"})
    shop.refresh_from_db()
    assert not shop.is_paused


@pytest.mark.parametrize(
    ("when", "date", "expected"),
    [("none", "", None), ("date", "2026-02-03T04:05", "2026-02-03 04:05:00+00:00")],
)
def test_the_logical_date_can_be_chosen_or_left_out(
    user: Client, shop: Dag, when: str, date: str, expected: str | None
):
    user.post("/dags/shop/trigger", {"mode": "json", "conf": "{}", "when": when, "logical_date": date})
    found = DagRun.objects.get().logical_date
    assert (str(found) if found else None) == expected


def test_a_run_can_be_triggered_again_with_its_configuration(user: Client, shop: Dag):
    run = factories.make_run(shop, "old", conf={"region": "south", "limit": 8})
    text = user.get(f"/dags/shop/trigger?again={run.run_id}", headers=FETCH).content.decode()
    assert 'value="8"' in text
    assert "south&quot;" in text


def test_a_dag_whose_file_is_gone_cannot_be_triggered(user: Client, shop: Dag):
    Dag.objects.update(is_stale=True)
    response = user.post("/dags/shop/trigger", {"mode": "json", "conf": "{}"}, headers=FETCH)
    assert response.status_code == 422
    assert not DagRun.objects.exists()


def test_clearing_shows_first_what_it_will_touch_and_changes_nothing(user: Client, shop_run: DagRun):
    before = states(shop_run)
    path = "/dags/shop/runs/first/tasks/checks.sums/clear"
    assert "<b>4</b> task instances" in user.get(path, headers=FETCH).content.decode()  # with load's three below it
    alone = user.get(f"{path}?part=affected&set=1", headers=FETCH).content.decode()
    assert "<b>1</b> task instance " in alone
    failed = user.get(f"{path}?part=affected&set=1&upstream=on&only_failed=on", headers=FETCH).content.decode()
    assert "extract" not in failed
    assert states(shop_run) == before


def test_clearing_a_task_opens_it_and_what_follows(user: Client, shop_run: DagRun):
    response = user.post(
        "/dags/shop/runs/first/tasks/checks.sums/clear", {"set": "1", "downstream": "on"}, headers=FETCH
    )
    assert "4 task instances" in response.json()["toast"]
    found = states(shop_run)
    assert found["extract"] == "success"
    assert found["checks.sums"] in {"none", "scheduled"}
    shop_run.refresh_from_db()
    assert shop_run.state in {"queued", "running"}


def test_clearing_one_index_leaves_the_others_alone(user: Client, shop_run: DagRun):
    user.post("/dags/shop/runs/first/tasks/load/mapped/1/clear", {"set": "1"})
    found = states(shop_run)
    assert found["load[0]"] == found["load[2]"] == "upstream_failed"
    assert found["load[1]"] != "success"
    assert shop_run.events.filter(new="none", task_instance__map_index=1).exists()
    assert not shop_run.events.filter(new="none", task_instance__map_index=0).exists()


def test_clearing_nothing_says_so(user: Client, shop: Dag):
    factories.make_run(shop, "fine")
    response = user.post("/dags/shop/runs/fine/clear", {"set": "1", "only_failed": "on"}, headers=FETCH)
    assert "nothing to clear" in response.json()["toast"]


def test_marking_a_task(user: Client, shop_run: DagRun):
    path = "/dags/shop/runs/first/tasks/checks.sums/mark"
    assert "Mark checks.sums as success" in user.get(path + "?state=success", headers=FETCH).content.decode()
    user.post(path, {"state": "success", "set": "1"})
    assert states(shop_run)["checks.sums"] == "success"


@pytest.mark.parametrize("state", ["running", "nonsense", "<b>"])
def test_a_state_that_cannot_be_set_is_refused(user: Client, shop_run: DagRun, state: str):
    before = states(shop_run)
    for path in ("/dags/shop/runs/first/tasks/checks.sums/mark", "/dags/shop/runs/first/mark"):
        response = user.post(path, {"state": state, "set": "1"}, headers=FETCH)
        assert response.status_code == 409
        assert "<b></h2>" not in response.content.decode()
    assert states(shop_run) == before


def test_marking_a_run_ends_it(user: Client, shop: Dag):
    run = factories.make_run(shop, "on", state="running", states={"extract": "success"})
    user.post("/dags/shop/runs/on/mark", {"state": "failed"})
    run.refresh_from_db()
    assert run.state == "failed"
    assert states(run)["checks.sums"] == "skipped"


def test_a_note_is_kept_shown_and_taken_away(user: Client, shop_run: DagRun):
    user.post("/dags/shop/runs/first/note", {"note": "looked at <b>it</b>"})
    assert "looked at &lt;b&gt;it&lt;/b&gt;" in user.get("/dags/shop/runs/first").content.decode()
    user.post("/dags/shop/runs/first/note", {"note": " "})
    shop_run.refresh_from_db()
    assert shop_run.note is None


def test_deleting_a_run_takes_its_rows_and_keeps_the_audit(user: Client, shop_run: DagRun):
    assert user.post("/dags/shop/runs/first/delete")["Location"] == "/dags/shop"
    assert not DagRun.objects.exists()
    assert AuditEntry.objects.filter(event="delete_dag_run", run_id="first").exists()


def test_actions_need_the_form_s_token(db: None, shop: Dag):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user("user"))
    assert client.post("/dags/shop/pause", {"paused": "true"}, headers=FETCH).status_code == 403
    shop.refresh_from_db()
    assert not shop.is_paused


def test_a_title_of_a_param_is_text(user: Client):
    with DAG("evil", params={"x": Param("a", type="string", title="<img src=x onerror=alert(1)>")}) as dag:
        BashOperator(task_id="a", bash_command="true")
    factories.make_dag(spec=dag.to_spec())
    text = user.get("/dags/evil/trigger", headers=FETCH).content.decode()
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text


def test_null_characters_are_no_errors(user: Client, shop_run: DagRun):
    values = {"mode": "json", "conf": "{}", "run_id": "a\0b", "note": "c\0d"}
    assert user.post("/dags/shop/trigger", values, headers=FETCH).json()["go"] == "/dags/shop/runs/ab"
    user.post("/dags/shop/runs/first/note", {"note": "x\0y"})
    shop_run.refresh_from_db()
    assert shop_run.note == "xy"
    assert user.get("/dags/shop/trigger?again=%00").status_code == 404
    assert user.get("/dags/shop/graph.json?run=%00").status_code == 404
    assert Client().post("/sign-in", {"username": "a\0b", "password": "c\0d"}).status_code in {403, 503}


def test_cancelling_a_run_says_what_it_stops_and_does(user: Client, shop: Dag):
    run = factories.make_run(shop, "going", state="running")
    assert b"Teardowns whose setup succeeded still run" in user.get("/dags/shop/runs/going/cancel").content
    response = user.post("/dags/shop/runs/going/cancel", {"reason": "wrong day"}, headers=FETCH)
    assert response.json()["toast"] == "Cancelled run going."
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert b"st-cancelled" in user.get("/dags/shop/runs/going").content
    again = user.post("/dags/shop/runs/going/cancel", headers=FETCH)
    assert (again.status_code, b"nothing to cancel" in again.content) == (409, True)


def test_freezing_and_letting_runs_finish(user: Client, shop: Dag):
    factories.make_run(shop, "going", state="running")
    user.post("/dags/shop/pause", {"paused": "true"}, headers=FETCH)
    assert "1 run under way still finishes" in user.get("/dags/shop").content.decode()
    answer = user.post("/dags/shop/pause", {"paused": "true", "mode": "freeze"}, headers=FETCH)
    assert "frozen" in answer.json()["toast"]
    assert "1 run under way starts no more tasks" in user.get("/dags/shop").content.decode()
    user.post("/dags/shop/pause", {"paused": "false"}, headers=FETCH)
    shop.refresh_from_db()
    assert (shop.is_paused, shop.is_frozen) == (False, False)


def test_holding_and_releasing_a_task(user: Client, shop: Dag):
    run = factories.make_run(shop, "going", state="running", states={"extract": "scheduled"})
    place = "/dags/shop/runs/going/tasks/extract"
    values = {"reason": "look first", "where": "run", "until": "2999-01-01T00:00"}
    assert user.post(f"{place}/hold", values, headers=FETCH).json()["toast"] == "extract is held."
    assert states(run)["extract"] == "none"
    shown = user.get(f"{place}/hold").content.decode()
    assert "look first" in shown
    held = run.holds.get()
    assert "It is held back by" in user.get(place).content.decode()
    assert "released" in user.post(f"{place}/hold", {"release": held.pk}, headers=FETCH).json()["toast"]
    assert states(run)["extract"] == "scheduled"
    wrong = user.post(f"{place}/hold", {"until": "yesterday"}, headers=FETCH)
    assert (wrong.status_code, b"cannot be read" in wrong.content) == (422, True)


def test_a_note_on_a_task_and_deleting_the_dag(user: Client, shop: Dag):
    run = factories.make_run(shop, "done")
    place = "/dags/shop/runs/done/tasks/extract"
    user.post(f"{place}/note", {"note": "by hand"}, headers=FETCH)
    assert run.task_instances.get(task_id="extract").note == "by hand"
    assert "by hand" in user.get(place).content.decode()
    factories.make_run(shop, "going", state="running")
    assert b"runs that are not finished" in user.post("/dags/shop/delete", headers=FETCH).content
    DagRun.objects.filter(run_id="going").delete()
    assert b"it comes back without them" in user.get("/dags/shop/delete").content
    assert user.post("/dags/shop/delete", headers=FETCH).json()["go"] == "/dags"
    assert not Dag.objects.exists()


def test_a_failed_run_offers_to_rerun_what_failed(user: Client, shop_run: DagRun):
    assert "clear?only_failed=on" in user.get("/dags/shop/runs/first").content.decode()
    form = user.get("/dags/shop/runs/first/clear?only_failed=on").content.decode()
    assert "<b>4</b> task instances" in form


def test_clearing_a_marker_clears_what_it_names_in_another_dag(user: Client):
    def make(dag_id: str, *tasks: Any) -> DagRun:
        with DAG(dag_id) as dag:
            chain(*[each() for each in tasks])
        day = datetime(2026, 1, 1, tzinfo=UTC)
        return factories.make_run(factories.make_dag(spec=dag.to_spec()), f"run_{dag_id}", logical_date=day)

    names = {"external_dag_id": "child", "external_task_id": "second"}
    make("parent", lambda: EmptyOperator(task_id="work"), lambda: ExternalTaskMarker(task_id="mark", **names))
    child = make("child", *[partial(EmptyOperator, task_id=each) for each in ("first", "second", "third")])
    page = user.get("/dags/parent/runs/run_parent/tasks/work/clear").content.decode()
    assert "child › second" in page and "child › third" in page and "child › first" not in page
    user.post("/dags/parent/runs/run_parent/tasks/work/clear", {"set": "1", "downstream": "on"}, headers=FETCH)
    noted = AuditEntry.objects.filter(event="clear_task_instances").order_by("pk").values_list("run_id", "extra")
    assert [(run_id, extra["task_ids"]) for run_id, extra in noted] == [
        ("run_parent", ["mark", "work"]),
        (child.run_id, ["second", "third"]),
    ]


def test_tasks_that_are_new_in_the_dag_are_queued_in_a_run(user: Client, shop: Dag):
    dag = factories.make_dag(spec=factories.make_spec("grown", {"a": ()}))
    run = factories.make_run(dag, "first", state="success")
    factories.set_state(run.task_instances.get(), "success")
    address = "/dags/grown/runs/first/clear"
    assert "only_new" not in user.get(address, headers=FETCH).content.decode()
    factories.make_version(dag, factories.make_spec("grown", {"a": (), "b": ("a",)}))

    assert "queue the 1 task new" in user.get(address, headers=FETCH).content.decode()
    preview = user.get(address, {"set": "1", "only_new": "on", "part": "affected"}, headers=FETCH).content.decode()
    assert "<b>1</b> task instance affected" in preview and "<span>b</span>" in preview
    assert states(run) == {"a": "success"}

    answer = user.post(address, {"set": "1", "only_new": "on"}, headers=FETCH)
    assert answer.json()["toast"] == "Queued 1 task instance of the latest version."
    assert states(run) == {"a": "success", "b": "scheduled"}


def test_a_task_instance_goes_with_its_tries_once_its_run_has_ended(user: Client, viewer: Client, shop_run: DagRun):
    address = "/dags/shop/runs/first/tasks/extract"
    assert f"{address}/delete" in user.get(address).content.decode()
    assert f"{address}/delete" not in viewer.get(address).content.decode()
    DagRun.objects.update(state="running", ended_at=None)
    assert f"{address}/delete" not in user.get(address).content.decode()
    refused = user.post(f"{address}/delete")
    assert refused.status_code == 409 and b"end the run first" in refused.content
    DagRun.objects.update(state="failed", ended_at=factories.DAY)
    assert b"its 1 try" in user.get(f"{address}/delete").content
    assert user.post(f"{address}/delete")["Location"] == "/dags/shop/runs/first"
    assert "extract" not in states(shop_run)
    assert AuditEntry.objects.filter(event="delete_task_instance").count() == 1


def test_a_note_is_markdown_and_its_lines_stay_lines(user: Client, shop_run: DagRun):
    user.post("/dags/shop/runs/first/note", {"note": "see **this**\n<img src=x>"})
    assert b"see <strong>this</strong><br />\n&lt;img src=x&gt;" in user.get("/dags/shop/runs/first").content
