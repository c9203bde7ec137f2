"""Rows for tests: each function makes one thing, and takes only what the test speaks about.

A DAG is written with the SDK and parsed as users' are; a run and its task instances are made as the engine
makes them. States and times are then set as the test needs them, without the engine running.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from dags_app.models import (
    Asset,
    Dag,
    DagFile,
    DagImportError,
    DagTag,
    DagVersion,
    ScheduleReference,
    SourceBlob,
    SourceTree,
    TaskReference,
)
from dags_app.secrets import encrypt
from dags_app.versions import known_place, load_spec
from orchestrator.core.serde import dag_to_json
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import FINISHED, RUN_FINISHED, RunState, RunType, TaskState
from orchestrator.operators.bash import BashOperator
from orchestrator.sdk import DAG
from orchestrator.web.columns import kept
from runs_app import logs
from runs_app.create import columns, create_run
from runs_app.models import (
    Attempt,
    DagRun,
    Delivery,
    Failure,
    FailureGroup,
    HITLDetail,
    RenderedFields,
    TaskInstance,
    Webhook,
    XCom,
)

PASSWORD = secrets.token_urlsafe(12)
"""Of every user made here; another one in each test run."""

DAY = datetime(2026, 3, 1, tzinfo=UTC)
numbers = itertools.count(1)


def make_user(role: str = "viewer", name: str = "", **fields: Any) -> User:
    """Make a user of a role ("" = none); one without a password cannot be signed in by form, which is fast."""
    user = User(username=name or f"{role or 'nobody'}-{next(numbers)}", **fields)
    user.set_unusable_password()
    user.save()
    if role:
        user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def with_password(user: User) -> User:
    """Give the user :data:`PASSWORD`."""
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


def make_spec(
    dag_id: str,
    arrows: Mapping[str, tuple[str, ...]] | None = None,
    *,
    tasks: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> DagSpec:
    """Return the spec of a DAG of tasks that do nothing, in a process each; ``arrows`` names the upstreams of each (default: a, then b).

    ``tasks`` are arguments of every task (``pool="p"``), ``arguments`` those of the DAG.
    """
    with DAG(dag_id, **arguments) as dag:
        made: dict[str, Any] = {}
        for task_id, above in (arrows or {"a": (), "b": ("a",)}).items():
            made[task_id] = BashOperator(task_id=task_id, bash_command="true", **(tasks or {}))
            for each in above:
                made[each] >> made[task_id]
    return dag.to_spec()


def make_asset(
    name: str, *, producer: Dag | None = None, consumer: Dag | None = None, task_id: str = "a", **fields: Any
) -> Asset:
    """Make an active asset, with a task that makes it and a DAG scheduled on it where they are given."""
    values = {"uri": name, "is_active": True, "created_at": DAY, "updated_at": DAY, **fields}
    asset = Asset.objects.create(name=name, **values)
    times = {"created_at": DAY, "updated_at": DAY}
    if producer is not None:
        TaskReference.objects.create(dag=producer, task_id=task_id, is_outlet=True, asset=asset, **times)
    if consumer is not None:
        ScheduleReference.objects.create(dag=consumer, asset=asset, **times)
        about = {"asset": {"name": name, "uri": asset.uri, "group": asset.group}}
        Dag.objects.filter(pk=consumer.pk).update(asset_expression={"all": [about]})
    return asset


def make_file(relative_path: str = "", *, error: str | None = None) -> DagFile:
    """Make a DAG file the processor knows; ``error`` is the message of its import error."""
    path = relative_path or f"file_{next(numbers)}.py"
    file = DagFile.objects.get_or_create(relative_path=path)[0]
    if error is not None:
        trace = f'Traceback (most recent call last):\n  File "{path}", line 3\n{error}\n'
        DagImportError.objects.create(file=file, message=error, line=3, stack_trace=trace, timestamp=timezone.now())
    return file


def make_version(dag: Dag, spec: DagSpec, source: str = "# a DAG file\n") -> DagVersion:
    """Add a version to a DAG and make it the current one."""
    content = source.encode()
    blob = SourceBlob.objects.get_or_create(
        sha256=hashlib.sha256(content).hexdigest(), defaults={"content": content, "size": len(content)}
    )[0]
    path = dag.file.relative_path if dag.file else "dag.py"
    digest = hashlib.sha256(f"{path}:{blob.sha256}".encode()).hexdigest()
    tree = SourceTree.objects.get_or_create(digest=digest, defaults={"manifest": {path: blob.sha256}})[0]
    document = json.loads(json.dumps(dag_to_json(spec)))
    number = dag.versions.count() + 1
    version = DagVersion.objects.create(
        dag=dag, version_number=number, digest=f"{digest[:60]}{number}", spec=document, tree=tree, relative_path=path
    )
    Dag.objects.filter(pk=dag.pk).update(version=version)
    dag.version = version
    # What a test rolls back gives its primary keys to the next one.
    load_spec.cache_clear()
    known_place.cache_clear()
    kept.clear()
    return version


def make_dag(
    dag_id: str = "",
    *,
    spec: DagSpec | None = None,
    source: str = "# a DAG file\n",
    tags: tuple[str, ...] = (),
    **fields: Any,
) -> Dag:
    """Make a DAG with one version; unpaused unless ``is_paused`` says otherwise. ``fields`` are columns."""
    spec = spec or make_spec(dag_id or f"dag_{next(numbers)}")
    columns_of = {
        "file": fields.pop("file", None) or make_file(),
        "fileloc": f"/dags/{spec.dag_id}.py",
        "is_paused": False,
        "last_parsed_at": DAY,
        "last_parse_seconds": 0.1,
        "owners": list(spec.owners) or ["airflow"],
        "description": spec.description,
        "display_name": spec.display_name or "",
        "timetable_description": "Never, external triggers only",
        **fields,
    }
    dag = Dag.objects.create(dag_id=spec.dag_id, **columns_of)
    for tag in tags:
        DagTag.objects.create(dag=dag, name=tag)
    make_version(dag, spec, source)
    return dag


def make_run(
    dag: Dag,
    run_id: str | None = None,
    *,
    state: str = RunState.SUCCESS,
    run_type: RunType = RunType.MANUAL,
    logical_date: datetime | None = None,
    states: Mapping[str, str] | None = None,
    **fields: Any,
) -> DagRun:
    """Make a run with its task instances: all as ``states`` says, the others in the state that fits the run's."""
    assert dag.version is not None
    number = next(numbers)
    date = logical_date or DAY + timedelta(hours=number)
    run = create_run(
        dag=dag,
        version_pk=dag.version_id,
        run_type=run_type,
        run_after=date,
        logical_date=date,
        interval=(date, date),
        triggered_by="test",
        now=date,
        run_id=run_id,
    )
    values: dict[str, Any] = {"state": state, **fields}
    if state != RunState.QUEUED:
        values.setdefault("started_at", date)
    if state in RUN_FINISHED:
        values.setdefault("ended_at", date + timedelta(seconds=10))
    _write(run, values)
    usual = {RunState.SUCCESS: TaskState.SUCCESS, RunState.FAILED: TaskState.FAILED}.get(
        RunState(state), TaskState.NONE
    )
    for instance in run.task_instances.all():
        set_state(instance, (states or {}).get(instance.task_id, usual))
    return run


