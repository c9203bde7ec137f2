"""Runs with their task instances, attempts and events, as the engine would have written them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from orchestrator.core.states import FINISHED, RunState, RunType, TaskState
from runs_app.create import run_id_for
from runs_app.locking import is_postgresql, write
from runs_app.models import Attempt, DagRun, TaskInstance

from .rows import as_json, load, next_pk
from .story import Instance, Story

MANY = 10_000
HOSTS = ("worker-1", "worker-2", "worker-3")
RUN = (
    *("id", "dag_id", "run_id", "version_id", "state", "run_type", "logical_date", "data_interval_start"),
    *("data_interval_end", "run_after", "queued_at", "started_at", "ended_at", "conf", "note", "triggered_by"),
    *("triggering_user_name", "backfill_id", "updated_at"),
)
INSTANCE = (
    *("id", "run_id", "dag_id", "task_id", "map_index", "state", "try_number", "max_tries", "token", "not_before"),
    *("queue", "pool", "pool_slots", "priority_weight", "operator", "operator_name", "scheduled_at", "started_at"),
    *("ended_at", "hostname", "pid", "version_id", "skip_note", "rendered_map_index", "first_started_at", "updated_at"),
)
ATTEMPT = (
    *("task_instance_id", "token", "try_number", "generation", "version_id", "hostname", "pid", "started_at"),
    *("ended_at", "outcome", "reason", "cpu_seconds", "peak_bytes"),
)


@dataclass(slots=True)
class Told:
    """A run to be written: its row's values, and what became of it."""

    dag_id: str
    version_pk: int
    run_type: RunType
    run_after: datetime
    logical_date: datetime | None
    story: Story | None  # None: it waits
    note: str | None = None
    user: str | None = None
    backfill_pk: int | None = None
    pk: int = 0
    run_id: str = ""
    conf: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Writer:
    """Writes runs, and counts what it wrote."""

    random: Random
    now: datetime
    run_pk: int = 0
    instance_pk: int = 0
    counts: dict[str, int] = field(default_factory=lambda: {"runs": 0, "task instances": 0, "attempts": 0, "events": 0})

    def __post_init__(self) -> None:
        self.run_pk, self.instance_pk = next_pk(DagRun), next_pk(TaskInstance)

    def write(self, told: Sequence[Told]) -> dict[int, dict[tuple[str, int], int]]:
        """Insert runs (oldest first) with everything below them; return run -> (task id, map index) -> key."""
        first = self.run_pk
        for each in told:
            each.pk, self.run_pk = self.run_pk, self.run_pk + 1
            each.run_id = each.run_id or self._run_id(each)
        load(DagRun, RUN, map(self._run, told))
        instances: list[tuple[Any, ...]] = []
        attempts: list[tuple[Any, ...]] = []
        keys: dict[int, dict[tuple[str, int], int]] = {}
        for each in told:
            keys[each.pk] = {}
            for instance in self._instances(each):
                pk, self.instance_pk = self.instance_pk, self.instance_pk + 1
                keys[each.pk][instance.task.task_id, instance.map_index] = pk
                instances.append(self._instance(pk, each, instance))
                attempts.extend(self._attempts(pk, each, instance))
        load(TaskInstance, INSTANCE, instances)
        load(Attempt, ATTEMPT, attempts)
        if len(instances) > MANY and is_postgresql():
            # Nobody else can count rows before they are committed; without, it joins them each with each.
            write("ANALYZE runs_app_dagrun, runs_app_taskinstance, runs_app_attempt")
        self._events(first)
        for name, count in (("runs", len(told)), ("task instances", len(instances)), ("attempts", len(attempts))):
            self.counts[name] += count
        return keys

    def _run_id(self, run: Told) -> str:
        if run.logical_date is not None:
            return run_id_for(run.run_type, run.run_after, run.logical_date)
        return f"{run.run_type}__{run.run_after.isoformat()}_{self.random.getrandbits(32):08x}"

    def _run(self, run: Told) -> tuple[Any, ...]:
        state, started, ended = RunState.QUEUED, None, None
        if run.story is not None:
            state, ended = run.story.state, run.story.ended
            started = run.run_after + timedelta(milliseconds=120)
        by = {"manual": "ui", "backfill": "backfill", "asset_triggered": "asset"}.get(run.run_type, "timetable")
        return (
            *(run.pk, run.dag_id, run.run_id, run.version_pk, str(state), str(run.run_type), run.logical_date),
            *(run.logical_date, run.logical_date, run.run_after, run.run_after, started, ended, json.dumps(run.conf)),
            *(run.note, by, run.user, run.backfill_pk, ended or self.now),
        )

    def _instances(self, run: Told) -> Iterator[Instance]:
        if run.story is not None:
            for each in run.story.instances.values():
                yield from each

    def _instance(self, pk: int, run: Told, made: Instance) -> tuple[Any, ...]:
        task, last = made.task, made.tries[-1] if made.tries else None
        began = last.started if last else made.ended if made.state == TaskState.SUCCESS else None
        tries = made.begun or int(made.state in {TaskState.SUCCESS, TaskState.SCHEDULED})
        label = f"{task.task_id.rpartition('.')[2]} {made.map_index}" if task.map_index_template and last else None
        return (
            *(pk, run.pk, run.dag_id, task.task_id, made.map_index, str(made.state), tries, task.retries),
            *(len(made.tries), made.not_before, task.queue, task.pool, task.pool_slots, task.effective_weight),
            *(task.operator, task.operator_name, made.scheduled, began, made.ended if made.state in FINISHED else None),
            *(self._host(pk) if last else "", 4000 + pk % 9000 if last else None, run.version_pk),
            as_json({"followed": made.followed} if made.followed else None),
            *(label if made.map_index >= 0 else None, began, made.ended or self.now),
        )

    def _host(self, pk: int) -> str:
        return HOSTS[pk % len(HOSTS)]

    def _attempts(self, pk: int, run: Told, made: Instance) -> Iterator[tuple[Any, ...]]:
        number = 1
        for token, each in enumerate(made.tries, 1):
            bad = each.outcome in {"failed", "up_for_retry"}
            reason = "ConnectionError: the warehouse does not answer" if bad else ""
            seconds = (each.ended - each.started).total_seconds() if each.ended else None
            usage = (round(seconds * 0.4, 3), 60_000_000 + pk * 7919 % 400_000_000) if seconds else (None, None)
            yield (
                *(pk, token, number, 1, run.version_pk, self._host(pk), 4000 + pk % 9000),
                *(each.started, each.ended, each.outcome, reason, *usage),
            )
            number += each.outcome == "up_for_retry"

    def _events(self, first_run: int) -> None:
        """The events of everything since ``first_run``, in the order of their times."""
        self.counts["events"] += write(EVENTS, [first_run] * EVENTS.count("%s"))


