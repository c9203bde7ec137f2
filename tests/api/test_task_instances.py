"""Task instances over the API: lists, changes, tries, logs and XComs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orchestrator.core.spec import GroupSpec
from orchestrator.core.states import RunState, TaskState
from runs_app import logs
from tests.support import factories


@pytest.fixture
def run(db):
    dag = factories.make_dag(spec=factories.make_spec("alpha", {"a": (), "b": ("a",), "c": ("b",)}))
    return factories.make_run(
        dag, "r1", state=RunState.FAILED, states={"a": "success", "b": "failed", "c": "upstream_failed"}
    )


BASE = "dags/alpha/dagRuns/r1/taskInstances"


def ids(answer) -> list[str]:
    return [each["task_id"] for each in answer["task_instances"]]


def states(run) -> list[str]:
    return list(run.task_instances.order_by("task_id", "map_index").values_list("state", flat=True))


def test_the_list_filters_and_orders(api, run):
    assert ids(api.call("get", BASE)) == ["a", "b", "c"]
    assert ids(api.call("get", BASE, state="failed")) == ["b"]
    assert ids(api.call("get", BASE, state=["failed", "success"], order_by="-task_id")) == ["b", "a"]
    assert ids(api.call("get", BASE, task_display_name_pattern="A|c")) == ["a", "c"]
    assert ids(api.call("get", BASE, duration_gte="5", order_by="duration")) == ["a", "b", "c"][:2]
    assert ids(api.call("get", "dags/~/dagRuns/~/taskInstances", pool="default_pool")) == ["a", "b", "c"]
    assert ids(api.call("get", BASE, map_index=5)) == []
    api.call("get", BASE, map_index="9" * 30, status=422)
    api.call("get", BASE, state="zzz", status=422)
    assert ids(api.call("get", BASE, state="none")) == []
    listed = api.call("post", "dags/~/dagRuns/~/taskInstances/list", {"state": ["failed"], "dag_ids": ["alpha"]})
    assert ids(listed) == ["b"]


def test_one_instance_shows_what_it_rendered(api, run):
    factories.make_rendered(factories.instance_of(run, "a"), bash_command="echo 1")
    found = api.call("get", f"{BASE}/a")
    assert found["rendered_fields"] == {"bash_command": "echo 1"} and found["operator"] == "BashOperator"
    assert api.call("get", f"{BASE}/a/-1") == found
    missing = "The Task Instance with dag_id: `alpha`, run_id: `r1`, task_id: `z` and map_index: `-1` was not found"
    assert api.call("get", f"{BASE}/z", status=404) == {"detail": missing}


def test_setting_a_state_stops_at_what_is_set_already(api, run):
    answer = api.call("patch", f"{BASE}/b", {"new_state": "success"})
    assert [each["state"] for each in answer["task_instances"]] == ["success"]
    assert "already in success state" in api.call("patch", f"{BASE}/b", {"new_state": "success"}, status=409)["detail"]
    named = api.call("patch", f"{BASE}/b", {"new_state": "skipped", "include_upstream": True, "note": "n"})
    assert [(each["task_id"], each["state"], each["note"]) for each in named["task_instances"]] == [
        ("b", "skipped", "n")
    ]
    assert {row.task_id: row.state for row in run.task_instances.filter(task_id__in="ab")} == {
        "a": "skipped",
        "b": "skipped",
    }
    for wrong in ({"new_state": "running"}, {"new_state": 1}, {"y": 1}, {"include_past": "x"}):
        api.call("patch", f"{BASE}/b", wrong, status=422)
    api.call("patch", f"{BASE}/z", {"new_state": "success"}, status=404)


def test_a_mapped_task_is_patched_by_index_or_whole(api, run):
    factories.make_mapped(run, "b", 3)
    assert api.call("get", f"{BASE}/b/listMapped")["total_entries"] == 3
    assert len(api.call("patch", f"{BASE}/b/1", {"new_state": "failed"})["task_instances"]) == 1
    assert [each.state for each in run.task_instances.filter(task_id="b").order_by("map_index")] == [
        "success",
        "failed",
        "success",
    ]
    assert len(api.call("patch", f"{BASE}/b", {"new_state": "skipped"})["task_instances"]) == 3
    api.call("get", f"{BASE}/b", status=404)
    api.call("get", f"{BASE}/b/7", status=404)
    api.call("get", f"{BASE}/zz/listMapped", status=404)


def test_clearing_says_first_and_then_does(api, run):
    path = "dags/alpha/clearTaskInstances"
    assert ids(api.call("post", path, {"dag_run_id": "r1"})) == ["b", "c"]  # dry_run and only_failed are the default
    assert states(run) == ["success", "failed", "upstream_failed"]
    body = {"dag_run_id": "r1", "task_ids": ["a"], "include_downstream": True, "only_failed": False}
    assert ids(api.call("post", path, body)) == ["a", "b", "c"]
    assert ids(api.call("post", path, {**body, "dry_run": False, "note": "again"})) == ["a", "b", "c"]
    assert "failed" not in states(run)
    run.refresh_from_db()
    assert run.state in {"queued", "running"}
    assert set(run.task_instances.values_list("note", flat=True)) == {"again"}


def test_clearing_takes_indexes_dates_and_neighbours(api, run):
    factories.make_mapped(run, "b", 3, state=TaskState.FAILED)
    path = "dags/alpha/clearTaskInstances"
    found = api.call("post", path, {"task_ids": [["b", 1], "c"]})
    assert [(each["task_id"], each["map_index"]) for each in found["task_instances"]] == [("c", -1), ("b", 1)]
    later = factories.make_run(run.dag, "r2", state=RunState.FAILED)
    assert api.call("post", path, {"start_date": later.logical_date.isoformat()})["total_entries"] == 3
    assert api.call("post", path, {"dag_run_id": "r1", "include_future": True})["total_entries"] == 7
    assert api.call("post", path, {"dag_run_id": "r1", "include_past": True})["total_entries"] == 4
    api.call("post", path, {"include_past": True}, status=422)
    api.call("post", path, {"task_ids": [["b", "x"]]}, status=422)
    api.call("post", path, {"dag_run_id": "nope"}, status=404)
    day = "2026-01-01T00:00:00Z"
    api.call("post", path, {"start_date": day, "end_date": "2025-01-01T00:00:00Z"}, status=422)
    busy = factories.make_run(run.dag, "r3", state=RunState.RUNNING, states={"a": "running"})
    body = {"dag_run_id": "r3", "only_running": True, "only_failed": False, "dry_run": False}
    api.call("post", path, {**body, "prevent_running_task": True}, status=409)
    assert ids(api.call("post", path, body)) == ["a"]
    assert states(busy)[0] != "running"


def test_tries_are_the_attempts_by_number(api, run):
    instance = factories.instance_of(run, "b")
    factories.make_attempt(instance, outcome="lost")
    factories.make_attempt(instance, outcome="up_for_retry")
    factories.set_state(instance, "failed", try_number=2)
    factories.make_attempt(instance)
    found = api.call("get", f"{BASE}/b/tries")["task_instances"]
    assert [(each["try_number"], each["state"]) for each in found] == [(1, "up_for_retry"), (2, "failed")]
    assert api.call("get", f"{BASE}/b/tries/2") == found[1] == api.call("get", f"{BASE}/b/-1/tries/2")
    api.call("get", f"{BASE}/b/tries/3", status=404)
    assert api.call("get", f"{BASE}/a/tries")["total_entries"] == 1
    assert api.call("get", f"{BASE}/c/tries")["total_entries"] == 0


def test_logs_come_as_json_lines_or_text(api, run):
    instance = factories.instance_of(run, "b")
    factories.make_attempt(instance, lines=("first", "sécond"))
    path = f"/api/v2/{BASE}/b/logs/1"
    page = api.call("get", path)
    assert page["content"][0]["event"] == "::group::Log message source details"
    assert [each["event"] for each in page["content"][2:]] == ["first", "sécond"]
    assert page["continuation_token"] is None
    lines = b"".join(api.get(path, headers={"accept": "application/x-ndjson"}).streaming_content).splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["first", "sécond"]
    text = b"".join(api.get(path, headers={"accept": "text/plain"}).streaming_content).decode()
    assert text.splitlines()[1].endswith("INFO     sécond")
    api.call("get", f"{BASE}/b/logs/2", status=404)
    api.call("get", f"{BASE}/b/logs/99999999999999999999999", status=404)


def test_a_long_log_comes_in_pages_and_each_line_once(api, run):
    instance = factories.instance_of(run, "b")
    expected = [f"line {number} " + "x" * 500 for number in range(1500)]
    attempt = factories.make_attempt(instance, lines=tuple(expected[:700]))
    factories.add_log(factories.make_attempt(instance), *expected[700:])
    assert attempt.token == 1
    found, token, pages = [], None, 0
    while True:
        page = api.call("get", f"{BASE}/b/logs/1", **({"token": token} if token else {}))
        found += [each["event"] for each in page["content"]]
        token, pages = page["continuation_token"], pages + 1
        if token is None:
            break
    assert found[2:] == expected and pages > 2
    whole = api.call("get", f"{BASE}/b/logs/1", full_content="true")
    assert len(whole["content"]) == 1502 and whole["continuation_token"] is None


def test_the_token_goes_on_while_the_try_runs(api, run):
    instance = factories.set_state(factories.instance_of(run, "b"), "running")
    attempt = factories.make_attempt(instance, lines=("one",), ended_at=None, outcome=None)
    page = api.call("get", f"{BASE}/b/logs/1")
    factories.add_log(attempt, "two")
    more = api.call("get", f"{BASE}/b/logs/1", token=page["continuation_token"])
    assert [each["event"] for each in more["content"]] == ["two"]
    api.call("get", f"{BASE}/b/logs/1", token="forged", status=400)
    factories.make_attempt(factories.instance_of(run, "a"), lines=("x",))
    api.call("get", f"{BASE}/a/logs/1", token=page["continuation_token"], status=400)


def test_a_line_cut_by_a_full_disk_is_still_shown(api, run):
    instance = factories.instance_of(run, "b")
    attempt = factories.make_attempt(instance, lines=("good",))
    logs.store().append(logs.key_for(run.pk, instance.pk, attempt.token), b'{"event": "cut\n\xff\xfe\n')
    events = [each["event"] for each in api.call("get", f"{BASE}/b/logs/1")["content"]]
    assert events[2:] == ["good", '{"event": "cut', "\ufffd\ufffd"]


def test_xcoms_are_listed_without_and_read_with_values(api, run):
    factories.make_xcom(factories.instance_of(run, "a"), {"n": [1, None]})
    factories.make_xcom(factories.instance_of(run, "a"), "text", key="other/key")
    listed = api.call("get", f"{BASE}/a/xcomEntries")
    assert listed["total_entries"] == 2 and "value" not in listed["xcom_entries"][0]
    assert (
        api.call("get", "dags/~/dagRuns/~/taskInstances/~/xcomEntries", xcom_key="return_value")["total_entries"] == 1
    )
    assert api.call("get", f"{BASE}/a/xcomEntries/return_value")["value"] == {"n": [1, None]}
    assert api.call("get", f"{BASE}/a/xcomEntries/return_value", stringify="true")["value"] == '{"n": [1, null]}'
    assert api.call("get", f"{BASE}/a/xcomEntries/other/key")["value"] == "text"
    assert "not found" in api.call("get", f"{BASE}/a/xcomEntries/none", status=404)["detail"]
    api.call("get", f"{BASE}/a/xcomEntries", map_index="x", status=422)


def test_a_task_group_is_marked_as_a_whole(api):
    spec = factories.make_spec("grouped", {"a": (), "b": ("a",), "c": ("b",)})
    tasks = {**spec.tasks, **{name: replace(spec.tasks[name], group_id="g") for name in "ab"}}
    dag = factories.make_dag(spec=replace(spec, tasks=tasks, groups={"g": GroupSpec("g")}))
    run = factories.make_run(dag, "r1", state=RunState.FAILED, states={"b": "success", "c": "upstream_failed"})
    path = "dags/grouped/dagRuns/r1/taskGroupInstances"
    assert ids(api.call("patch", f"{path}/g", {"new_state": "success"})) == ["a"]
    assert states(run) == ["success", "success", "scheduled"]  # what failed below is opened again
    api.call("patch", f"{path}/g", {"new_state": "success"}, status=409)
    api.call("patch", f"{path}/h", {"new_state": "success"}, status=404)


def test_a_choice_that_contradicts_itself_is_refused(api, run):
    path, date = "dags/alpha/clearTaskInstances", "2026-01-01T00:00:00Z"
    for wrong in (
        {"task_ids": []},
        {"only_failed": True, "only_running": True},
        {"dag_run_id": "r1", "start_date": date},
        {"task_ids": ["a"], "task_group_id": "g"},
    ):
        assert api.call("post", path, wrong, status=422)["detail"][0]["loc"] == ["body"]


def test_a_new_state_may_be_written_in_capitals_and_not_left_open(api, run):
    assert api.call("patch", f"{BASE}/b", {"new_state": "SUCCESS"})["task_instances"][0]["state"] == "success"
    answer = api.call("patch", f"{BASE}/b", {"new_state": None}, status=422)
    assert answer["detail"][0]["loc"] == ["body", "new_state"]
