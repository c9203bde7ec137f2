"""GET, PATCH and DELETE of DAGs, and what they are made of."""

from __future__ import annotations

import pytest

from dags_app.models import AuditEntry, Dag
from orchestrator.core.states import RunState
from tests.support import factories


def ids(answer) -> list[str]:
    return [each["dag_id"] for each in answer["dags"]]


def test_the_list_filters_orders_and_pages(api):
    factories.make_dag("alpha", tags=("red", "blue"), owners=["ann"])
    factories.make_dag("beta", tags=("red",), is_paused=True, owners=["bøb"])
    factories.make_dag("gamma", is_stale=True)
    broken = factories.make_dag("delta", file=factories.make_file(error="SyntaxError: no"))
    factories.make_run(broken, state=RunState.FAILED)

    assert ids(api.call("get", "dags")) == ["alpha", "beta", "delta"]
    assert ids(api.call("get", "dags", order_by="-dag_id")) == ["delta", "beta", "alpha"]
    assert ids(api.call("get", "dags", exclude_stale="false")) == ["alpha", "beta", "delta", "gamma"]
    assert ids(api.call("get", "dags", paused="true")) == ["beta"]
    assert ids(api.call("get", "dags", tags=["red", "blue"])) == ["alpha", "beta"]
    assert ids(api.call("get", "dags", tags=["red", "blue"], tags_match_mode="all")) == ["alpha"]
    assert ids(api.call("get", "dags", owners="bøb")) == ["beta"]
    assert ids(api.call("get", "dags", has_import_errors="true")) == ["delta"]
    assert ids(api.call("get", "dags", last_dag_run_state="failed")) == ["delta"]
    assert ids(api.call("get", "dags", dag_run_state="success")) == []
    assert ids(api.call("get", "dags", dag_id_pattern="LPH|bet")) == ["alpha", "beta"]
    assert ids(api.call("get", "dags", dag_id_pattern="~")) == ["alpha", "beta", "delta"]
    assert ids(api.call("get", "dags", dag_id_prefix_pattern="AL")) == []
    page = api.call("get", "dags", limit=1, offset=1)
    assert ids(page) == ["beta"] and page["total_entries"] == 3
    assert ids(api.call("get", "dags", order_by="-last_run_state"))[0] in {"alpha", "beta", "delta"}


def test_a_pattern_may_end_in_a_backslash(api):
    factories.make_dag("alpha")
    assert ids(api.call("get", "dags", dag_id_pattern="a\\")) == []


def test_an_unknown_order_is_refused_by_name(api):
    answer = api.call("get", "dags", order_by="zzz", status=400)
    assert answer == {"detail": "Ordering with 'zzz' is disallowed or the attribute does not exist on the model"}


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": "-1"}, {"offset": "1.5"}, {"paused": "maybe"}])
def test_a_wrong_parameter_is_named(api, query):
    name = next(iter(query))
    assert api.call("get", "dags", status=422, **query)["detail"][0]["loc"] == ["query", name]


def test_the_limit_is_at_most_a_hundred_and_may_be_none(api):
    for number in range(3):
        factories.make_dag(f"dag{number}")
    assert ids(api.call("get", "dags", limit=0)) == []
    assert len(ids(api.call("get", "dags", limit=100000))) == 3


def test_one_dag_and_its_details(api):
    spec = factories.make_spec("alpha", catchup=True, doc_md="# hello", default_args={"retries": 2, "password": "x"})
    factories.make_dag(spec=spec, tags=("red",))
    dag = api.call("get", "dags/alpha")
    assert dag["tags"] == [{"name": "red", "dag_id": "alpha", "dag_display_name": "alpha"}]
    details = api.call("get", "dags/alpha/details")
    assert {name: details[name] for name in dag if name != "file_token"} == {
        name: each for name, each in dag.items() if name != "file_token"
    }
    assert details["catchup"] is True and details["doc_md"] == "# hello"
    assert details["default_args"]["password"] == "***"
    assert details["latest_dag_version"]["version_number"] == 1


def test_an_unknown_dag_is_told_as_airflow_tells_it(api):
    assert api.call("get", "dags/nope", status=404) == {"detail": "The Dag with ID: `nope` was not found"}


