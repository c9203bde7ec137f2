"""Following changes of runs and task instances as they happen; Airflow has no such endpoint."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request

from orchestrator import access
from orchestrator.api import events, shapes
from orchestrator.api.base import ApiView
from orchestrator.api.errors import BadRequest
from orchestrator.api.scope import must_somewhere
from orchestrator.core.states import TaskState, as_airflow
from orchestrator.streaming import followed
from runs_app import notify, state_feed
from runs_app.models import DagRun

LOOK_SECONDS = 2.0


class EventsView(ApiView):
    """GET /api/v2/events: server-sent events of what the caller may see; ``dag_id`` and ``dag_run_id`` narrow them.

    Begins with what changes from now on, or after the event that ``Last-Event-ID`` names.
    """

    def get(self, request: Request) -> Any:
        must_somewhere(request.user, "read")
        feed = _Feed(request)
        groups = [notify.dag_group(each) for each in feed.dag_ids] or ["dags"]
        return followed(request._request, feed.look, events.CONTENT_TYPE, seconds=LOOK_SECONDS, groups=groups)


class _Feed:
    def __init__(self, request: Request) -> None:
        self.pulse = events.Pulse(request)
        self.dag_ids = [each for each in request.GET.getlist("dag_id") if each][:100]
        self.run_ids = [each for each in request.GET.getlist("dag_run_id") if each][:100]
        self.last = _number(events.last_event(request))
        self.greeting = b"retry: 2000\n\n"

    def look(self) -> tuple[bytes, bool]:
        if not self.pulse.still_signed_in():
            return b"", True
        rows, self.last = state_feed.after(self.last, self._runs(), timezone.now())
        data = self.greeting + b"".join(_event(row) for row in rows)
        self.greeting = b""
        return self.pulse.filled(data), False

    def _runs(self) -> QuerySet[DagRun]:
        runs = access.visible_runs(self.pulse.user)
        if self.dag_ids:
            runs = runs.filter(dag_id__in=self.dag_ids)
        return runs.filter(run_id__in=self.run_ids) if self.run_ids else runs


def _number(sent: str | None) -> int:
    newest = state_feed.newest()
    if sent is None:
        return newest
    if not (sent.isascii() and sent.isdecimal() and len(sent) < 19):
        raise BadRequest("Last-Event-ID is not the id of an event of this stream")
    return min(int(sent), newest)


def _event(row: dict[str, Any]) -> bytes:
    data = {
        "dag_id": row["run__dag_id"],
        "dag_run_id": row["run__run_id"],
        "old_state": _state(row["old"]),
        "state": _state(row["new"]),
        "at": shapes.moment(row["at"]),
        "by": row["actor"],
        "reason": row["reason"] or None,
    }
    if row["task_instance__task_id"] is None:
        return events.event("dag_run", data, row["pk"])
    task = {"task_id": row["task_instance__task_id"], "map_index": row["task_instance__map_index"]}
    return events.event("task_instance", data | task, row["pk"])


def _state(state: str) -> str | None:
    return None if state in ("", TaskState.NONE) else as_airflow(state)
