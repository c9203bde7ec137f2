"""What stands around the runs: answers and questions, asset events, backfills, deadlines, notes, pools and variables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dags_app import secrets
from dags_app.models import Asset, Pool
from dags_app.versions import load_spec
from orchestrator.core.deadlines import alerts_of
from orchestrator.core.states import RunState, TaskState
from orchestrator.logs.store import key_for
from runs_app import logs
from runs_app.models import (
    AssetEvent,
    Attempt,
    Backfill,
    BackfillDagRun,
    Callback,
    DagRun,
    Deadline,
    HITLDetail,
    RenderedFields,
    TaskInstance,
    XCom,
)

from .history import Told

NOTES = (
    "Restarted by hand: the supplier sent the file twice.",
    "Slow because of the **migration**, see the channel.",
    "Known: the API answers 503 on Sundays.",
    "Checked, the figures are right.",
)
ASKERS = {
    "approve": ("Sign the contract with Northwind?", ["Approve", "Reject"], {}),
    "choose_archive": ("Which archive?", ["cold", "warm", "none"], {}),
    "enter_amount": (
        "What is the amount?",
        ["OK"],
        {"amount": {"value": 1000, "description": None, "schema": {"type": "integer", "minimum": 1}}},
    ),
}


def shared(now: datetime) -> None:
    """Pools, variables and connections."""
    for name, slots, text in (
        ("default_pool", 128, ""),
        ("warehouse", 8, "the database takes no more"),
        ("gpu", 2, ""),
    ):
        Pool.objects.get_or_create(name=name, defaults={"slots": slots, "description": text})
    for key, value in (("currency", "EUR"), ("shops", '["berlin", "oslo"]'), ("api_token", "not-a-real-token")):
        secrets.set_variable(key, value, f"Used by the DAGs of {now:%Y}")
    secrets.set_connection("warehouse", {"conn_type": "postgres", "host": "warehouse.example.org", "login": "loader"})
    secrets.set_connection("chat", {"conn_type": "slackwebhook", "host": "https://chat.example.org"})


def questions(told: Iterable[Told], keys: Mapping[int, Mapping[tuple[str, int], int]]) -> int:
    """What the tasks of these runs asked, answered where they went on."""
    made = []
    for run in told:
        for task_id, instances in (run.story.instances if run.story else {}).items():
            if task_id not in ASKERS or not instances[0].tries:
                continue
            subject, options, params = ASKERS[task_id]
            waits = instances[0].state == TaskState.AWAITING_INPUT
            asked = {"subject": subject, "options": options, "params": params, "body": "Please have a look."}
            answer: dict[str, Any] = {}
            if not waits:
                answer = {"responded_at": instances[0].tries[-1].started, "responded_by_user_id": "ada"}
                answer |= {"responded_by_user_name": "ada", "chosen_options": options[:1], "delivered": True}
            pk = keys[run.pk][task_id, -1]
            began = instances[0].tries[0].started
            made.append(HITLDetail(task_instance_id=pk, try_number=1, token=1, created_at=began, **asked, **answer))
    HITLDetail.objects.bulk_create(made)
    return len(made)


def asset_events(runs: Iterable[DagRun]) -> list[AssetEvent]:
    """An event of each outlet of each task that succeeded in these runs, oldest first."""
    known = {asset.name: asset.pk for asset in Asset.objects.all()}
    by_pk = {run.pk: run for run in runs}
    done = TaskInstance.objects.filter(run__in=by_pk, state=TaskState.SUCCESS).order_by("ended_at", "pk")
    made = []
    for each in done:
        run = by_pk[each.run_id]
        for outlet in load_spec(run.version_id).tasks[each.task_id].outlets:
            source = {"source_dag_id": run.dag_id, "source_task_id": each.task_id, "source_run_id": run.run_id}
            asset_pk = known[outlet["asset"]["name"]]
            made.append(
                AssetEvent(asset_id=asset_pk, timestamp=each.ended_at, extra={"rows": 4211 + run.pk % 97}, **source)
            )
    return list(AssetEvent.objects.bulk_create(made))


def told_of(told: Sequence[Told], events: Sequence[AssetEvent]) -> None:
    """Link each run that assets caused to the events since the one before."""
    link = AssetEvent.runs.through
    made, at = [], 0
    ordered = sorted(events, key=lambda each: each.timestamp)
    for run in sorted(told, key=lambda each: each.run_after):
        while at < len(ordered) and ordered[at].timestamp <= run.run_after:
            made.append(link(assetevent_id=ordered[at].pk, dagrun_id=run.pk))
            at += 1
    link.objects.bulk_create(made)


def backfill_of(dag_id: str, dates: Sequence[datetime], now: datetime, *, user: str) -> Backfill:
    """A backfill that is over; its runs are written with it."""
    over = {"created_at": dates[-1] + timedelta(hours=5), "updated_at": now, "completed_at": now - timedelta(hours=1)}
    return Backfill.objects.create(
        dag_id=dag_id, from_date=dates[0], to_date=dates[-1], max_active_runs=3, triggering_user_name=user, **over
    )


def entries(backfill: Backfill, told: Sequence[Told]) -> None:
    BackfillDagRun.objects.bulk_create(
        BackfillDagRun(
            backfill=backfill,
            ordinal=number,
            logical_date=run.logical_date,
            interval_start=run.logical_date,
            interval_end=run.logical_date,
            run_after=run.run_after,
            settled=True,
            dag_run_id=run.pk,
        )
        for number, run in enumerate(told, 1)
    )


def deadlines(told: Iterable[Told], now: datetime) -> None:
    """Runs that failed, or took too long, have missed theirs; who was told of it once, was."""
    missed = []
    for run in told:
        if run.story is None or run.story.state != RunState.FAILED:
            continue
        alert = next(iter(alerts_of(load_spec(run.version_pk)).values()))
        at = run.run_after + timedelta(seconds=float(alert.document["interval"]))
        times = {"deadline_time": at, "created_at": run.run_after, "missed": True}
        missed.append(Deadline(run_id=run.pk, key=alert.key, name=alert.name, **times))
    made = Deadline.objects.bulk_create(missed)
    Callback.objects.bulk_create(
        Callback(run_id=each.run_id, deadline=each, kind="deadline", on_triggerer=True, done_at=now, outcome="called")
        for each in made
    )


def note(told: Sequence[Told], random: Random) -> None:
    """Give some of the runs a note."""
    for run in told:
        if run.story is not None and random.random() < (0.5 if run.story.state == RunState.FAILED else 0.02):
            run.note = random.choice(NOTES)


def values_of(run_pk: int, limit: int = 200) -> None:
    """XComs, rendered fields and short logs of a run's tasks."""
    instances = list(TaskInstance.objects.filter(run_id=run_pk, token__gt=0).order_by("pk")[:limit])
    XCom.objects.bulk_create(
        XCom(
            **{"task_instance": each, "run_id": run_pk, "dag_id": each.dag_id, "task_id": each.task_id},
            **{"map_index": each.map_index, "key": "return_value", "value": {"rows": 4211 + each.pk % 97}, "length": 1},
        )
        for each in instances
        if each.state == TaskState.SUCCESS
    )
    RenderedFields.objects.bulk_create(
        RenderedFields(task_instance=each, fields={"op_args": [each.task_id], "op_kwargs": {}}) for each in instances
    )
    tries = Attempt.objects.filter(task_instance__in=[each.pk for each in instances]).select_related("task_instance")
    for each in tries:
        _log(each)