def test_pausing_is_written_down(api):
    factories.make_dag("alpha")
    assert api.call("patch", "dags/alpha", {"is_paused": True})["is_paused"] is True
    assert api.call("patch", "dags/alpha", {"is_paused": False}, update_mask="is_paused")["is_paused"] is False
    assert [each.extra for each in AuditEntry.objects.order_by("id")] == [{"is_paused": True}, {"is_paused": False}]


@pytest.mark.parametrize(
    "body", [{}, {"is_paused": "yes"}, {"is_paused": None}, {"is_paused": True, "x": 1}, [], 3, "a"]
)
def test_a_wrong_body_changes_nothing(api, body):
    factories.make_dag("alpha")
    api.call("patch", "dags/alpha", body, status=422)
    assert not Dag.objects.get().is_paused


def test_a_dag_can_be_frozen_and_airflows_own_pause_drains(api):
    factories.make_dag("alpha")
    answer = api.call("patch", "dags/alpha", {"is_paused": True, "pause_mode": "freeze"})
    assert (answer["is_paused"], Dag.objects.get().is_frozen) == (True, True)
    api.call("patch", "dags/alpha", {"is_paused": True})
    assert not Dag.objects.get().is_frozen
    assert "pause_mode" in str(api.call("patch", "dags/alpha", {"is_paused": True, "pause_mode": "stop"}, status=422))


def test_only_is_paused_can_be_updated(api):
    factories.make_dag("alpha")
    api.call("patch", "dags/alpha", {"is_paused": True}, status=400, update_mask="description")


def test_a_dag_is_deleted_with_its_history_but_not_while_it_runs(api):
    dag = factories.make_dag("alpha")
    run = factories.make_run(dag, state=RunState.RUNNING)
    assert "not finished" in api.call("delete", "dags/alpha", status=409)["detail"]
    run.delete()
    factories.make_run(dag)
    assert api.call("delete", "dags/alpha") == {}
    assert not Dag.objects.exists()
    assert AuditEntry.objects.filter(event="delete_dag", dag_id="alpha").exists()
    api.call("delete", "dags/alpha", status=404)


def test_source_versions_and_tasks(api):
    dag = factories.make_dag("alpha", source="# first\n")
    factories.make_version(dag, factories.make_spec("alpha", {"x": ()}), "# sécond\n")
    assert api.call("get", "dagSources/alpha")["content"] == "# sécond\n"
    assert api.call("get", "dagSources/alpha", version_number=1)["content"] == "# first\n"
    api.call("get", "dagSources/alpha", version_number=9, status=404)
    text = api.get("/api/v2/dagSources/alpha", headers={"accept": "text/plain"})
    assert text.content.decode() == "# sécond\n"
    assert (
        api.call("get", "dags/alpha/dagVersions", order_by="-version_number")["dag_versions"][0]["version_number"] == 2
    )
    assert api.call("get", "dags/alpha/dagVersions/1")["version_number"] == 1
    api.call("get", "dags/alpha/dagVersions/99999999999999999999", status=404)
    assert [each["task_id"] for each in api.call("get", "dags/alpha/tasks")["tasks"]] == ["x"]
    assert api.call("get", "dags/alpha/tasks/x")["class_ref"]["class_name"] == "BashOperator"
    api.call("get", "dags/alpha/tasks/y", status=404)
    api.call("get", "dags/alpha/tasks", order_by="password", status=400)


def test_tags_and_import_errors(api):
    factories.make_dag("alpha", tags=("red", "blue"))
    factories.make_dag("beta", tags=("red",))
    assert api.call("get", "dagTags") == {"tags": ["blue", "red"], "total_entries": 2}
    factories.make_file("bad.py", error="SyntaxError: no")
    found = api.call("get", "importErrors", filename_pattern="bad")["import_errors"]
    assert found[0]["filename"] == "bad.py" and "SyntaxError" in found[0]["stack_trace"]
    assert api.call("get", f"importErrors/{found[0]['import_error_id']}") == found[0]
    api.call("get", "importErrors/9999999999999999999999", status=404)
