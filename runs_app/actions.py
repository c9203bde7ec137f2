"""What people may ask for. Pages, API, admin and commands call only these; each writes an audit entry."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from dags_app import asset_sync, schedule
from dags_app.models import AuditEntry, Dag
from dags_app.versions import load_spec
from orchestrator import wake
from orchestrator.core import timetables
from orchestrator.core.clear import around
from orchestrator.core.deadlines import alerts_of
from orchestrator.core.params import ParamError, merged
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import (
    FAILED_STATES,
    RUN_FINISHED,
    RUN_UNFINISHED,
    UNFINISHED,
    RunState,
    RunType,
    TaskState,
)
from orchestrator.logs.mask import mask_fields

from . import advance, callbacks, choice, create, dates, group_retries, notify, transitions, upgrade
from .create import Partition
from .deadlines import queued_again
from .exceptions import (
    DagBusy,
    DagHasImportErrors,
    DagNotFound,
    DagRunNotFound,
    InvalidConf,
    InvalidPartitionKey,
    InvalidRunId,
    InvalidState,
    RunTypeNotAllowed,
)
from .locking import insert, turn
from .models import DagRun, TaskInstance
from .undo.keeping import made, noted, of_switch
from .undo.run_part import of_run
from .view import run_row

UNSET: Any = object()


def audit(user: Any, event: str, *, run: DagRun | None = None, dag_id: str | None = None, **extra: Any) -> None:
    """Write down who did what, in the caller's transaction."""
    entry = AuditEntry(
        user=user if getattr(user, "pk", None) else None,
        actor=actor_of(user),
        how=how_of(user),
        event=event,
        dag_id=run.dag_id if run else dag_id,
        run_id=run.run_id if run else None,
        extra=mask_fields(extra),
    )
    insert(entry)


def actor_of(user: Any) -> str:
    return user.get_username() if getattr(user, "pk", None) else "command line"


def how_of(user: Any) -> str:
    """By what somebody acts: who signs a request in says it on the user, where it is no page."""
    return str(getattr(user, "acts_by", "page" if getattr(user, "pk", None) else "command"))[:120]


def trigger_dag(dag_id: str, **asked: Any) -> DagRun:
    """Make a run as :func:`make_run` does, and return it as it is now."""
    dag = Dag.objects.only("is_stale", "version_id", "planned_ahead").filter(pk=dag_id).first()
    run = make_run(dag, dag_id, **asked)
    run.refresh_from_db()
    return run


def make_run(
    dag: Dag | None,
    dag_id: str,
    *,
    conf: dict[str, Any] | None = None,
    run_id: str | None = None,
    logical_date: Any = UNSET,
    run_after: datetime | None = None,
    interval: tuple[datetime, datetime] | None = None,
    note: str | None = None,
    partition_key: str | None = None,
    triggered_by: str = "ui",
    run_type: RunType = RunType.MANUAL,
    user: Any = None,
) -> DagRun:
    """Make a run of a DAG and start it if it may start now; return it as it was made, which is before it was started.

    ``dag`` is its row, where there is one.

    Raises:
        DagNotFound, DagHasImportErrors, RunTypeNotAllowed, InvalidRunId, InvalidConf, InvalidPartitionKey,
        DagRunAlreadyExists:
            nothing was changed.
    """
    now = timezone.now()
    if dag is None:
        raise DagNotFound(dag_id)
    if dag.version_id is None or dag.is_stale:
        raise DagHasImportErrors(dag_id, "its file is gone or never parsed; save the file again")
    if run_id and (len(run_id) > 250 or run_id == "~" or not re.fullmatch(create.RUN_ID, run_id)):
        raise InvalidRunId(run_id)
    if run_type == RunType.MANUAL and (kind := _reserved_for(run_id or "")):
        raise InvalidRunId(
            run_id or "", f"A manual DAG run cannot use ID {run_id!r} since it is reserved for {kind} runs"
        )
    spec = load_spec(dag.version_id)
    if not spec.allows(run_type):
        raise RunTypeNotAllowed(dag_id, run_type)
    try:
        merged(spec.params, conf)
    except ParamError as error:
        raise InvalidConf(str(error)) from error
    date = now if logical_date is UNSET else logical_date
    after = run_after or date or now
    if interval is None:
        chosen = logical_date is not UNSET and date is not None
        infer = partial(schedule.manual_interval, dag, spec)
        interval = dates.manual_interval(spec, run_type, date, after, chosen=chosen, infer=infer)
    with turn(dag_id), transaction.atomic():
        run = create.create_run(
            dag=dag,
            version_pk=dag.version_id,
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
            partition=partition_of(dag, spec, partition_key),
        )
        made(run)
        audit(user, "trigger_dag_run", run=run, conf=conf or {})
        started, more = advance.start_oldest(dag_id, now, run)
    advance.tell(started.ready)
    if more:
        advance.tell(advance.start_queued(dag_id, now))
    if after > now:
        wake.due(after)
    return run


