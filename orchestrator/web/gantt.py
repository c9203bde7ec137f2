"""The data behind a run's Gantt chart: for each task its tries, and what each did when, in milliseconds of the run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min

from orchestrator.core.critical import critical_path
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import RUN_UNFINISHED, TaskState
from runs_app.models import Attempt, DagRun, StateEvent, TaskInstance

from . import grid, tasklist

Span = tuple[int, str, datetime, datetime | None]
"""Try number, what went on (a state), from, until (None: it goes on)."""


def gantt(spec: DagSpec, run: DagRun, now: datetime) -> dict[str, Any]:
    """Return the rows of the grid, each task with its spans; a mapped task is one span from first to last."""
    spans = _spans(run)
    states, whole = _mapped(run)
    for task_id, span in whole.items():
        spans[task_id].append(span)
    for task_id, state in TaskInstance.objects.filter(run=run, map_index__lt=0).values_list("task_id", "state"):
        states[task_id][state] = states[task_id].get(state, 0) + 1  # of nested mappings there may be several
    start = min((span[2] for found in spans.values() for span in found), default=run.started_at or run.run_after)
    whole_of = {
        task_id: (min(span[2] for span in found), max(span[3] or now for span in found))
        for task_id, found in spans.items()
        if found
    }
    ends = [end for _, end in whole_of.values()]

    def offset(at: datetime | None) -> int | None:
        return None if at is None else round((at - start).total_seconds() * 1000)

    lines = grid.rows(spec)
    known = {line["id"] for line in lines}
    lines += [{"id": task_id, "label": task_id, "depth": 0, "group": None} for task_id in sorted(states.keys() - known)]
    for line in lines:
        if line.get("kind") == "group":
            continue
        counts = states.get(line["id"], {})
        line["state"] = tasklist.worst(counts) or TaskState.NONE
        line["count"] = sum(counts.values())
        line["spans"] = [[number, what, offset(a), offset(b)] for number, what, a, b in spans.get(line["id"], ())]
    over = run.state not in RUN_UNFINISHED
    return {
        "rows": lines,
        "start": grid.moment(start),
        "end": offset(max([*ends, *([run.ended_at] if run.ended_at else [])], default=start)) if over else None,
        "now": grid.moment(now),
        "path": critical_path(spec, whole_of),
        "run": grid.run_json(run),
    }


def _spans(run: DagRun) -> dict[str, list[Span]]:
    """What each unmapped task waited for and ran: two queries, however many tasks."""
    ready: dict[int, list[datetime]] = defaultdict(list)
    events = StateEvent.objects.filter(run=run, new=TaskState.SCHEDULED, task_instance__map_index__lt=0)
    for pk, at in events.order_by("pk").values_list("task_instance_id", "at"):
        ready[pk].append(at)
    attempts = Attempt.objects.filter(task_instance__run=run, task_instance__map_index__lt=0).order_by("pk")
    columns = ("task_instance_id", "task_instance__task_id", "try_number", "started_at", "ended_at", "outcome")
    found: dict[str, list[Span]] = defaultdict(list)
    ended: dict[int, tuple[int, str, datetime]] = {}
    for pk, task_id, number, started, until, outcome in attempts.values_list(*columns):
        since = _waiting_since(ready[pk], ended[pk][2] if pk in ended else None, started)
        if (
            pk in ended
            and ended[pk][0] == number
            and ended[pk][1] in {"deferred", "up_for_reschedule", "awaiting_input"}
        ):
            found[task_id].append((number, ended[pk][1], ended[pk][2], since or started))
        if since is not None and since < started:
            found[task_id].append((number, TaskState.SCHEDULED, since, started))
        found[task_id].append((number, _shown(outcome), started, until))
        if until is not None:
            ended[pk] = (number, outcome or "", until)
    waiting = TaskInstance.objects.filter(run=run, map_index__lt=0, state__in=_OPEN)
    for pk, task_id, number, state in waiting.values_list("pk", "task_id", "try_number", "state"):
        since = ready[pk][-1] if state == TaskState.SCHEDULED and ready[pk] else ended[pk][2] if pk in ended else None
        if since is not None:
            found[task_id].append((number + (state == TaskState.SCHEDULED), state, since, None))
    _without_process(run, found)
    return found


_OPEN = (TaskState.SCHEDULED, TaskState.DEFERRED, TaskState.AWAITING_INPUT, TaskState.UP_FOR_RESCHEDULE)


def _without_process(run: DagRun, found: dict[str, list[Span]]) -> None:
    """Tasks that the engine decided itself have no attempt, but a time."""
    rows = TaskInstance.objects.filter(run=run, map_index__lt=0, started_at__isnull=False)
    for task_id, number, state, started, until in rows.values_list(
        "task_id", "try_number", "state", "started_at", "ended_at"
    ):
        if task_id not in found:
            found[task_id].append((number, state, started, until))


def _waiting_since(ready: list[datetime], after: datetime | None, before: datetime) -> datetime | None:
    """When it became ready for an attempt: the last time before that, and after the attempt before it."""
    at = bisect_right(ready, before)
    return ready[at - 1] if at and (after is None or bisect_left(ready, after) < at) else None


def _shown(outcome: str | None) -> str:
    """An attempt that gave its slot back ran, and did not fail; a lost or interrupted one did nothing that counts."""
    if outcome in {None, "deferred", "up_for_reschedule", "awaiting_input"}:
        return TaskState.RUNNING
    return {"lost": TaskState.FAILED, "interrupted": TaskState.FAILED}.get(str(outcome), str(outcome))


def _mapped(run: DagRun) -> tuple[dict[str, dict[str, int]], dict[str, Span]]:
    """Return (counts by state, first start to last end) of mapped tasks, counted by the database."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    rows = TaskInstance.objects.filter(run=run, map_index__gte=0).values_list("task_id", "state")
    parts: dict[str, list[Any]] = defaultdict(list)
    counted = rows.annotate(
        count=Count("pk"),
        ended=Count("ended_at"),
        first=Min("started_at"),
        last=Max("ended_at"),
        tries=Max("try_number"),
    )
    for task_id, state, count, ended, first, last, tries in counted.order_by():
        counts[task_id][state] = count
        if first is not None:
            parts[task_id].append((first, last, ended == count, tries))
    return counts, {task_id: _whole(found, counts[task_id]) for task_id, found in parts.items()}


def _whole(parts: Iterable[Any], counts: dict[str, int]) -> Span:
    parts = list(parts)
    over = all(part[2] for part in parts)
    last = max((part[1] for part in parts if part[1]), default=None)
    return (
        max(part[3] for part in parts),
        tasklist.worst(counts),
        min(part[0] for part in parts),
        last if over else None,
    )
