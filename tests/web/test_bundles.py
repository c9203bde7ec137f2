"""The page of bundles: how it stands with each place of DAG files, and having one refreshed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dags_app.models import AuditEntry, Bundle, DagVersion
from tests.support import factories

pytestmark = pytest.mark.django_db


def make(name: str, **fields: Any) -> Bundle:
    return Bundle.objects.create(name=name, kind="git", facts={"repo_url": "r"}, **fields)


def test_it_tells_commit_error_and_what_an_installer_said(client_of: Callable[[str], Client]):
    now = timezone.now()
    make("good", version="4b825dc642cb6eb9", refreshed_at=now, tried_at=now)
    make("bad", error="git fetch failed: no", refreshed_at=now, tried_at=now, environment_state="failed",
         environment_log="ERROR: no <b>torch</b>", environment_digest="x")  # fmt: skip
    make("gone", is_active=False)
    dag = factories.make_dag("etl")
    type(dag.file).objects.filter(pk=dag.file_id).update(bundle_name="good")

    text = client_of("op").get("/bundles").content.decode()

    assert "4b825dc642cb" in text and "git fetch failed: no" in text and "1 DAG<" in text
    assert "ERROR: no &lt;b&gt;torch" in text and "The last good one stays in use." in text
    assert text.count("Refresh now") == 2 and "no longer among the settings" in text


def test_the_number_of_queries_does_not_grow_with_the_bundles(client_of: Callable[[str], Client]):
    client = client_of("op")
    make("a")
    client.get("/bundles")
    with CaptureQueriesContext(connection) as few:
        client.get("/bundles")
    for number in range(5):
        make(f"b{number}")
    with CaptureQueriesContext(connection) as many:
        client.get("/bundles")
    assert len(many) == len(few)


def test_an_op_has_one_refreshed_and_a_user_does_not(client_of: Callable[[str], Client]):
    make("a")
    make("gone", is_active=False)
    assert client_of("user").post("/bundles/a/refresh").status_code == 403
    assert not Bundle.objects.get(pk="a").refresh_asked
    op = client_of("op")
    assert op.post("/bundles/a/refresh").status_code == 302 and Bundle.objects.get(pk="a").refresh_asked
    assert AuditEntry.objects.get(event="refresh_bundle").extra == {"bundle": "a"}
    assert [op.post(f"/bundles/{name}/refresh").status_code for name in ("gone", "absent")] == [404, 404]


def test_versions_of_a_repository_know_their_commit_in_the_api(client_of: Callable[[str], Client]):
    dag = factories.make_dag("etl")
    factories.make_dag("other")
    DagVersion.objects.filter(dag=dag).update(bundle_name="repo", bundle_version="4b825dc")
    factories.make_run(dag, "r1")
    client = client_of("viewer")

    def ids(path: str, name: str) -> list[str]:
        return [each["dag_id"] for each in client.get(f"/api/v2/{path}bundle_version=4b825dc").json()[name]]

    assert client.get("/api/v2/dags/etl").json()["bundle_version"] == "4b825dc"
    run = client.get("/api/v2/dags/etl/dagRuns/r1").json()
    assert run["bundle_version"] == run["dag_versions"][0]["bundle_version"] == "4b825dc"
    assert ids("dags?", "dags") == ids("dags/~/dagRuns?", "dag_runs") == ids("dags/etl/dagVersions?", "dag_versions")
    assert client.get("/api/v2/dags?bundle_version=none").json()["dags"] == []


def test_pages_of_a_dag_tell_its_bundle_and_commit(client_of: Callable[[str], Client]):
    dag = factories.make_dag("etl")
    DagVersion.objects.filter(dag=dag).update(bundle_name="repo", bundle_version="4b825dc642cb6eb9")
    type(dag.file).objects.filter(pk=dag.file_id).update(bundle_name="repo")
    factories.make_run(dag, "r1")
    client = client_of("viewer")
    details = client.get("/dags/etl/details").content.decode()
    assert ">repo <" in details and "4b825dc642cb…" in details
    assert "4b825dc642cb…" in client.get("/dags/etl/runs/r1/details").content.decode()
    assert "4b825dc642cb…" in client.get("/dags/etl/versions").content.decode()
