"""Every text that is stored, in any table: shown as text wherever a page shows it.

``SHOWN`` names the fields that hold what people and tasks write, ``OURS`` the others. A new field fails the first test
until it stands in one of them, and the second until a page shows it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from dags_app.models import Bundle, DagTag, PluginSource, TeamMember
from runs_app import api_tokens
from runs_app.models import AssetEvent, DagRun, Deadline, HITLDetail, Hold, Process, StateEvent, Undo, Webhook
from tests.access.addresses import addresses
from tests.access.test_matrix import world
from tests.support import factories

from .test_accessible import admin_pages
from .test_browser import chromium, needs_chromium
from .test_hostile import HARMED, LISTEN, TEXTS

__all__ = ["admin_pages", "chromium", "world"]

Make = Callable[[str], Any]
A_FIELD = 21
"""How many texts a field gets, each field and row another stretch of them: with all 400 in each, pages weigh megabytes."""
turn = itertools.count()


def stretch() -> list[str]:
    start = next(turn) * A_FIELD % len(TEXTS)
    return TEXTS[start : start + A_FIELD]


def many(mark: str) -> dict[str, str]:
    return {mark: mark, **{each: each for each in stretch()}}


def several(mark: str) -> list[str]:
    return [mark, *stretch()]


def text(mark: str) -> str:
    return " ".join(several(mark))


SHOWN: dict[str, dict[str, Make]] = {
    "Asset": {"name": text, "uri": text, "group": text, "extra": many},
    "AssetEvent": {"extra": many, "partition_key": text},
    "AssetStoreEntry": {"value": many},
    "Attempt": {"hostname": text, "reason": text, "stack": text},
    "AuditEntry": {"actor": text, "how": text, "extra": many},
    "ApiToken": {"name": text},
    "Backfill": {"triggering_user_name": text},
    "Bundle": {"version": text, "error": text, "facts": lambda mark: {"path": text(mark)}, "environment_log": text},
    "Connection": {"conn_type": text, "description": text, "host": text, "login": text, "schema": text},
    "Dag": {"display_name": text, "description": text, "fileloc": text, "owners": several, "schedule_error": text},
    "DagImportError": {"message": text, "stack_trace": text},
    "DagRun": {"conf": many, "note": text, "partition_key": text, "triggering_user_name": text},
    "DagTag": {"name": text},
    "Deadline": {"name": text},
    "Delivery": {"answer": text},
    "FailureGroup": {"title": text, "place": text, "owner": text, "note": text},
    "HITLDetail": {
        "subject": text,
        "body": text,
        "options": several,
        "params": lambda mark: {each: {"value": each, "description": each, "schema": {}} for each in several(mark)},
        "responded_by_user_name": text,
    },
    "Hold": {"held_by": text, "reason": text},
    "PluginSource": {"name": text, "source": text, "error": text, "brings": lambda mark: {"macros": several(mark)}},
    "Pool": {"description": text},
    "Process": {"hostname": text, "end_reason": text},
    "RenderedFields": {"fields": many},
    "StateEvent": {"actor": text, "reason": text},
    "TaskInstance": {"note": text, "rendered_map_index": text, "hostname": text, "queue": text, "pool": text},
    "TaskStoreEntry": {"value": many},
    "Team": {"name": text, "description": text, "rules": lambda mark: [["tag", each] for each in several(mark)]},
    "Undo": {"text": text},
    "Variable": {"description": text},
    "Webhook": {"name": text, "url": text, "dag_ids": several, "tags": several, "disabled_why": text},
    "XCom": {"value": many},
}
"""What people, tasks and other programs write, and a page shows."""
OURS = {
    "ApiToken": "digest begins role scope dags mark",
    "AssetAlias": "name group",
    "AssetEvent": "source_dag_id source_task_id source_run_id",
    "AssetStoreEntry": "key updated_by",
    "AssetWatcher": "name classpath kwargs digest",
    "Attempt": "outcome",
    "AuditEntry": "event dag_id run_id task_id",
    "Backfill": "dag_run_conf",
    "BackfillDagRun": "partition_key exception_reason",
    "Bundle": "name kind environment_digest environment_wanted",
    "Callback": "kind reason outcome",
    "Connection": "conn_id",
    "Dag": "dag_id timetable_summary timetable_description asset_expression team_roles pools planned_ahead range_asked range_answer",
    "DagFile": "bundle_name relative_path digest",
    "DagVersion": "digest spec relative_path bundle_name bundle_version",
    "Deadline": "key task_id",
    "Delivery": "id kind dag_id run_id body",
    "Failure": "dag_id task_id",
    "FailureGroup": "digest",
    "GroupRetry": "group_id",
    "HITLDetail": "defaults assigned_users responded_by_user_id chosen_options params_input",
    "Hold": "task_id",
    "Identity": "issuer subject",
    "PartitionPart": "source_key expected",
    "PendingPartition": "partition_key fingerprint",
    "PluginCall": "kind payload",
    "Pool": "name",
    "PoolStart": "pool",
    "PoolWeight": "pool",
    "Process": "kind boot_id queues",
    "DagRun": "run_id triggered_by",
    "RevokedToken": "jti",
    "ScheduleReference": "name uri",
    "SourceBlob": "sha256",
    "SourceTree": "digest manifest",
    "StateEvent": "old new",
    "TakenOver": "dag_id",
    "TaskInstance": "dag_id task_id operator operator_name concurrency_key skip_note next_method next_kwargs",
    "TaskReference": "task_id name uri",
    "TaskStoreEntry": "key",
    "TeamMember": "role",
    "Trigger": "classpath kwargs",
    "Undo": "actor verbs parts",
    "Use": "kind name task_id",
    "Variable": "key",
    "WatchTrigger": "digest classpath kwargs error accepted",
    "Webhook": "id kinds",
    "XCom": "dag_id task_id key shape",
}
"""What holds words of ours, what an address, a file or a class is found by, and what no page shows."""


def columns() -> dict[str, list[str]]:
    """Every field that could hold a text; one with choices cannot hold another."""
    kinds = (models.CharField, models.TextField, models.JSONField)
    return {
        model.__name__: [
            each.name for each in model._meta.concrete_fields if isinstance(each, kinds) and not each.choices
        ]
        for label in ("dags_app", "runs_app")
        for model in apps.get_app_config(label).get_models()
    }


def test_every_field_that_holds_a_text_is_named():
    for model, names in columns().items():
        named = [*SHOWN.get(model, ()), *OURS.get(model, "").split()]
        assert sorted(names) == sorted(named), model


def make_more(world: dict[str, Any]) -> None:
    """What the world of all routes lacks: things that are there only while something goes on."""
    run, now, at = DagRun.objects.get(dag_id="alpha", run_id="r1"), timezone.now(), factories.DAY
    first = factories.instance_of(run, "a")
    factories.make_rendered(first, bash_command="x")
    DagTag.objects.create(dag=run.dag, name="x")
    Deadline.objects.create(run=run, key="k", name="late", deadline_time=at, missed=True, created_at=at)
    Hold.objects.create(run=run, dag=run.dag, task_id="a", held_by="x", created_at=at)
    StateEvent.objects.create(run=run, task_instance=first, old="running", new="failed", actor="x", at=at)
    AssetEvent.objects.create(asset_id=1, timestamp=at, source_dag_id="alpha", source_task_id="a", source_run_id="r1")
    PluginSource.objects.create(name="x", source="x", loaded_at=at)
    Process.objects.create(kind="slot", hostname="x", pid=1, queues=["default"], started_at=now, beat_at=now)
    Process.objects.create(kind="web", hostname="x", pid=2, started_at=at, beat_at=at, ended_at=at)
    admin = User.objects.get(groups__name="admin", username=world["admin"])
    until = now + timedelta(days=1)
    Undo.objects.create(user=admin, actor="x", text="x", verbs=[], parts=[], created_at=now, expires_at=until)
    api_tokens.make(admin, "x", days=None, user=admin, now=now)
    TeamMember.objects.create(team_id=world["team_id"], user=admin, role="viewer")
    Webhook.objects.update(enabled=False)
    Bundle.objects.update(environment_state="failed")
    HITLDetail.objects.filter(task_instance=first).update(responded_at=at, chosen_options=["yes"])
    going = factories.make_run(run.dag, "going", state="running", states={"a": "running"})
    factories.make_attempt(factories.instance_of(going, "a"), lines=("x",), stack="s", outcome=None, ended_at=None)


def make_hostile() -> list[str]:
    """Put all of the texts into each field that is shown; return the mark of each, which a page has to show."""
    marks = []
    for name, fields in SHOWN.items():
        model: Any = next(each for each in apps.get_models() if each.__name__ == name)
        rows = list(model._default_manager.all())
        assert rows, f"the world has no {name}"
        for row in rows:
            values = {}
            for field, make in fields.items():
                value = make(f"{name}-{field}")
                values[field] = value[: model._meta.get_field(field).max_length] if isinstance(value, str) else value
            model._default_manager.filter(pk=row.pk).update(**values)
        marks += [f"{name}-{field}" for field in fields]
    return marks


TOLD = "document.documentElement.innerText + [...document.querySelectorAll('main *, dialog *')].flatMap((e) => [e.value, e.title]).join(' ') + document.title + [...document.querySelectorAll('details, template')].map((e) => e.textContent).join(' ')"


@needs_chromium
@pytest.mark.usefixtures("transactional_db")
def test_what_is_stored_runs_nowhere_and_is_shown(admin_pages: Any, world: dict[str, Any]):
    make_more(world | {"admin": User.objects.filter(groups__name="admin").last().username})
    marks, page, seen = set(make_hostile()), admin_pages(), set()
    page.add_init_script(LISTEN)
    page.set_default_timeout(60_000)  # of a busy machine
    for path in addresses(world):
        answer = page.goto(path)
        assert answer.status < 500, path
        assert page.evaluate(HARMED) is None, path
        if marks > seen:
            told = page.evaluate(TOLD)
            seen |= {each for each in marks if each in told}
    assert " ".join(sorted(marks - seen)) == ""
