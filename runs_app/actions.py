"""What people may ask for. Pages, API, admin and commands call only these; each writes an audit entry."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from dags_app.models import AuditEntry, Dag
from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core import timetables
from orchestrator.core.params import ParamError, merged
from orchestrator.core.states import RUN_FINISHED, RunState, RunType, TaskState

from . import advance, create, notify, transitions
from .exceptions import DagHasImportErrors, DagNotFound, DagRunNotFound, InvalidConf, InvalidState
from .models import DagRun, TaskInstance
from .view import run_row

UNSET: Any = object()


def audit(user: Any, event: str, *, run: DagRun | None = None, dag_id: str | None = None, **extra: Any) -> None:
    """Write down who did what, in the caller's transaction."""
    AuditEntry.objects.create(
        user=user if getattr(user, "pk", None) else None,
        actor=actor_of(user),
        event=event,
        dag_id=run.dag_id if run else dag_id,
        run_id=run.run_id if run else None,
        extra=extra,
    )


def actor_of(user: Any) -> str:
    return user.get_username() if getattr(user, "pk", None) else "command line"


def trigger_dag(
    dag_id: str,
    *,
    conf: dict[str, Any] | None = None,
    run_id: str | None = None,
    logical_date: Any = UNSET,
    run_after: datetime | None = None,
    interval: tuple[datetime, datetime] | None = None,
    note: str | None = None,
    triggered_by: str = "ui",
    run_type: RunType = RunType.MANUAL,
    user: Any = None,
) -> DagRun:
    """Make a run of a DAG and start it if it may start now.

    Raises:
        DagNotFound, DagHasImportErrors, InvalidConf, DagRunAlreadyExists: nothing was changed.
    """
    now = timezone.now()
    dag = Dag.objects.select_related("version").filter(pk=dag_id).first()
    if dag is None:
        raise DagNotFound(dag_id)
    if dag.version is None or dag.is_stale:
        raise DagHasImportErrors(dag_id, "its file is gone or never parsed; save the file again")
    spec = load_spec(dag.version.pk)
    try:
        merged(spec.params, conf)
    except ParamError as error:
        raise InvalidConf(str(error)) from error
    date = now if logical_date is UNSET else logical_date
    after = run_after or date or now
    if interval is None and date is not None:
        inferred = timetables.from_json(dict(spec.timetable)).infer_manual_interval(date)
        interval = (inferred.start, inferred.end)
    with transaction.atomic():
        run = create.create_run(
            dag=dag,
            version=dag.version,
            run_type=run_type,
            run_after=after,
            logical_date=date,
            interval=interval,
            triggered_by=triggered_by,
            now=now,
            conf=conf,
            run_id=run_id,
            user_name=actor_of(user) if user is not None else None,
            note=note,
        )
        audit(user, "trigger_dag_run", run=run, conf=conf or {})
    ready = advance.start_queued(dag_id, now)
    invite(ready)
    run.refresh_from_db()
    return run


def invite(ready: Counter[str]) -> None:
    for queue, count in ready.items():
        if count > 0:
            wake.invite(queue, count)


def pause(dag_id: str, paused: bool, *, user: Any) -> None:
    """Pause a DAG (its tasks are claimed no more) or let it go on."""
    if not Dag.objects.filter(pk=dag_id).exists():
        raise DagNotFound(dag_id)
    with transaction.atomic():
        Dag.objects.filter(pk=dag_id).update(is_paused=paused)
        audit(user, "patch_dag", dag_id=dag_id, is_paused=paused)
        notify.dag_changed(dag_id)
    if not paused:
        invite(advance.start_queued(dag_id, timezone.now()))
        wake.control()