def set_state(instance: TaskInstance, state: str, **fields: Any) -> TaskInstance:
    """Put a task instance into a state, with the times and the try number that go with it."""
    begun = state not in {TaskState.NONE, TaskState.SCHEDULED, TaskState.UPSTREAM_FAILED}
    start = instance.run.run_after
    values = {
        "state": state,
        "started_at": start if begun else None,
        "ended_at": start + timedelta(seconds=5) if state in FINISHED else None,
        "try_number": 1 if begun and state != TaskState.SKIPPED else 0,
        "hostname": "worker-1" if begun else "",
        **fields,
    }
    _write(instance, values)
    return instance


def make_mapped(run: DagRun, task_id: str, count: int, *, state: str = TaskState.SUCCESS) -> list[TaskInstance]:
    """Put ``count`` mapped instances in the place of a task's one."""
    with transaction.atomic():
        run.task_instances.filter(task_id=task_id).delete()
        task = load_spec(run.version_id).tasks[task_id]
        found = [
            TaskInstance.objects.create(**columns(run.pk, run.dag_id, run.version_id, task, index))
            for index in range(count)
        ]
    return [set_state(each, state) for each in found]


def instance_of(run: DagRun, task_id: str, map_index: int = -1) -> TaskInstance:
    return run.task_instances.get(task_id=task_id, map_index=map_index)


