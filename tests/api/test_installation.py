"""Processes, settings, packages, and what else the API tells of the installation."""

from __future__ import annotations

import pytest
from django.utils import timezone

from dags_app import schedule
from dags_app.models import DagFile
from orchestrator.api.auth import issue_token
from runs_app import why
from runs_app.models import Process
from tests.support import factories

from .conftest import ApiClient


def test_jobs_are_the_processes_under_airflows_names(api):
    now = timezone.now()
    kept = {"hostname": "h", "pid": 1, "started_at": now}
    Process.objects.create(kind="beat", beat_at=now, **kept)
    Process.objects.create(kind="slot", beat_at=factories.DAY, ended_at=factories.DAY, **kept)
    found = api.call("get", "jobs", order_by="id")["jobs"]
    assert [(each["job_type"], each["state"]) for each in found] == [
        ("SchedulerJob", "running"),
        ("WorkerJob", "success"),
    ]
    for query, count in (
        ({"is_alive": "true"}, 1),
        ({"is_alive": "false"}, 1),
        ({"job_state": "success"}, 1),
        ({"job_state": "x"}, 0),
        ({"job_type": "SchedulerJob", "hostname": "h"}, 1),
        ({"job_type": "Nonsense"}, 0),
        ({"executor_class": "Local"}, 0),
        ({"start_date_gte": now.isoformat()}, 2),
    ):
        assert api.call("get", "jobs", **query)["total_entries"] == count, query


def test_settings_are_shown_without_secrets_as_json_and_as_text(api, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hunter22" * 8)
    [section] = api.call("get", "config")["sections"]
    assert section["name"] == "orchestrator" and len(section["options"]) > 30
    option = api.call("get", "config/section/orchestrator/option/HOST")["sections"][0]["options"]
    assert option == [{"key": "HOST", "value": "127.0.0.1"}]
    text = api.get("/api/v2/config", headers={"accept": "text/plain"}).content.decode()
    assert text.startswith("[orchestrator]\n") and "hunter22" not in text
    assert api.call("get", "config", section="core", status=404) == {"detail": "Section core not found."}
    api.call("get", "config/section/orchestrator/option/NO", status=404)


def test_providers_are_the_packages_that_bring_operators(api):
    found = api.call("get", "providers")
    assert "orchestrator" in [each["package_name"] for each in found["providers"]]
    assert api.call("get", "providers", limit=0) == {"providers": [], "total_entries": found["total_entries"]}


def test_dag_stats_count_runs_by_state_with_zeros(api):
    dag = factories.make_dag("alpha")
    factories.make_run(dag, "r1", state="failed")
    factories.make_run(dag, "r2", state="cancelled")
    factories.make_dag("beta")
    assert api.call("get", "dagStats") == {
        "dags": [
            {
                "dag_id": "alpha",
                "dag_display_name": "alpha",
                "stats": [
                    {"state": "queued", "count": 0},
                    {"state": "running", "count": 0},
                    {"state": "success", "count": 0},
                    {"state": "failed", "count": 2},
                ],
            }
        ],
        "total_entries": 1,
    }
    assert api.call("get", "dagStats", dag_ids=["beta"])["dags"] == []


def test_dependencies_say_what_holds_a_task_instance(api):
    run = factories.make_run(factories.make_dag("alpha"), "r1", state="running", states={"a": "running"})
    found = api.call("get", "dags/alpha/dagRuns/r1/taskInstances/b/dependencies")["dependencies"]
    reasons = why.of_task(factories.instance_of(run, "b"), timezone.now())
    assert {each["reason"] for each in found} == {each.text for each in reasons}
    assert "Trigger rule" in {each["name"] for each in found}
    assert api.call("get", "dags/alpha/dagRuns/r1/taskInstances/a/-1/dependencies") == {"dependencies": []}


def test_a_file_is_read_again_when_somebody_asks(api):
    dag = factories.make_dag("alpha", file=factories.make_file("a.py"))
    token = api.call("get", "dags/alpha")["file_token"]
    api.call("put", f"parseDagFile/{token}", status=201)
    assert schedule.wanted_files() == [("dags-folder", "a.py")]
    DagFile.objects.filter(pk=dag.file_id).update(parse_asked=False)
    assert schedule.wanted_files() == []
    api.call("put", "parseDagFile/nonsense", status=404)


def test_many_dags_are_paused_by_their_filters_and_none_without_a_pattern(api):
    for name in ("alpha", "alpine", "beta"):
        factories.make_dag(name)
    paused = {"is_paused": True}
    assert api.call("patch", "dags", paused) == {"dags": [], "total_entries": 0}
    found = api.call("patch", "dags", paused, dag_id_prefix_pattern="al")
    assert [(each["dag_id"], each["is_paused"]) for each in found["dags"]] == [("alpha", True), ("alpine", True)]
    found = api.call("patch", "dags", {"is_paused": False}, dag_id_pattern="~", paused="true", limit=1)
    assert (found["total_entries"], [each["dag_id"] for each in found["dags"]]) == (2, ["alpha"])
    assert api.call("get", "dags", paused="true")["total_entries"] == 0
    api.call("patch", "dags", paused, update_mask="owners", status=400)
    api.call("patch", "dags", {}, status=422)


@pytest.mark.django_db
def test_a_token_ends_with_its_logout_and_others_go_on():
    user = factories.make_user("admin")
    first, second = ApiClient(issue_token(user)), ApiClient(issue_token(user))
    assert first.get("/api/v2/auth/logout")["Location"] == "/sign-in"
    assert first.call("get", "dags", status=401)["detail"] == "Invalid JWT token"
    second.call("get", "dags")
    assert first.get("/api/v2/auth/logout").status_code == 307


def test_login_leads_to_the_page_and_nowhere_else(client):
    answer = client.get("/api/v2/auth/login", {"next": "/dags"})
    assert (answer.status_code, answer["Location"]) == (307, "/sign-in?next=%2Fdags")
    assert client.get("/api/v2/auth/login", {"next": "//elsewhere"}).status_code == 400


def test_connections_are_not_tested_here_and_may_be_called_test(api):
    body = {"connection_id": "x", "conn_type": "http"}
    assert "disabled" in api.call("post", "connections/test", body, 403)["detail"]
    api.call("post", "connections/enqueue-test", body, 403)
    api.call("post", "connections/defaults", status=404)
    api.call("post", "connections", {**body, "connection_id": "test"}, 201)
    assert api.call("get", "connections/test")["connection_id"] == "test"
