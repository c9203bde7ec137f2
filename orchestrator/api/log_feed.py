"""A log as server-sent events: its lines as they are written, until the try is over."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.request import Request

from orchestrator import access
from orchestrator.core.states import FINISHED, TaskState, as_airflow
from orchestrator.streaming import followed
from runs_app import logs
from runs_app.models import Attempt, TaskInstance

from . import events
from .errors import BadRequest

CHUNK_BYTES = 256 * 1024
LOOK_SECONDS = 1.0
OVER = FINISHED | {TaskState.NONE, TaskState.UP_FOR_RETRY}


class LogFeed:
    """What one client has been told of one try's log. The id of a line is where the next one begins."""

    def __init__(self, request: Request, instance: TaskInstance, try_number: int, record: Any) -> None:
        self.pulse = events.Pulse(request)
        self.pk, self.run_pk, self.try_number, self.record = instance.pk, instance.run_id, try_number, record
        self.place, self.offset = _position(events.last_event(request))
        self.groups = [f"run.{instance.run_id}", f"log.{instance.pk}.{instance.token}"]

    def answer(self, request: Request) -> Any:
        return followed(request._request, self.look, events.CONTENT_TYPE, seconds=LOOK_SECONDS, groups=self.groups)

    def look(self) -> tuple[bytes, bool]:
        if not self.pulse.still_signed_in():
            return b"", True
        # The state first: what a try writes before its end is then among the lines.
        seen = access.visible_task_instances(self.pulse.user).filter(pk=self.pk)
        row = seen.values("state", "try_number").first()
        if row is None:
            return b"", True
        over = row["try_number"] != self.try_number or row["state"] in OVER
        data, more = self._lines()
        if over and not more:
            state = as_airflow(row["state"]) if row["state"] != TaskState.NONE else None
            return data + events.event("end", {"state": state, "try_number": self.try_number}), True
        return self.pulse.filled(data), False

    def _lines(self) -> tuple[bytes, bool]:
        """The next lines, and whether there may be more of them already."""
        tokens = list(
            Attempt.objects.filter(task_instance=self.pk, try_number=self.try_number)
            .order_by("token")
            .values_list("token", flat=True)
        )
        while self.place < len(tokens):
            lines, after = logs.read_lines(self.run_pk, self.pk, tokens[self.place], self.offset, CHUNK_BYTES)
            if after == self.offset and self.place + 1 < len(tokens):
                self.place, self.offset = self.place + 1, 0
                continue
            told = []
            for line in lines:
                self.offset += len(line) + 1
                told.append(events.event("log", self.record(line), f"{self.place}-{self.offset}"))
            self.offset = after
            return b"".join(told), bool(lines)
        return b"", False


def _position(sent: str | None) -> tuple[int, int]:
    if sent is None:
        return 0, 0
    found = re.fullmatch(r"(\d{1,6})-(\d{1,15})", sent, re.ASCII)
    if found is None:
        raise BadRequest("Last-Event-ID is not the id of an event of this stream")
    return int(found[1]), int(found[2])