def _reserved_for(run_id: str) -> RunType | None:
    """Return the other type of runs whose ids begin so: by an id like that a schedule would find its run made."""
    others = (each for each in RunType if each != RunType.MANUAL)
    return next((each for each in others if run_id.startswith(f"{each}__")), None)


def partition_of(dag: Dag, spec: DagSpec, key: str | None) -> Partition:
    """Return the key of a run that somebody asks for, with its date.

    Raises:
        InvalidPartitionKey: the DAG has no partitions, or none of this key.
    """
    if key is None:
        return None, None
    timetable = timetables.from_json(dict(spec.timetable))
    if not getattr(timetable, "takes_keys", False):
        raise InvalidPartitionKey(f"Dag '{dag.pk}' is not a partitioned Dag and does not accept a partition_key.")
    try:
        return key, timetable.partition_date(key)  # type: ignore[attr-defined]
    except ValueError as error:
        raise InvalidPartitionKey(f"Partition key {key!r} is not one of Dag '{dag.pk}': {error}") from error


def pause(dag_id: str, paused: bool, *, freeze: bool = False, user: Any) -> None:
    """Pause a DAG (no runs start, those under way finish) or let it go on.

    ``freeze``: runs under way start no more tasks, either; what runs goes on.
    """
    frozen = paused and freeze
    if not Dag.objects.filter(pk=dag_id).exists():
        raise DagNotFound(dag_id)
    with transaction.atomic(), of_switch(dag_id):
        Dag.objects.filter(pk=dag_id).update(is_paused=paused, is_frozen=frozen)
        if not paused:
            schedule.replan(Dag.objects.get(pk=dag_id), timezone.now())  # what went by meanwhile is not due
        audit(user, "patch_dag", dag_id=dag_id, is_paused=paused, **({"is_frozen": True} if frozen else {}))
        notify.dag_changed(dag_id)
    if not paused:
        advance.tell(advance.start_queued(dag_id, timezone.now()))
        wake.control()
    if not frozen:
        ready = TaskInstance.objects.filter(dag_id=dag_id, state=TaskState.SCHEDULED)
        advance.tell(Counter(dict(ready.values_list("queue").annotate(count=Count("pk")))))