def _log(attempt: Attempt) -> None:
    instance = attempt.task_instance
    said = [("info", f"loading {instance.task_id}", "task.stdout"), ("info", "4211 rows", "task.stdout")]
    if attempt.outcome in {"failed", "up_for_retry"}:
        said += [("warning", "the warehouse does not answer, trying once more", "task.stdout")]
        said += [("error", attempt.reason, "orchestrator")]
    lines = b"".join(
        json.dumps(
            {"timestamp": attempt.started_at.isoformat(), "level": level, "event": text, "logger": logger}
        ).encode()
        + b"\n"
        for level, text, logger in said
    )
    key = key_for(instance.run_id, instance.pk, attempt.token)
    logs.store().delete(key)  # of a namesake in a database that was here before
    logs.store().append(key, lines)


def long_log(run: DagRun, size: int) -> None:
    """Write the log of a run's only attempt: ``size`` bytes, with errors and groups here and there."""
    attempt = Attempt.objects.get(task_instance__run=run)
    store, key = logs.store(), key_for(run.pk, attempt.task_instance_id, attempt.token)
    store.delete(key)
    written, row, step = 0, 0, timedelta(milliseconds=7)
    while written < size:
        lines = []
        for _ in range(20_000):
            at = (attempt.started_at + step * row).isoformat(timespec="microseconds")
            level, text = (
                "info",
                f"row {row} written: account {row * 7919 % 100_003}, amount {row * 31 % 9973}.{row % 100:02}",
            )
            if row % 100_003 == 99_999:
                level, text = "error", f"row {row} refused: account {row * 7919 % 100_003} is closed"
            elif row % 5000 == 0:
                text = f"::group::Batch {row // 5000}"
            elif row % 5000 == 4999:
                text = "::endgroup::"
            lines.append(f'{{"timestamp": "{at}", "level": "{level}", "event": "{text}", "logger": "task.stdout"}}\n')
            row += 1
        data = "".join(lines).encode()[: size - written]
        data = data[: data.rfind(b"\n") + 1] or lines[0].encode()
        written += len(data)
        store.append(key, data)
        if len(data) < sum(map(len, lines)):
            return
