"""A run as it was at any moment, from the events of its moves.

Every change of a state writes its event in its own transaction, and a task instance is never deleted while its run is there:
so the last event up to a moment is the state then, and what had none was there without a state, from when it was made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.core.states import RunState, TaskState

from .locking import fetch, moment, seconds, whole
from .models import DagRun

MOST_PLACES = 200
"""Task instances that are listed as running, or as waiting for a place."""


@dataclass(frozen=True, slots=True)
class Part:
    """The instances of one task that were in the same state; ``since``: when the first of them came into it."""

    task_id: str
    operator: str
    state: str
    count: int
    tries: int
    is_mapped: bool
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Placed:
    """A task instance that ran, or was ready to."""

    task_id: str
    map_index: int
    state: str
    queue: str
    pool: str
    pool_slots: int
    priority_weight: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """``running`` and ``ready`` hold the first :data:`MOST_PLACES` of each, in the order of a claim; ``pools``: slots in use."""

    at: datetime
    run_state: str
    parts: list[Part]
    running: list[Placed]
    ready: list[Placed]
    pools: dict[str, int]


_LAST = (
    "SELECT task_instance_id AS ti, max(id) AS last, sum(CASE WHEN (new = 'scheduled' AND old IN ('none', 'up_for_retry')) "
    "OR (new = 'success' AND old = 'none' AND actor = 'engine') THEN 1 ELSE 0 END) AS tries "
    "FROM runs_app_stateevent WHERE run_id = %s AND at <= %s GROUP BY task_instance_id"
)
_THERE = (
    f"FROM runs_app_taskinstance t LEFT JOIN ({_LAST}) l ON l.ti = t.id LEFT JOIN runs_app_stateevent e ON e.id = l.last "
    "WHERE t.run_id = %s AND (t.made_at IS NULL OR t.made_at <= %s)"
)


def states_at(run_pk: int, at: datetime) -> dict[int, tuple[str, int]]:
    """Return the state and the try number of each task instance of a run at a moment, by primary key."""
    rows = fetch(f"SELECT t.id, COALESCE(e.new, 'none'), COALESCE(l.tries, 0) {_THERE}", [run_pk, at, run_pk, at])
    return {pk: (state, int(tries)) for pk, state, tries in rows}


def run_state_at(run_pk: int, at: datetime) -> str:
    """Return the state of the run itself then; empty before it was made."""
    rows = fetch(
        "SELECT new FROM runs_app_stateevent WHERE run_id = %s AND task_instance_id IS NULL AND at <= %s "
        "ORDER BY id DESC LIMIT 1",
        [run_pk, at],
    )
    return rows[0][0] if rows else ""


def moment_at(run: DagRun, at: datetime) -> Moment:
    """Return how a run stood; three statements, however many tasks."""
    given = [run.pk, at, run.pk, at]
    rows = fetch(
        "SELECT t.task_id, COALESCE(t.operator_name, t.operator), COALESCE(e.new, 'none') AS state, count(*), max(COALESCE(l.tries, 0)), "
        f"max(t.map_index), min(e.at), min(t.id) {_THERE} GROUP BY t.task_id, 2, COALESCE(e.new, 'none') "
        "ORDER BY min(t.id)",
        given,
    )
    parts = [
        Part(task_id, operator, state, count, tries, index >= 0, moment(since))
        for task_id, operator, state, count, tries, index, since, _ in rows
    ]
    running, ready, pools = _places(given)
    return Moment(at, run_state_at(run.pk, at), parts, running, ready, pools)


def _places(given: list[Any]) -> tuple[list[Placed], list[Placed], dict[str, int]]:
    rows = fetch(
        "SELECT t.task_id, t.map_index, e.new, t.queue, t.pool, t.pool_slots, t.priority_weight, e.at "
        f"{_THERE} AND e.new IN ('running', 'scheduled') ORDER BY e.new, t.priority_weight DESC, e.at, t.id",
        given,
    )
    found: dict[str, list[Placed]] = {TaskState.RUNNING: [], TaskState.SCHEDULED: []}
    pools: dict[str, int] = {}
    for row in rows:
        since = moment(row[-1])
        assert since is not None
        each = Placed(*row[:-1], since)
        if each.state == TaskState.RUNNING:
            pools[each.pool] = pools.get(each.pool, 0) + each.pool_slots
        if len(found[each.state]) < MOST_PLACES:
            found[each.state].append(each)
    return found[TaskState.RUNNING], found[TaskState.SCHEDULED], pools


# ---- the whole of it


@dataclass(frozen=True, slots=True)
class Span:
    """From a run's first event to its last, or to now while it goes on."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()

    def within(self, at: datetime) -> datetime:
        return min(max(at, self.start), self.end)


def span_of(run: DagRun, now: datetime) -> Span:
    """Return what of a run can be looked at."""
    (first, last), *_ = fetch("SELECT min(at), max(at) FROM runs_app_stateevent WHERE run_id = %s", [run.pk])
    start = moment(first) or run.queued_at
    end = now if run.state == RunState.RUNNING else moment(last) or start
    return Span(start, max(end, start))


def beside(run_pk: int, at: datetime) -> tuple[datetime | None, datetime | None]:
    """Return when something changed last before ``at``, and next after it."""
    sql = "SELECT max(at) FROM runs_app_stateevent WHERE run_id = %s AND at < %s UNION ALL " + (
        "SELECT min(at) FROM runs_app_stateevent WHERE run_id = %s AND at > %s"
    )
    rows = fetch(sql, [run_pk, at, run_pk, at])
    return moment(rows[0][0]), moment(rows[1][0])


@dataclass(frozen=True, slots=True)
class Busy:
    """One of the equal parts of a run's time: most that ran, most that were ready, how many failed in it."""

    running: int
    ready: int
    failed: int


def busy(run_pk: int, span: Span, parts: int) -> list[Busy]:
    """Return how busy a run was over its time, counted by the database; one statement."""
    width = max(span.seconds / parts, 0.001)
    place = whole(f"({seconds('at', '%s')} + 0.0005) / %s")  # SQLite is exact to less than that
    rows = fetch(
        f"SELECT {place} AS place, old, new, count(*) FROM runs_app_stateevent WHERE run_id = %s "
        "AND task_instance_id IS NOT NULL AND (old IN ('running', 'scheduled') OR new IN ('running', 'scheduled', 'failed')) "
        "GROUP BY 1, 2, 3",
        [span.start, width, run_pk],
    )
    return _over_time(rows, parts)


def _over_time(rows: Iterable[tuple[int, str, str, int]], parts: int) -> list[Busy]:
    came: list[dict[str, int]] = [{} for _ in range(parts)]
    for place, old, new, count in rows:
        into = came[min(max(place, 0), parts - 1)]
        into["failed"] = into.get("failed", 0) + count * (new == TaskState.FAILED)
        for name in (TaskState.RUNNING, TaskState.SCHEDULED):
            into["+" + name] = into.get("+" + name, 0) + count * (new == name)
            into["-" + name] = into.get("-" + name, 0) + count * (old == name)
    found, there = [], {TaskState.RUNNING: 0, TaskState.SCHEDULED: 0}
    for each in came:
        most = {}
        for name in there:
            left = there[name] - each.get("-" + name, 0)
            # What came and went within the part was there for a moment of it.
            most[name] = max(there[name], left + each.get("+" + name, 0), min(each.get("+" + name, 0), 1))
            there[name] = left + each.get("+" + name, 0)
        found.append(Busy(most[TaskState.RUNNING], most[TaskState.SCHEDULED], each.get("failed", 0)))
    return found
