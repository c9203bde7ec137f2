"""The Django admin: who comes in, what can be changed, and what is never shown."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from dags_app import secrets
from dags_app.models import AuditEntry, Connection, Dag, Pool
from orchestrator.core.states import RunState
from runs_app.models import DagRun, TaskInstance
from tests.support import factories

OURS = sorted(
    f"{model._meta.app_label}_{model._meta.model_name}"
    for model in admin.site._registry
    if model._meta.app_label in {"dags_app", "runs_app"}
)


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(factories.make_user(role))
    return client


@pytest.fixture
def boss(db) -> Client:
    return client_of("admin")


@pytest.fixture
def run(db):
    return factories.make_run(factories.make_dag("alpha"), "r1", state=RunState.RUNNING, states={"a": "running"})


def act(client: Client, model: str, name: str, *pks, sure: bool = True, **more):
    data = {"action": name, "_selected_action": list(pks), "index": 0, **({"sure": "yes"} if sure else {}), **more}
    return client.post(reverse(f"admin:{model}_changelist"), data, follow=True)


def told(response) -> str:
    return " ".join(str(each) for each in response.context["messages"])


@pytest.mark.parametrize("model", OURS)
def test_every_list_and_every_row_opens(boss, run, model):
    factories.make_file("bad.py", error="SyntaxError: no")
    secrets.set_variable("greeting", "hunter22")
    secrets.set_connection("db", {"conn_type": "postgres", "password": "hunter22"})
    page = boss.get(reverse(f"admin:{model}_changelist"), {"q": "a"})
    assert page.status_code == 200
    row = page.context["cl"].queryset.model._default_manager.first()
    if row is not None:
        shown = boss.get(reverse(f"admin:{model}_change", args=[row.pk]))
        assert shown.status_code == 200
        assert "hunter22" not in shown.content.decode()


@pytest.mark.parametrize("role", ["", "viewer", "user"])
def test_others_are_sent_away(db, role):
    assert client_of(role).get("/admin/", follow=True).status_code == 403


def test_strangers_sign_in_on_the_page_that_slows_down_guessing(db):
    answer = Client().get("/admin/dags_app/dag/")
    assert answer.status_code == 302 and answer["Location"].startswith(reverse("sign-in"))
    answer = Client().post("/admin/login/?next=/admin/", {"username": "x", "password": "y"})
    assert answer.status_code == 302 and answer["Location"].startswith(reverse("sign-in"))


def test_operators_get_the_registry_and_the_audit_log_and_nothing_else(run):
    client = client_of("op")
    for model in OURS:
        wanted = 200 if model.split("_")[-1] in {"pool", "variable", "connection", "auditentry", "process"} else 403
        assert client.get(reverse(f"admin:{model}_changelist")).status_code == wanted, model
    assert client.get(reverse("admin:auth_user_changelist")).status_code == 403
    assert "Pools" in client.get("/admin/").content.decode()


@pytest.mark.parametrize(
    ("model", "changed"),
    [
        ("runs_app_taskinstance", {"state": "success", "token": 99, "try_number": 7}),
        ("runs_app_dagrun", {"state": "success", "generation": 9}),
        ("dags_app_dag", {"is_paused": "on", "max_active_runs": 1}),
    ],
)
def test_a_crafted_form_changes_nothing(boss, run, model, changed):
    kind = {"taskinstance": TaskInstance, "dagrun": DagRun, "dag": Dag}[model.rsplit("_", 1)[1]]
    row = kind.objects.first()
    before = kind.objects.filter(pk=row.pk).values().get()
    answer = boss.post(reverse(f"admin:{model}_change", args=[row.pk]), {**changed, "_save": "Save"})
    assert answer.status_code == 403
    answer = boss.post(
        reverse(f"admin:{model}_changelist"),
        {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": row.pk, "form-0-state": "success", "_save": "1"},
    )
    assert answer.status_code in {200, 302, 403}
    for address in (f"admin:{model}_add", f"admin:{model}_delete"):
        args = [row.pk] if address.endswith("delete") else []
        assert boss.post(reverse(address, args=args), {**changed, "post": "yes"}).status_code == 403
    assert kind.objects.filter(pk=row.pk).values().get() == before


def test_states_are_moved_by_actions_that_ask_first(boss, run):
    instance = factories.instance_of(run, "a")
    asked = act(boss, "runs_app_taskinstance", "mark_failed", instance.pk, sure=False)
    assert "I am sure" in asked.content.decode()
    instance.refresh_from_db()
    assert instance.state == "running"
    act(boss, "runs_app_taskinstance", "mark_failed", instance.pk)
    instance.refresh_from_db()
    assert instance.state == "failed"
    act(boss, "runs_app_dagrun", "mark_success", run.pk)
    run.refresh_from_db()
    assert run.state == "success"
    act(boss, "runs_app_taskinstance", "clear", instance.pk)
    run.refresh_from_db()
    assert run.state in {"queued", "running"}
    act(boss, "runs_app_dagrun", "mark_failed", run.pk)
    act(boss, "runs_app_dagrun", "clear_failed", run.pk)
    act(boss, "runs_app_dagrun", "delete_run", run.pk)
    assert not DagRun.objects.exists()
    events = set(AuditEntry.objects.values_list("event", flat=True))
    assert {"patch_task_instance", "patch_dag_run", "clear_task_instances", "delete_dag_run"} <= events


def test_dags_are_triggered_paused_and_deleted(boss, run):
    act(boss, "dags_app_dag", "pause", "alpha", sure=False)
    assert Dag.objects.get().is_paused
    act(boss, "dags_app_dag", "unpause", "alpha", sure=False)
    assert not Dag.objects.get().is_paused
    act(boss, "dags_app_dag", "trigger", "alpha")
    assert DagRun.objects.count() == 2
    assert "not finished" in told(act(boss, "dags_app_dag", "delete_dag", "alpha"))
    assert Dag.objects.exists()
    DagRun.objects.all().delete()
    act(boss, "dags_app_dag", "delete_dag", "alpha")
    assert not Dag.objects.exists()


def test_one_object_that_refuses_does_not_stop_the_others(boss, db):
    factories.make_dag("gone", is_stale=True)
    factories.make_dag("there")
    answer = act(boss, "dags_app_dag", "trigger", "gone", "there")
    assert "cannot run" in told(answer) and "1 done" in told(answer)
    assert [each.dag_id for each in DagRun.objects.all()] == ["there"]


def test_a_variable_is_written_and_kept_when_left_empty(db):
    client = client_of("op")
    add = reverse("admin:dags_app_variable_add")
    assert "required" in client.post(add, {"key": "k", "value": ""}).content.decode()
    client.post(add, {"key": "k", "value": "hunter22", "description": "d"})
    assert secrets.get_variable("k") == "hunter22"
    change = reverse("admin:dags_app_variable_change", args=["k"])
    assert "hunter22" not in client.get(change).content.decode()
    client.post(change, {"value": "", "description": "new"})
    assert secrets.get_variable("k") == "hunter22"
    client.post(change, {"key": "other", "value": "changed", "description": "new"})
    assert secrets.get_variable("k") == "changed" and secrets.get_variable("other") is None
    client.post(reverse("admin:dags_app_variable_delete", args=["k"]), {"post": "yes"})
    assert secrets.get_variable("k") is None
    events = list(AuditEntry.objects.order_by("id").values_list("event", flat=True))
    assert events == ["post_variable", "patch_variable", "patch_variable", "delete_variable"]


def test_a_connection_is_written_kept_and_forgotten(db):
    client = client_of("op")
    data = {
        "conn_id": "db",
        "conn_type": "postgres",
        "host": "h",
        "port": "5432",
        "password": "hunter22",
        "extra": "{}",
    }
    client.post(reverse("admin:dags_app_connection_add"), data)
    change = reverse("admin:dags_app_connection_change", args=["db"])
    assert "hunter22" not in client.get(change).content.decode()
    client.post(change, {"conn_type": "postgres", "host": "new"})
    found = secrets.get_connection("db")
    assert (found["host"], found["port"], found["password"]) == ("new", None, "hunter22")
    assert "65535" in client.post(change, {"conn_type": "postgres", "port": "70000"}).content.decode()
    client.post(change, {"conn_type": "postgres", "forget": "on"})
    assert secrets.get_connection("db")["password"] is None
    act(client, "dags_app_connection", "delete_selected", "db", post="yes")
    assert not Connection.objects.exists()
    assert "hunter22" not in str(list(AuditEntry.objects.values_list("extra", flat=True)))


def test_the_default_pool_stays(db):
    client = client_of("op")
    client.post(reverse("admin:dags_app_pool_add"), {"name": "p", "slots": "3"})
    assert "no limit" in client.post(reverse("admin:dags_app_pool_add"), {"name": "q", "slots": "-5"}).content.decode()
    assert client.post(reverse("admin:dags_app_pool_delete", args=["default_pool"]), {"post": "yes"}).status_code == 403
    act(client, "dags_app_pool", "delete_selected", "default_pool", "p", post="yes")
    assert Pool.objects.count() == 2
    act(client, "dags_app_pool", "delete_selected", "p", post="yes")
    assert list(Pool.objects.values_list("name", flat=True)) == ["default_pool"]


def test_admins_manage_accounts_and_roles_are_groups(boss):
    viewer = factories.make_user("viewer")
    change = reverse("admin:auth_user_change", args=[viewer.pk])
    assert boss.get(change).status_code == 200
    boss.post(change, {"username": "renamed", "is_active": "on", "groups": [Group.objects.get(name="op").pk]})
    viewer.refresh_from_db()
    assert viewer.username == "renamed" and [each.name for each in viewer.groups.all()] == ["op"]
    assert AuditEntry.objects.filter(event="patch_user").exists()


def test_a_form_without_its_token_is_refused(run):
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_user("admin"))
    assert act(client, "dags_app_dag", "delete_dag", "alpha").status_code == 403
    assert Dag.objects.exists()


def test_lists_cost_few_queries(boss, run, django_assert_max_num_queries):
    for _ in range(20):
        factories.make_run(run.dag)
    for model in ("runs_app_taskinstance", "runs_app_dagrun", "dags_app_dag"):
        with django_assert_max_num_queries(14):
            boss.get(reverse(f"admin:{model}_changelist"))
