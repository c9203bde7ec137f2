"""Answers that a real Airflow 3.3.2 gave to the same requests, where ours were others."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from dags_app import secrets
from orchestrator.sdk import DAG, task
from runs_app.models import DagRun
from tests.support import factories

BY_OFFSET = {"total_entries_limit": None, "next_cursor": None, "previous_cursor": None}


@pytest.fixture
def alpha(db):
    return factories.make_dag("alpha")


@pytest.fixture
def mapped(db):
    with DAG("mapped") as dag:

        @task
        def each(n):
            return n

        @task
        def plain():
            return 1

        each.expand(n=[1, 2])
        plain()
    return factories.make_run(factories.make_dag(spec=dag.to_spec()), "r1")


def test_a_token_is_given_for_a_form_too(client, db):
    user = factories.with_password(factories.make_user("viewer", last_login=factories.DAY))
    form = {"username": user.username, "password": factories.PASSWORD}
    answer = client.post("/auth/token", urlencode(form), content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 201 and answer.json()["access_token"]


def test_a_run_begins_at_once_whatever_its_date(api, alpha):
    run = api.call("post", "dags/alpha/dagRuns", {"logical_date": "2035-01-01T00:00:00Z", "dag_run_id": ""})
    assert run["dag_run_id"].startswith("manual__2035-01-01")
    assert DagRun.objects.get().run_after < timezone.now() + timedelta(minutes=1)


def test_a_run_without_a_date_has_no_interval(api, alpha):
    times = {"data_interval_start": "2026-01-01T00:00:00Z", "data_interval_end": "2026-01-02T00:00:00Z"}
    run = api.call("post", "dags/alpha/dagRuns", {"logical_date": None, **times})
    assert (run["data_interval_start"], run["data_interval_end"]) == (None, None)


def test_of_equal_rows_the_newest_comes_first_where_the_order_falls(api, alpha):
    for name in ("r1", "r2"):
        factories.make_run(alpha, name)
    found = api.call("get", "dags/alpha/dagRuns", order_by="-partition_date")["dag_runs"]
    assert [each["dag_run_id"] for each in found] == ["r2", "r1"]


def test_collections_say_that_they_are_no_page_by_cursor(api, alpha):
    factories.make_run(alpha, "r1")
    clear = {"dag_run_id": "r1", "only_failed": False}
    for answer in (
        api.call("get", "dags/alpha/dagRuns"),
        api.call("post", "dags/~/dagRuns/list", {}),
        api.call("get", "dags/alpha/dagRuns/r1/taskInstances"),
        api.call("post", "dags/~/dagRuns/~/taskInstances/list", {}),
        api.call("patch", "dags/alpha/dagRuns/r1/taskInstances/a", {"note": "n"}),
        api.call("post", "dags/alpha/clearTaskInstances", clear),
    ):
        assert BY_OFFSET.items() <= answer.items()
    assert api.call("get", "dags/alpha/dagRuns", cursor="")["total_entries_limit"] == 50_000


def test_a_mapped_instance_is_shown_by_its_index_where_it_has_no_name(api, mapped):
    factories.make_mapped(mapped, "each", 2)
    found = api.call("get", "dags/mapped/dagRuns/r1/taskInstances", order_by="map_index")["task_instances"]
    assert [each["rendered_map_index"] for each in found] == [None, "0", "1"]


def test_instances_of_a_task_that_is_not_mapped_are_not_listed_as_mapped(api, mapped):
    path = "dags/mapped/dagRuns/r1/taskInstances"
    assert api.call("get", f"{path}/plain/listMapped", status=404)["detail"] == "Task id plain is not mapped"
    assert api.call("get", f"{path}/zz/listMapped", status=404)["detail"] == "Task id zz not found"
    assert api.call("get", f"{path}/each/listMapped")["total_entries"] == 0  # not expanded yet


def test_filters_and_orders_that_mean_nothing_are_refused(api, alpha):
    for name in ("last_dag_run_state", "dag_run_state"):
        api.call("get", "dags", status=422, **{name: "zz"})
    api.call("get", "dags/alpha/dagRuns", cursor="~", status=400)
    api.call("get", "dagTags", order_by="zz", status=400)


def test_versions_of_every_dag_are_listed(api, as_role, alpha):
    factories.make_dag("beta")
    assert api.call("get", "dags/~/dagVersions")["total_entries"] == 2
    assert as_role("").call("get", "dags/~/dagVersions")["total_entries"] == 0


def test_a_source_is_given_as_json_or_text_only(api, alpha):
    assert api.get("/api/v2/dagSources/alpha", headers={"Accept": "image/png"}).status_code == 406
    assert api.get("/api/v2/dagSources/alpha", headers={"Accept": "text/plain"}).content == b"# a DAG file\n"


def test_a_method_that_an_address_has_not_is_named_as_airflow_does(api, db):
    assert api.call("put", "dags", {}, status=405) == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"password": "hidden"}, ("***", None)),
        ({"extra": '{"a": 1}'}, (None, "***")),
        ({"password": "", "extra": ""}, (None, None)),
    ],
)
def test_a_connection_shows_which_of_its_secrets_there_are(api, db, sent, shown):
    made = api.call("post", "connections", {"connection_id": "c", "conn_type": "http", **sent}, status=201)
    assert (made["password"], made["extra"]) == shown


def test_a_connection_whose_key_is_lost_shows_that_there_is_something(api, db, monkeypatch):
    secrets.set_connection("c", {"conn_type": "http", "password": "hidden"})

    def lost(token, what):
        raise secrets.SecretError(what)

    monkeypatch.setattr(secrets, "_decrypt", lost)
    assert api.call("get", "connections/c")["password"] == "***"


@pytest.mark.parametrize("extra", ["no json", "[1]", "[" * 5000])
def test_extra_is_a_json_object_and_is_not_repeated(api, db, extra):
    body = {"connection_id": "c", "conn_type": "http", "extra": extra}
    problem = api.call("post", "connections", body, status=422)["detail"][0]
    assert (problem["loc"], problem["input"]) == (["body", "extra"], None)


def test_a_pool_has_no_less_slots_than_without_limit(api, db):
    api.call("post", "pools", {"name": "p", "slots": -2}, status=422)
    assert api.call("post", "pools", {"name": "p", "slots": -1}, status=201)["slots"] == -1


def test_an_audit_entry_says_how_its_dag_is_called(api, db):
    factories.make_dag("alpha", display_name="The first")
    api.call("patch", "dags/alpha", {"is_paused": True})
    entry = api.call("get", "eventLogs", dag_id="alpha")["event_logs"][0]
    assert (entry["dag_display_name"], entry["task_display_name"]) == ("The first", None)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("backfills/zz", "backfill_id"),
        ("assets/zz/queuedEvents", "asset_id"),
        ("dags/alpha/dagVersions/zz", "version_number"),
        ("dags/alpha/dagRuns/r1/taskInstances/a/zz", "map_index"),
        ("dags/alpha/dagRuns/r1/taskInstances/a/logs/1.5", "try_number"),
    ],
)
def test_a_word_where_a_number_belongs_is_named(api, path, name):
    problem = api.call("get", path, status=422)["detail"][0]
    assert (problem["type"], problem["loc"]) == ("int_parsing", ["path", name])


def test_an_address_that_is_like_none_is_not_found_whatever_it_holds(api, db):
    for path in ("zz", "backfills/1/zz", "backfills/-1", "assets/1/2/3", "dags/alpha/dagRuns/r1/zz"):
        assert api.call("get", path, status=404)["detail"]


def test_names_of_variables_and_pools_may_hold_slashes(api, db):
    whole = {"slots": 2, "include_deferred": False}
    for path, name, body in (("variables", "key", {"value": "1"}), ("pools", "name", whole)):
        api.call("post", path, {name: "team/a", **body}, status=201)
        assert api.call("get", f"{path}/team/a")[name] == "team/a"
        assert api.call("patch", f"{path}/team%2Fa", {name: "team/a", **body})[name] == "team/a"
        api.call("delete", f"{path}/team%2Fa", status=204)


@pytest.mark.parametrize(
    ("path", "key"), [("eventLogs", "extra"), ("eventLogs", "logical_date"), ("variables", "is_encrypted")]
)
def test_lists_are_sorted_by_what_airflow_sorts_them_by(api, alpha, path, key):
    api.call("post", "variables", {"key": "k", "value": "v"}, status=201)
    assert api.call("get", path, order_by=f"-{key}")["total_entries"] == 1


def test_a_mask_may_name_the_connection_itself(api, db):
    body = {"connection_id": "c", "conn_type": "http", "host": "h"}
    api.call("post", "connections", body, status=201)
    for mask in ("connection_id", "connection_id,host"):
        assert api.call("patch", "connections/c", body, update_mask=mask)["host"] == "h"


def test_a_log_is_given_in_the_forms_it_has(api, alpha):
    factories.make_attempt(factories.instance_of(factories.make_run(alpha, "r1"), "a"), lines=("x",))
    path = "/api/v2/dags/alpha/dagRuns/r1/taskInstances/a/logs/1"
    for accept, status in (("image/png", 406), ("text/html, */*;q=0.1", 200), ("application/json", 200)):
        assert api.get(path, headers={"Accept": accept}).status_code == status
