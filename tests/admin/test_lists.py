"""Every list of the admin: constant cost, the way to the page and back, nothing to write where the engine writes."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dags_app import secrets
from dags_app.models import ApiToken, AssetAlias, AuditEntry, PluginSource, Pool
from runs_app import api_tokens
from runs_app.models import (
    AssetEvent,
    Backfill,
    Deadline,
    Hold,
    Process,
    QueuedEvent,
    StateEvent,
    TaskInstance,
)
from tests.support import factories

from .test_admin import OURS, act, boss, client_of, told

__all__ = ["boss"]
WRITTEN = {"pool", "variable", "connection"}
"""Those that one writes here, through the registry."""


def some_of_everything(name: str) -> None:
    """One more row of every model that the admin shows."""
    now = timezone.now()
    dag = factories.make_dag(name, file=factories.make_file(f"{name}.py", error="x"), tags=(name,))
    run = factories.make_run(dag, "r", state="running", states={"a": "running", "b": "failed"})
    first = factories.instance_of(run, "a")
    factories.make_attempt(first, lines=("x",))
    factories.make_xcom(first, 1)
    factories.make_question(first)
    factories.make_failure(factories.instance_of(run, "b"))
    asset = factories.make_asset(name, producer=dag, consumer=dag)
    AssetAlias.objects.create(name=name)
    AssetEvent.objects.create(asset=asset, timestamp=now, source_dag_id=name)
    QueuedEvent.objects.create(dag=dag, asset=asset, created_at=now, touched_at=now)
    Backfill.objects.create(dag=dag, from_date=now, to_date=now, created_at=now, updated_at=now)
    Hold.objects.create(dag=dag, task_id="a", held_by="x", created_at=now)
    Deadline.objects.create(run=run, key=name, deadline_time=now, created_at=now)
    StateEvent.objects.create(run=run, old="queued", new="running", actor="engine", at=now)
    Process.objects.create(kind="slot", hostname=name, pid=1, started_at=now, beat_at=now)
    PluginSource.objects.create(source=name, loaded_at=now)
    AuditEntry.objects.create(actor="x", event="y")
    Pool.objects.create(name=name, slots=1)
    secrets.set_variable(name, "hunter22")
    secrets.set_connection(name, {"conn_type": "http", "password": "hunter22"})
    api_tokens.make(factories.make_user("viewer"), name, days=1, user=None, now=now)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [*OURS, "auth_user"])
def test_a_list_takes_as_many_queries_for_many_rows(boss: Client, model: str):
    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            page = boss.get(reverse(f"admin:{model}_changelist"))
        assert page.status_code == 200
        assert page.context["cl"].result_list, "a list without rows says nothing"
        return len(found)

    some_of_everything("one")
    count()
    few = count()
    for number in range(6):
        some_of_everything(f"more_{number}")
    assert count() == few


@pytest.mark.django_db
@pytest.mark.parametrize("model", OURS)
def test_a_row_opens_leads_to_its_page_and_has_filters_and_search(boss: Client, model: str):
    some_of_everything("one")
    registered = next(
        each for each in admin.site._registry.values() if f"{each.opts.app_label}_{each.opts.model_name}" == model
    )
    assert registered.search_fields and registered.list_filter
    row = registered.model._default_manager.order_by("-pk").first()
    page = boss.get(reverse(f"admin:{model}_change", args=[row.pk]))
    assert page.status_code == 200 and "hunter22" not in page.content.decode()
    if model == "dags_app_assetalias":
        return  # has no page of its own
    address = registered.get_view_on_site_url(row)
    assert f'href="{address}' in page.content.decode().replace("&amp;", "&")
    assert boss.get(address).status_code == 200
    if model.rsplit("_", 1)[1] not in WRITTEN:
        assert "_save" not in page.content.decode(), "nothing is written past the engine"


@pytest.mark.django_db
def test_pages_lead_back_to_the_admin_for_those_who_may(boss: Client):
    some_of_everything("one")
    instance = TaskInstance.objects.get(dag_id="one", task_id="a")
    pages = {
        "/dags/one/details": "dags_app/dag/one",
        "/dags/one/runs/r/details": f"runs_app/dagrun/{instance.run_id}",
        "/dags/one/runs/r/tasks/a/details": f"runs_app/taskinstance/{instance.pk}",
        "/pools/one": "dags_app/pool/one",
        "/variables/one/uses": "dags_app/variable/one",
        "/connections/one/uses": "dags_app/connection/one",
    }
    for address, row in pages.items():
        assert f"/admin/{row}/change/" in boss.get(address).content.decode(), address
    others = {role: client_of(role) for role in ("viewer", "op")}
    for address, row in pages.items():
        registered = any(word in row for word in WRITTEN)
        assert (f"/admin/{row}/change/" in others["op"].get(address).content.decode()) is registered, address
    assert "/admin/" not in others["viewer"].get("/dags/one/details").content.decode()


@pytest.mark.django_db
def test_actions_go_through_the_actions_of_the_engine(boss: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("orchestrator.wake._send", lambda *args: None)
    some_of_everything("one")
    backfill, held, queued = Backfill.objects.get(), Hold.objects.get(), QueuedEvent.objects.get()
    act(boss, "runs_app_backfill", "pause", backfill.pk, sure=False)
    backfill.refresh_from_db()
    assert backfill.is_paused
    act(boss, "runs_app_backfill", "cancel", backfill.pk)
    act(boss, "runs_app_hold", "release", held.pk)
    act(boss, "runs_app_queuedevent", "drop", queued.pk)
    act(boss, "runs_app_process", "drain", Process.objects.get().pk)
    act(boss, "dags_app_apitoken", "revoke", ApiToken.objects.get().pk)
    assert not Hold.objects.exists() and not QueuedEvent.objects.exists() and Process.objects.get().draining
    assert ApiToken.objects.get().revoked_at is not None
    events = set(AuditEntry.objects.values_list("event", flat=True))
    assert {"delete_queued_asset_events", "revoke_token"} <= events
    assert "1 done" in told(act(boss, "dags_app_dag", "freeze", "one"))


@pytest.mark.django_db
def test_a_refusal_of_an_action_is_told(boss: Client):
    asset = factories.make_asset("lonely")
    assert "No Dag materializes" in told(act(boss, "dags_app_asset", "materialize", asset.pk))
