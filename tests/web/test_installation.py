"""The pages of the installation: workers, processes, settings, plugins, providers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from dags_app.models import AuditEntry, PluginSource
from orchestrator import env
from orchestrator.core.states import TaskState
from orchestrator.web.templatetags.show import backticked
from runs_app.models import Process
from tests.support import factories


def make_slot(pid: int = 1, *, worker: int = 100, age: float = 0, **fields: Any) -> Process:
    at = timezone.now() - timedelta(seconds=age)
    values = {"kind": "slot", "hostname": "box", "pid": pid, "worker_pid": worker, "started_at": at, "beat_at": at}
    return Process.objects.create(**{"queues": ["default"], **values, **fields})


def test_workers_are_shown_with_what_their_slots_run(viewer: Client):
    busy, _ = make_slot(1), make_slot(2)
    make_slot(3, worker=200, age=3600)
    run = factories.make_run(factories.make_dag("shop"), "r", state="running", states={"a": TaskState.RUNNING})
    factories.make_attempt(factories.instance_of(run, "a"), process=busy, outcome=None, ended_at=None)
    context = viewer.get("/workers").context
    assert [(worker.pid, worker.state, worker.busy, len(worker.slots)) for worker in context["workers"]] == [
        (100, "alive", 1, 2),
        (200, "silent", 0, 1),
    ]
    assert "shop.a" in viewer.get("/workers?part=rows").content.decode()


def test_a_queue_without_a_worker_is_told(viewer: Client):
    make_slot(1)
    dag = factories.make_dag(spec=factories.make_spec("gpu", {"a": ()}, tasks={"queue": "gpu"}))
    factories.make_run(dag, state="running", states={"a": TaskState.SCHEDULED})
    queues = {queue.name: queue for queue in viewer.get("/workers").context["queues"]}
    assert (queues["gpu"].is_unserved, queues["gpu"].waiting) == (True, 1)
    assert (queues["default"].is_unserved, queues["default"].slots) == (False, 1)


def test_slots_are_drained_and_take_work_again_and_it_is_audited(client_of, viewer: Client):
    op, slot, ended = client_of("op"), make_slot(1), make_slot(2, ended_at=timezone.now())
    for on, now in (("true", True), ("false", False)):
        assert op.post("/workers/drain", {"process": [slot.pk, ended.pk, "x"], "on": on}).status_code == 302
        slot.refresh_from_db()
        assert slot.draining is now
    assert list(AuditEntry.objects.order_by("pk").values_list("event", flat=True)) == ["drain_worker", "undrain_worker"]
    assert viewer.post("/workers/drain", {"process": slot.pk}).status_code == 403
    assert "Drain" not in viewer.get("/workers").content.decode()


def test_a_worker_is_asked_to_stop_after_the_question(client_of):
    op, slot = client_of("op"), make_slot(1)
    assert "Stop this worker?" in op.get(f"/workers/stop?process={slot.pk}").content.decode()
    op.post("/workers/stop", {"process": slot.pk})
    slot.refresh_from_db()
    assert slot.stop_asked
    assert op.get("/workers").context["workers"][0].state == "stopping"


def test_jobs_are_the_processes_that_are_or_were(viewer: Client):
    make_slot(1)
    make_slot(2, kind="beat", ended_at=timezone.now(), end_reason="<b>killed</b>")
    assert len(viewer.get("/jobs").context["chunk"].object_list) == 2
    assert [row.kind for row in viewer.get("/jobs?kind=beat").context["chunk"].object_list] == ["beat"]
    assert [row.kind for row in viewer.get("/jobs?alive=true").context["chunk"].object_list] == ["slot"]
    assert "&lt;b&gt;killed" in viewer.get("/jobs").content.decode()


def test_settings_are_shown_with_where_they_come_from_and_never_a_secret():
    environ = {
        **{
            "PORT": "9",
            "SECRET_KEY": "hunter22",
            "ORCHESTRATOR_SMTP_URL": "smtp://me:hunter22@mail/?from=a&k=hunter22",
        },
        **{"DATABASE_URL": "postgresql://me:hunter22@db/x", "AIRFLOW__SECRETS__BACKEND_KWARGS": "hunter22"},
        **{"REDIS_URL": "rediss://:hunter22@cache:6379/0?password=hunter22", "FERNET_KEYS": "hunter22"},
    }
    rows = {row.name: row for row in env.shown(environ)}
    assert not [row for row in rows.values() if "hunter22" in row.value]
    assert (rows["PORT"].value, rows["PORT"].source, rows["PORT"].default) == ("9", "environment", "8080")
    assert rows["HOST"].source == "default"
    assert rows["DATABASE_URL"].value == "postgresql://me:***@db/x"
    assert set(rows) == {each.name for each in env.SETTINGS} | set(env.READ_ELSEWHERE)


def test_the_page_of_settings_is_filtered(client_of, monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    op = client_of("op")
    names = [row.name for row in op.get("/configs?set=true&q=log_level").context["rows"]]
    assert names == ["LOG_LEVEL"]
    assert op.get("/configs?q=zzz").context["rows"] == []


def test_plugins_are_shown_with_what_is_wrong(viewer: Client):
    now = timezone.now()
    PluginSource.objects.create(name="ours", source="a.py", brings={"macros": ["<m>"]}, loaded_at=now)
    PluginSource.objects.create(source="b.py", error="SyntaxError: <x>", loaded_at=now)
    page = viewer.get("/plugins").content.decode()
    assert "&lt;m&gt;" in page
    assert "SyntaxError: &lt;x&gt;" in page


def test_providers_are_what_is_installed(viewer: Client):
    assert viewer.get("/providers").context["providers"][0].name == "orchestrator"


def test_words_of_code_in_what_a_setting_is_are_shown_as_such(client_of):
    page = client_of("admin").get("/configs").content.decode()
    assert "folder of plugins; <code>plugins</code> beside DAGS_FOLDER" in page
    assert backticked("one ` alone <b>") == "one ` alone &lt;b&gt;"