def clear(
    run_pk: int,
    *,
    task_ids: list[str] | None = None,
    downstream: bool = False,
    upstream: bool = False,
    only_failed: bool = False,
    map_index: int | None = None,
    chosen: list[TaskInstance] | None = None,
    reopen: bool = True,
    latest: bool = False,
    dry_run: bool = False,
    user: Any = None,
) -> list[TaskInstance]:
    """Open task instances of a run again, and the run with them; return those that are (or would be) cleared.

    ``chosen`` says which they are where the other choices are not fine enough; without ``reopen`` a finished
    run stays so. ``latest`` moves the run to its DAG's latest version, and runs its new tasks, too.
    """
    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    found = chosen
    if found is None:
        found = affected(
            run,
            task_ids=task_ids,
            downstream=downstream,
            upstream=upstream,
            only_failed=only_failed,
            map_index=map_index,
            setups=True,
        )
    if dry_run or not (found or latest):
        return found
    now, actor = timezone.now(), f"user:{actor_of(user)}"
    with transaction.atomic(), of_run(run, found, verb="clear", event="clear_task_instances", latest=latest):
        run_row(run_pk, lock=True, wait=True)
        if latest:
            upgrade.to_latest(run, actor=actor, now=now)
        ready = open_again(run, found, actor=actor, reason="cleared", now=now, reopen=reopen)
        audit(user, "clear_task_instances", run=run, task_ids=sorted({row.task_id for row in found}))
    advance.tell(ready + advance.start_queued(run.dag_id, now))
    wake.control()
    return found


def open_again(
    run: DagRun, rows: list[TaskInstance], *, actor: str, reason: str, now: datetime, reopen: bool = True
) -> Counter[str]:
    """Reset task instances of a run whose lock the caller holds; return what is ready at once.

    A finished run is queued again, one that is under way goes on from where it is.
    """
    spec = load_spec(run.version_id)
    kept = [row for row in rows if row.task_id in spec.tasks]  # others have no code to run any more
    tries = {row.pk: row.try_number + spec.tasks[row.task_id].retries for row in kept}
    transitions.reset(kept, actor=actor, reason=reason, at=now, max_tries=tries, version_pk=None)
    group_retries.forget(run.pk, spec, kept)
    transitions.ask_to_cancel(run.pk, None)  # who has a task run again wants the run to go on
    held = run_row(run.pk, lock=False)
    if held is None:
        return Counter()
    notify.run_changed(run.pk, run.dag_id)
    if held["state"] in RUN_FINISHED and reopen:
        transitions.move_run(run.pk, RunState.QUEUED, actor=actor, reason=reason, at=now, reopen=True)
        if alerts_of(spec):
            queued_again(run, spec, now)
    return advance.settle_whole(held, now).ready if held["state"] == RunState.RUNNING else Counter()


def affected(
    run: DagRun,
    *,
    task_ids: list[str] | None = None,
    downstream: bool = False,
    upstream: bool = False,
    only_failed: bool = False,
    map_index: int | None = None,
    setups: bool = False,
) -> list[TaskInstance]:
    """Return the task instances that a choice of tasks touches; nothing is changed.

    ``task_ids`` None = all of the run; ``map_index`` narrows the named tasks to one instance each. ``setups``: as for a
    clear, with what sets up and tears down for them, and of a mapped group what stands beside.
    """
    spec = load_spec(run.version_id)
    reach = {"upstream": upstream, "downstream": downstream}
    if setups or task_ids is None:
        named = task_ids if task_ids is None or map_index is None else [(task_id, map_index) for task_id in task_ids]
        found = choice.to_clear(run, spec, named, **reach)
    else:
        found = choice.to_mark(spec, task_ids, map_index, **reach)
    rows = found.of([run])
    return list(rows.filter(state__in=sorted(FAILED_STATES)) if only_failed else rows)


def set_note(run_pk: int, note: str, *, user: Any) -> None:
    """Write a note on a run; an empty one takes it away."""
    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    with transaction.atomic():
        noted(run, None, run.note, note)
        DagRun.objects.filter(pk=run_pk).update(note=note or None, updated_at=timezone.now())
        audit(user, "patch_dag_run", run=run, note=note)
        notify.run_changed(run_pk, run.dag_id)


def set_task_note(pks: list[int], note: str | None, *, user: Any) -> None:
    """Write a note on task instances; an empty one takes it away."""
    rows = list(TaskInstance.objects.filter(pk__in=pks).select_related("run"))
    with transaction.atomic():
        for row in rows:
            noted(row.run, row.pk, row.note, note)
        TaskInstance.objects.filter(pk__in=pks).update(note=note or None, updated_at=timezone.now())
        for run in {row.run for row in rows}:
            audit(user, "patch_task_instance", run=run, note=note, task_ids=_task_ids(rows, run))
            notify.run_changed(run.pk, run.dag_id)


