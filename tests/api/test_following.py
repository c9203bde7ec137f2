"""Triggering once, waiting for the end, and what changes as it happens."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from orchestrator.api import triggering
from orchestrator.api.auth import issue_token
from orchestrator.core.states import RunState
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG
from runs_app import actions, state_feed
from runs_app.models import DagRun, StateEvent
from tests.support import factories, webserver

BODY = {"logical_date": None, "conf": {"a": 1}}


def trigger(api, key, body=None, status=200, path="/api/v2/dags/alpha/dagRuns", **query):
    sent = {"data": body or BODY, "content_type": "application/json", "query_params": query}
    answer = api.post(path, headers={"Idempotency-Key": key}, **sent)
    assert answer.status_code == status, answer.content
    return answer


def test_the_same_key_gives_the_same_run_and_says_so(api):
    factories.make_dag("alpha")
    first, again = trigger(api, "k"), trigger(api, "k")
    assert first.json()["dag_run_id"] == again.json()["dag_run_id"]
    assert "Idempotency-Replayed" not in first and again["Idempotency-Replayed"] == "true"
    assert DagRun.objects.count() == 1
    assert trigger(api, "other").json()["dag_run_id"] != first.json()["dag_run_id"]


def test_a_key_belongs_to_its_caller_and_to_one_request(as_role):
    factories.make_dag("alpha")
    one, two = as_role("user"), as_role("user")
    assert trigger(one, "k").json()["dag_run_id"] != trigger(two, "k").json()["dag_run_id"]
    [problem] = trigger(one, "k", {**BODY, "conf": {"a": 2}}, 422).json()["detail"]
    assert problem["loc"] == ["header", "Idempotency-Key"]
    trigger(one, "x", {**BODY, "dag_run_id": "mine"}, 422)
    for wrong in ("", "k" * 256, "a\x07b"):
        trigger(one, wrong, status=422)
    assert DagRun.objects.count() == 2


def test_a_deleted_run_takes_its_key_with_it(api):
    factories.make_dag("alpha")
    run_id = trigger(api, "k").json()["dag_run_id"]
    DagRun.objects.filter(run_id=run_id).update(state="failed", ended_at=factories.DAY)
    api.call("delete", f"dags/alpha/dagRuns/{run_id}", status=204)
    assert "Idempotency-Replayed" not in trigger(api, "k")


def test_the_one_who_is_second_at_the_same_moment_gets_the_run_of_the_first(api, monkeypatch):
    factories.make_dag("alpha")
    first = trigger(api, "k").json()
    looks, found = iter([True]), triggering.made_before
    monkeypatch.setattr(triggering, "made_before", lambda *given: None if next(looks, False) else found(*given))
    assert trigger(api, "k").json()["dag_run_id"] == first["dag_run_id"]


def test_a_trigger_that_waits_answers_when_the_time_is_over(api):
    factories.make_dag("alpha")
    answer = trigger(api, "k", wait="0.05")
    assert json.loads(b"".join(answer.streaming_content))["state"] in {"queued", "running"}
    for wrong in ("x", "-1", "1e9", "nan"):
        trigger(api, "k2", status=422, wait=wrong)
    assert DagRun.objects.count() == 1


def test_wait_tells_the_state_and_at_the_end_what_was_returned(api):
    run = factories.make_run(factories.make_dag("alpha"), "r1", state="success")
    factories.make_xcom(factories.instance_of(run, "a"), {"n": 1})
    answer = api.get("/api/v2/dags/alpha/dagRuns/r1/wait", {"interval": "1", "result": ["a", "b"]})
    assert answer["Content-Type"] == "application/x-ndjson"
    [line] = b"".join(answer.streaming_content).splitlines()
    assert json.loads(line) == {"state": "success", "results": {"a": {"n": 1}}}
    for asked in ({"result": ["b"]}, {"result": [""]}, {}):
        answer = api.get("/api/v2/dags/alpha/dagRuns/r1/wait", {"interval": "1", **asked})
        assert json.loads(b"".join(answer.streaming_content)) == {"state": "success"}
    for wrong in ({}, {"interval": "0"}, {"interval": "x"}, {"interval": "inf"}):
        api.call("get", "dags/alpha/dagRuns/r1/wait", status=422, **wrong)


def test_wait_tells_what_the_dag_calls_its_result_unless_asked_for_something_else(api):
    with DAG("alpha") as dag:
        one, two = (PythonOperator(task_id=name, python_callable=print) for name in "ab")
        two.returns_dag_result = True
    run = factories.make_run(factories.make_dag(spec=dag.to_spec()), "r1", state="success")
    for name in "ab":
        factories.make_xcom(factories.instance_of(run, name), name)
    assert one.task_id == "a"
    for asked, results in (({}, {"b": "b"}), ({"result": "a"}, {"a": "a"}), ({"result": ""}, None)):
        answer = api.get("/api/v2/dags/alpha/dagRuns/r1/wait", {"interval": "1", **asked})
        assert json.loads(b"".join(answer.streaming_content)).get("results") == results


def test_a_number_that_is_not_there_yet_is_waited_for_until_it_cannot_come(db):
    run = factories.make_run(factories.make_dag("alpha"), "r1")
    last = state_feed.newest()
    rows = [StateEvent(run=run, old="a", new="b", actor="x", at=factories.DAY) for _ in range(3)]
    StateEvent.objects.bulk_create(rows)
    StateEvent.objects.filter(pk=last + 2).delete()
    runs = DagRun.objects.all()
    found, upto = state_feed.after(last, runs, factories.DAY)
    assert ([each["pk"] for each in found], upto) == ([last + 1], last + 1)
    found, upto = state_feed.after(upto, runs, factories.DAY + timedelta(seconds=4))
    assert ([each["pk"] for each in found], upto) == ([last + 3], last + 3)
    assert state_feed.after(last, DagRun.objects.none(), factories.DAY + timedelta(hours=1)) == ([], last + 3)


# ---- on a real server


@pytest.fixture
def server(transactional_db) -> Iterator[str]:
    with webserver.running() as address:
        yield address


class Stream:
    """Reads server-sent events as they come."""

    def __init__(self, address: str, path: str, token: str, **headers: str) -> None:
        wanted = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream", **headers}
        self.answer = urllib.request.urlopen(urllib.request.Request(address + path, headers=wanted), timeout=20)

    def next(self) -> tuple[str, dict, str | None]:
        found: dict[str, str] = {}
        while True:
            line = self.answer.readline().decode()
            assert line, "the stream ended"
            name, _, value = line.rstrip("\n").partition(": ")
            if name in {"event", "data", "id"}:
                found[name] = value
            if not line.strip() and "event" in found:
                return found["event"], json.loads(found["data"]), found.get("id")

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        self.answer.close()


def test_changes_are_told_as_they_happen_and_after_the_last_one_that_was_seen(server, redis_server):
    run = factories.make_run(factories.make_dag("alpha"), "r1", state="running", states={"a": "running"})
    factories.make_run(factories.make_dag("beta"), "other", state="running")
    token = issue_token(factories.make_user("viewer"))
    with Stream(server, "/api/v2/events?dag_id=alpha", token) as stream:
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        stream.answer.readline()  # the greeting: from here on, what changes is told
        actions.set_run_state(DagRun.objects.get(run_id="other").pk, RunState.FAILED, user=None)
        actions.set_run_state(run.pk, RunState.FAILED, user=None)
        seen = [stream.next() for _ in range(3)]
    assert {each[1]["dag_id"] for each in seen} == {"alpha"}
    assert [(kind, each.get("task_id"), each["state"]) for kind, each, _ in seen] == [
        ("task_instance", "a", "failed"),
        ("task_instance", "b", "skipped"),
        ("dag_run", None, "failed"),
    ]
    with Stream(server, "/api/v2/events?dag_id=alpha", token, **{"Last-Event-ID": seen[0][2]}) as stream:
        assert [stream.next() for _ in range(2)] == seen[1:]


def test_a_stream_ends_with_the_token_and_a_log_with_its_try(server, redis_server):
    run = factories.make_run(factories.make_dag("alpha"), "r1", state="running", states={"a": "running"})
    attempt = factories.make_attempt(factories.instance_of(run, "a"), lines=("one", "two"))
    user = factories.make_user("viewer")
    token = issue_token(user)
    path = "/api/v2/dags/alpha/dagRuns/r1/taskInstances/a/logs/1"
    with Stream(server, "/api/v2/events", token) as changes, Stream(server, path, token) as stream:
        lines = [stream.next() for _ in range(2)]
        assert [each["event"] for _, each, _ in lines] == ["one", "two"]
        factories.add_log(attempt, "three")
        assert stream.next()[1]["event"] == "three"
        actions.set_task_state([factories.instance_of(run, "a").pk], "success", user=None)
        assert stream.next()[:2] == ("end", {"state": "success", "try_number": 1})
        assert Client().get("/api/v2/auth/logout", headers={"authorization": f"Bearer {token}"}).status_code == 307
        while changes.answer.readline():
            pass  # what had changed before; then nothing more comes
    again = issue_token(user)
    with Stream(server, path, again, **{"Last-Event-ID": lines[0][2]}) as stream:
        assert [stream.next()[0] for _ in range(3)] == ["log", "log", "end"]


def test_where_a_stream_goes_on_has_to_be_the_id_of_an_event(api):
    factories.make_attempt(
        factories.instance_of(factories.make_run(factories.make_dag("alpha"), "r1"), "a"), lines=("x",)
    )
    sse = {"accept": "text/event-stream"}
    for path in ("events", "dags/alpha/dagRuns/r1/taskInstances/a/logs/1"):
        for wrong in ("x", "1-", "-1", "9" * 40, "１"):
            answer = api.get(f"/api/v2/{path}", {"last_event_id": wrong}, headers=sse)
            assert answer.status_code == 400, (path, wrong)