def clear(
    run_pk: int,
    *,
    task_ids: list[str] | None = None,
    downstream: bool = False,
    upstream: bool = False,
    only_failed: bool = False,
    dry_run: bool = False,
    user: Any = None,
) -> list[TaskInstance]:
    """Open task instances of a run again, and the run with them; return those that are (or would be) cleared."""
    from orchestrator.core.graph import ancestors, descendants

    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    spec = load_spec(run.version_id)
    wanted = set(task_ids) if task_ids is not None else set(spec.tasks)
    chosen = set(wanted)
    if downstream:
        chosen |= descendants(spec, wanted & spec.tasks.keys())
    if upstream:
        chosen |= ancestors(spec, wanted & spec.tasks.keys())
    rows = TaskInstance.objects.filter(run=run, task_id__in=chosen).order_by("pk")
    if only_failed:
        rows = rows.filter(state__in=[TaskState.FAILED, TaskState.UPSTREAM_FAILED])
    found = list(rows)
    if dry_run or not found:
        return found
    now = timezone.now()
    with transaction.atomic():
        run_row(run_pk, lock=True, wait=True)
        tries = {
            row.pk: row.try_number + (spec.tasks[row.task_id].retries if row.task_id in spec.tasks else 0)
            for row in found
        }
        transitions.reset(
            found, actor=f"user:{actor_of(user)}", reason="cleared", at=now, max_tries=tries, version_pk=None
        )
        transitions.move_run(
            run_pk, RunState.QUEUED, actor=f"user:{actor_of(user)}", reason="cleared", at=now, reopen=True
        )
        audit(user, "clear_task_instances", run=run, task_ids=sorted(chosen))
        notify.run_changed(run_pk, run.dag_id)
    invite(advance.start_queued(run.dag_id, now))
    wake.control()
    return found


def set_task_state(pks: list[int], state: str, *, user: Any) -> list[int]:
    """Set task instances to success, failed or skipped; what runs is stopped. Return those that changed."""
    if state not in {TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED}:
        raise InvalidState(f"a task instance can be set to success, failed or skipped, not to {state!r}")
    now = timezone.now()
    moved: list[int] = []
    runs = DagRun.objects.filter(task_instances__in=pks).distinct()
    for run in runs:
        with transaction.atomic():
            locked = run_row(run.pk, lock=True, wait=True)
            rows = list(TaskInstance.objects.filter(pk__in=pks, run=run))
            moved += transitions.set_by_user(
                rows, TaskState(state), actor=f"user:{actor_of(user)}", reason=f"marked {state}", at=now
            )
            audit(user, "patch_task_instance", run=run, state=state, task_ids=[row.task_id for row in rows])
            if locked is not None:
                invite(advance.settle_whole(locked, now).ready)
    return moved


def set_run_state(run_pk: int, state: str, *, user: Any) -> None:
    """End a run as success or failed (what has not started is skipped), or queue it again."""
    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    if state not in set(RunState) - {RunState.RUNNING}:
        raise InvalidState(f"a run can be set to queued, success or failed, not to {state!r}")
    now, actor = timezone.now(), f"user:{actor_of(user)}"
    with transaction.atomic():
        run_row(run_pk, lock=True, wait=True)
        if state in RUN_FINISHED:
            open_rows = list(TaskInstance.objects.filter(run=run).exclude(state__in=_FINISHED))
            running = [row for row in open_rows if row.state in {TaskState.RUNNING, TaskState.DEFERRED}]
            end = TaskState.SUCCESS if state == RunState.SUCCESS else TaskState.FAILED
            transitions.set_by_user(running, end, actor=actor, reason=f"run marked {state}", at=now)
            waiting = [row for row in open_rows if row not in running]
            transitions.set_by_user(waiting, TaskState.SKIPPED, actor=actor, reason=f"run marked {state}", at=now)
        transitions.move_run(run_pk, RunState(state), actor=actor, reason=f"marked {state}", at=now, reopen=True)
        audit(user, "patch_dag_run", run=run, state=state)
        notify.run_changed(run_pk, run.dag_id)


_FINISHED = (TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED, TaskState.REMOVED)


def delete_run(run_pk: int, *, user: Any) -> None:
    """Delete a run with all that belongs to it; its audit entries stay."""
    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    with transaction.atomic():
        audit(user, "delete_dag_run", run=run)
        run.delete()
        notify.dag_changed(run.dag_id)