def _part(columns: str, source: str, *, step: int) -> str:
    return f"SELECT {columns}, {step} AS step FROM {source}"


_OF_TRY = "t.run_id AS run_id, t.id AS ti"
_TRIES = "runs_app_attempt a JOIN runs_app_taskinstance t ON t.id = a.task_instance_id AND t.run_id >= %s"
_RUNS = "runs_app_dagrun r WHERE r.id >= %s"
_OF_RUN = "r.id AS run_id, CAST(NULL AS bigint) AS ti"
EVENTS = (
    "INSERT INTO runs_app_stateevent (run_id, task_instance_id, generation, old, new, token, actor, reason, at) "
    "SELECT run_id, ti, 1, old, new, token, actor, reason, at FROM ("
    + " UNION ALL ".join(
        (
            _part(f"{_OF_RUN}, '' AS old, 'queued' AS new, 0 AS token, r.triggered_by AS actor, 'created' AS reason, "
                  "r.queued_at AS at", _RUNS, step=-2),
            _part(f"{_OF_RUN}, 'queued', 'running', 0, 'engine', '', r.started_at",
                  f"{_RUNS} AND r.started_at IS NOT NULL", step=-1),
            _part(f"{_OF_RUN}, 'running', r.state, 0, 'engine', '', r.ended_at",
                  f"{_RUNS} AND r.ended_at IS NOT NULL", step=9),
            # What never had an attempt: left out, failed above, decided in the engine, or ready.
            _part(f"{_OF_TRY}, 'none', t.state, 0, 'engine', '', COALESCE(t.ended_at, t.scheduled_at)",
                  "runs_app_taskinstance t WHERE t.run_id >= %s AND t.token = 0 AND t.state <> 'none'", step=0),
            _part(f"{_OF_TRY}, COALESCE(b.outcome, 'none'), 'scheduled', a.token - 1, 'engine', '', CASE WHEN "
                  "a.token = t.token THEN COALESCE(t.scheduled_at, a.started_at) ELSE a.started_at END",
                  f"{_TRIES} LEFT JOIN runs_app_attempt b ON b.task_instance_id = t.id AND b.token = a.token - 1", step=1),
            _part(f"{_OF_TRY}, 'scheduled', 'running', a.token, 'worker', 'claimed by ' || a.hostname || ':' || a.pid, "
                  "a.started_at", _TRIES, step=2),
            _part(f"{_OF_TRY}, 'running', a.outcome, a.token, 'worker', a.reason, a.ended_at",
                  f"{_TRIES} WHERE a.outcome IS NOT NULL", step=3),
            _part(f"{_OF_TRY}, 'up_for_retry', 'scheduled', t.token, 'engine', '', t.scheduled_at",
                  "runs_app_taskinstance t WHERE t.run_id >= %s AND t.token > 0 AND t.state = 'scheduled'", step=4),
        )
    )
    + ") e ORDER BY run_id, at, ti, token, step"
)  # fmt: skip


def batches(told: Iterable[Told], instances: int = 60_000) -> Iterator[list[Told]]:
    """Cut runs into parts of about so many task instances: the rows of one are in memory."""
    batch: list[Told] = []
    size = 0
    for each in told:
        batch.append(each)
        size += len(each.story.instances) if each.story else 1
        if size >= instances:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