def _task_ids(rows: list[TaskInstance], run: DagRun) -> list[str]:
    return sorted({row.task_id for row in rows if row.run_id == run.pk})


def mark(
    run: DagRun,
    runs: list[DagRun],
    task_ids: Collection[str],
    state: str,
    *,
    map_index: int | None = None,
    upstream: bool = False,
    downstream: bool = False,
    user: Any = None,
) -> list[int]:
    """Set tasks, or one instance of each, to a state in all of ``runs``; return the task instances that changed.

    Where all of them are in the state already, nothing below is opened again either.
    """
    pks = would_mark(run, runs, task_ids, state, map_index=map_index, upstream=upstream, downstream=downstream)
    return set_task_state(pks, state, named=task_ids, runs=runs, user=user) if pks else []


def would_mark(
    run: DagRun,
    runs: list[DagRun],
    task_ids: Collection[str],
    state: str,
    *,
    map_index: int | None = None,
    upstream: bool = False,
    downstream: bool = False,
) -> list[int]:
    """Return the task instances that :func:`mark` would change."""
    found = choice.to_mark(load_spec(run.version_id), task_ids, map_index, upstream=upstream, downstream=downstream)
    return list(found.of(runs).exclude(state=state).values_list("pk", flat=True))


def set_task_state(
    pks: list[int],
    state: str,
    *,
    named: Collection[str] | None = None,
    runs: Iterable[DagRun] | None = None,
    user: Any = None,
) -> list[int]:
    """Set task instances to success, failed or skipped; what runs is stopped. Return those that changed.

    What failed below the tasks that were ``named`` (default: all), in these runs and in ``runs``, is opened again, since
    its reason may be gone.
    """
    if state not in {TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED}:
        raise InvalidState(f"a task instance can be set to success, failed or skipped, not to {state!r}")
    now, actor = timezone.now(), f"user:{actor_of(user)}"
    moved: list[int] = []
    touched = DagRun.objects.filter(task_instances__in=pks).distinct().order_by("pk") if runs is None else runs
    for run in touched:
        rows = list(TaskInstance.objects.filter(pk__in=pks, run=run))
        with transaction.atomic(), of_run(run, rows, verb="mark", event="patch_task_instance"):
            locked = run_row(run.pk, lock=True, wait=True)
            marked = transitions.set_by_user(rows, TaskState(state), actor=actor, reason=f"marked {state}", at=now)
            moved += marked
            callbacks.tell_of_task_marks(run, marked, state, load_spec(run.version_id))
            audit(user, "patch_task_instance", run=run, state=state, task_ids=[row.task_id for row in rows])
            roots = {row.task_id for row in rows} if named is None else set(named)
            below = around(load_spec(run.version_id), roots, upstream=False, downstream=True) - roots
            failed = TaskInstance.objects.filter(run=run, task_id__in=below)
            stale = list(failed.filter(state__in=[TaskState.FAILED, TaskState.UPSTREAM_FAILED]))
            ready: Counter[str] = Counter()
            if stale:
                ready = open_again(run, stale, actor=actor, reason="what it needs was marked", now=now)
            elif locked is not None:
                ready = advance.settle_whole(locked, now).ready
        advance.tell(ready + (advance.start_queued(run.dag_id, now) if stale else Counter()))
    return moved