def make_attempt(instance: TaskInstance, *, lines: tuple[str, ...] = (), **fields: Any) -> Attempt:
    """Make an ended attempt of the instance's try; ``lines`` become its log."""
    token = instance.token + 1
    _write(instance, {"token": token})
    values = {
        "try_number": instance.try_number,
        "generation": instance.generation,
        "hostname": "worker-1",
        "pid": 4242,
        "version_id": instance.version_id,
        "started_at": instance.started_at or DAY,
        "ended_at": instance.ended_at or DAY,
        "outcome": str(instance.state),
        **fields,
    }
    attempt = Attempt.objects.create(task_instance=instance, token=token, **values)
    logs.store().delete(logs.key_for(instance.run_id, instance.pk, token))  # of a rolled back namesake
    if lines:
        add_log(attempt, *lines)
    return attempt


def add_log(attempt: Attempt, *lines: str, logger: str = "task.stdout", level: str = "info") -> None:
    """Append lines to an attempt's log."""
    instance = attempt.task_instance
    body = "".join(
        json.dumps({"timestamp": DAY.isoformat(), "level": level, "event": line, "logger": logger}) + "\n"
        for line in lines
    )
    logs.store().append(logs.key_for(instance.run_id, instance.pk, attempt.token), body.encode())


def make_failure(instance: TaskInstance, digest: str = "d", **fields: Any) -> Failure:
    """Make a failure of a kind, as the control pass would."""
    group = FailureGroup.objects.get_or_create(digest=digest, defaults={"title": digest, "created_at": DAY})[0]
    about = {"dag_id": instance.dag_id, "task_id": instance.task_id, "try_number": instance.try_number}
    values = {"token": next(numbers), "version_number": 1, "at": DAY, **about, **fields}
    return Failure.objects.create(group=group, task_instance=instance, **values)


def make_xcom(instance: TaskInstance, value: Any, key: str = "return_value") -> XCom:
    return XCom.objects.create(
        task_instance=instance,
        run_id=instance.run_id,
        dag_id=instance.dag_id,
        task_id=instance.task_id,
        map_index=instance.map_index,
        key=key,
        value=value,
        length=len(value) if isinstance(value, (list, dict)) else None,
    )


def make_question(instance: TaskInstance, *, waiting: bool = True, **fields: Any) -> HITLDetail:
    """Make what a task instance asks people; unless ``waiting`` is off it is what it waits for."""
    if waiting:
        number = max(1, instance.try_number)
        waits = {"token": instance.token + 1, "try_number": number, "next_method": "execute_complete"}
        set_state(instance, TaskState.AWAITING_INPUT, **waits)
    values: dict[str, Any] = {
        **{"try_number": instance.try_number, "token": instance.token, "created_at": DAY},
        **{"subject": "Go on?", "options": ["yes", "no"]},
        **fields,
    }
    return HITLDetail.objects.create(task_instance=instance, **values)


def make_rendered(instance: TaskInstance, **fields: Any) -> RenderedFields:
    return RenderedFields.objects.create(task_instance=instance, fields=fields)


def _write(row: Any, values: Mapping[str, Any]) -> None:
    """Set columns without the engine; the row in hand follows."""
    type(row).objects.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)


def make_webhook(owner: Any = None, **fields: Any) -> Webhook:
    """Make a webhook that is told how runs end."""
    values = {"name": "hook", "url": "https://192.0.2.1/", "kinds": ["dag_run.failed"], "created_at": DAY, "after": 0}
    owner = owner or make_user("admin")
    return Webhook.objects.create(**{**values, "owner": owner, "secret": encrypt(SIGNING), **fields})


def make_delivery(webhook: Webhook, **fields: Any) -> Delivery:
    """Make a message of it that waits to be sent."""
    times = {"created_at": DAY, "next_at": DAY, "give_up_at": DAY + timedelta(days=1)}
    return Delivery.objects.create(**{"webhook": webhook, "kind": "webhook.test", "body": "{}", **times, **fields})


SIGNING = "whsec_" + "QUJD" * 8
"""What the bodies of a factory's webhook are signed with."""