def set_run_state(run_pk: int, state: str, *, user: Any) -> None:
    """End a run as success or failed, or queue it again.

    What runs ends in that state, what has not started is skipped; what has ended stays as it is. Teardowns that
    have yet to run are left to run, and the run ends with them.
    """
    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    if state not in {RunState.QUEUED, RunState.SUCCESS, RunState.FAILED}:
        raise InvalidState(f"a run can be set to queued, success or failed, not to {state!r}")
    now, actor = timezone.now(), f"user:{actor_of(user)}"
    ready: Counter[str] = Counter()
    with transaction.atomic(), of_run(run, None, verb="mark", event="patch_dag_run"):
        run_row(run_pk, lock=True, wait=True)
        teardowns = _mark_all(run, RunState(state), actor, now) if state in RUN_FINISHED else False
        reason = f"marked {state}"
        if not teardowns and transitions.move_run(
            run_pk, RunState(state), actor=actor, reason=reason, at=now, reopen=True
        ):
            callbacks.tell_of_mark(run, state, load_spec(run.version_id))
        held = run_row(run_pk, lock=False)
        if held is not None:
            ready = advance.settle_whole(held, now).ready
        advance.ended(run.dag_id, now)
        audit(user, "patch_dag_run", run=run, state=state)
        notify.run_changed(run_pk, run.dag_id)
    if state == RunState.QUEUED:
        ready += advance.start_queued(run.dag_id, now)
    advance.tell(ready)


def _mark_all(run: DagRun, state: RunState, actor: str, now: datetime) -> bool:
    """End the task instances of a run that is marked; return whether a teardown has yet to run."""
    spec = load_spec(run.version_id)
    teardowns = {task_id for task_id, task in spec.tasks.items() if task.is_teardown}
    rows = list(TaskInstance.objects.filter(run=run, state__in=UNFINISHED))
    reason = f"run marked {state}"
    end = TaskState.SUCCESS if state == RunState.SUCCESS else TaskState.FAILED
    started = [row for row in rows if row.state in _STARTED and row.task_id not in teardowns]
    transitions.set_by_user(started, end, actor=actor, reason=reason, at=now)
    waiting = [row for row in rows if row.state not in _STARTED and row.task_id not in teardowns]
    transitions.set_by_user(waiting, TaskState.SKIPPED, actor=actor, reason=reason, at=now)
    return any(row.task_id in teardowns for row in rows)


_STARTED = {TaskState.RUNNING, TaskState.DEFERRED, TaskState.AWAITING_INPUT, TaskState.UP_FOR_RESCHEDULE}


def delete_run(run_pk: int, *, user: Any) -> None:
    """Delete a run with all that belongs to it; its audit entries stay.

    Raises:
        DagRunNotFound, InvalidState: it is under way; nothing was changed.
    """
    run = DagRun.objects.filter(pk=run_pk).first()
    if run is None:
        raise DagRunNotFound(run_pk)
    with transaction.atomic():
        held = run_row(run_pk, lock=True, wait=True)
        if held is not None and held["state"] == RunState.RUNNING:
            raise InvalidState(
                f"The DagRun with dag_id: `{run.dag_id}` and run_id: `{run.run_id}` cannot be deleted in running state: "
                "end it first"
            )
        remove_run(run, user=user)


def remove_run(run: DagRun, *, user: Any, **extra: Any) -> None:
    """Delete a run, whose lock the caller holds, in the caller's transaction."""
    audit(user, "delete_dag_run", run=run, **extra)
    run.delete()
    notify.dag_changed(run.dag_id)
    advance.ended(run.dag_id, timezone.now())


def delete_dag(dag_id: str, *, user: Any) -> None:
    """Delete a DAG with its versions and runs; it comes back without them when its file is parsed again.

    Raises:
        DagNotFound, DagBusy: nothing was changed.
    """
    with transaction.atomic():
        if not Dag.objects.filter(pk=dag_id).exists():
            raise DagNotFound(dag_id)
        if DagRun.objects.filter(dag_id=dag_id, state__in=RUN_UNFINISHED).exists():
            raise DagBusy(dag_id)
        audit(user, "delete_dag", dag_id=dag_id)
        DagRun.objects.filter(dag_id=dag_id).delete()
        asset_sync.retire([dag_id], gone=True)
        Dag.objects.filter(pk=dag_id).delete()
        notify.dag_changed(dag_id)
