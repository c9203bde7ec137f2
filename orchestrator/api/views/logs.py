"""Logs of one try: as JSON with a continuation token, as a stream of JSON lines, or as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core import signing
from django.http import Http404
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api.base import ApiView
from orchestrator.api.errors import BadRequest
from orchestrator.api.log_feed import LogFeed
from orchestrator.api.query import flag
from orchestrator.api.query import map_index as map_index_of
from orchestrator.api.scope import instance_for
from orchestrator.core.states import FINISHED, TaskState
from orchestrator.streaming import streamed
from runs_app import logs
from runs_app.links import external_log
from runs_app.models import Attempt, TaskInstance

CHUNK_BYTES = 256 * 1024
WHOLE_BYTES = 8 * 1024 * 1024
"""Of log in one answer, even with ``full_content``: what lies beyond comes with the continuation token."""
SALT = "log position"


class LogsView(ApiView):
    """GET .../taskInstances/{task_id}/logs/{try_number}; secrets were taken out when the lines were written."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, try_number: int) -> Any:
        map_index = map_index_of(request.GET)
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index)
        tokens = list(
            Attempt.objects.filter(task_instance=instance, try_number=try_number)
            .order_by("token")
            .values_list("token", flat=True)
        )
        if not tokens and try_number != instance.try_number:
            raise Http404(f"No try {try_number} of task `{task_id}`: it has had {instance.try_number}")
        accept = request.META.get("HTTP_ACCEPT", "*/*")
        if "text/event-stream" in accept:
            return LogFeed(request, instance, try_number, record).answer(request)
        if "application/x-ndjson" in accept:
            lines = (line + b"\n" for line in _lines(instance, tokens))
            return streamed(request._request, lines, "application/x-ndjson")
        if "text/plain" in accept and "application/json" not in accept:
            return streamed(request._request, _text(instance, tokens), "text/plain; charset=utf-8")
        if not any(each in accept for each in ("application/json", "application/*", "*/*")):
            raise NotAcceptable(
                "Only application/json, application/x-ndjson, text/plain or text/event-stream is supported"
            )
        return self._page(request, instance, try_number, tokens)

    def _page(self, request: Request, instance: TaskInstance, try_number: int, tokens: list[int]) -> Response:
        """One page of records; the token goes on while the try runs or more is there."""
        whole_log = bool(flag(request.GET, "full_content"))
        place, offset = _position(request.GET.get("token"), instance.pk, try_number)
        content: list[dict[str, Any]] = []
        if place == 0 and offset == 0:
            content.extend(_head(instance, try_number))
        room = WHOLE_BYTES if whole_log else CHUNK_BYTES
        while place < len(tokens) and room > 0:
            data, after = logs.read_lines(instance.run_id, instance.pk, tokens[place], offset, CHUNK_BYTES)
            content.extend(record(line) for line in data)
            room -= after - offset
            if after == offset:
                if place + 1 == len(tokens):
                    break
                place, offset = place + 1, 0
            else:
                offset = after
        goes_on = instance.state not in FINISHED and instance.state != TaskState.NONE
        more = room <= 0 or (goes_on and try_number == instance.try_number and not whole_log)
        token = signing.dumps([instance.pk, try_number, place, offset], salt=SALT) if more else None
        return Response({"content": content, "continuation_token": token})


class ExternalLogView(ApiView):
    """GET .../taskInstances/{task_id}/externalLogUrl/{try_number}: where the log of a try is kept besides."""

    def get(self, request: Request, dag_id: str, run_id: str, task_id: str, try_number: int) -> Response:
        instance = instance_for(request.user, dag_id, run_id, task_id, map_index_of(request.GET))
        address = external_log(instance, try_number)
        if not address:
            raise BadRequest("No external logs here: ORCHESTRATOR_EXTERNAL_LOG_URL is not set")
        return Response({"url": address})


def record(line: bytes) -> dict[str, Any]:
    """Return a line as JSON; what a full disk cut in two is still text."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line.decode("utf-8", "replace")}


def _position(token: str | None, instance_pk: int, try_number: int) -> tuple[int, int]:
    if not token:
        return 0, 0
    try:
        pk, number, place, offset = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
        raise BadRequest("Bad Signature. Please use only the tokens provided by the API.") from error
    if (pk, number) != (instance_pk, try_number):
        raise BadRequest("The token belongs to another log")
    return place, offset


def _head(instance: TaskInstance, try_number: int) -> list[dict[str, Any]]:
    """What Airflow's clients expect first: a folded group that says where the lines come from."""
    source = f"{instance.hostname or 'not started'}: try {try_number} of {instance.dag_id}.{instance.task_id}"
    return [
        {"event": "::group::Log message source details", "sources": [source]},
        {"event": "::endgroup::"},
    ]


def _lines(instance: TaskInstance, tokens: list[int]) -> Iterator[bytes]:
    for token in tokens:
        offset = 0
        while True:
            lines, after = logs.read_lines(instance.run_id, instance.pk, token, offset, CHUNK_BYTES)
            if after == offset:
                break
            yield from lines
            offset = after


def _text(instance: TaskInstance, tokens: list[int]) -> Iterator[str]:
    for line in _lines(instance, tokens):
        each = record(line)
        yield f"{each.get('timestamp') or ''} {str(each.get('level') or '').upper():<8} {each.get('event') or ''}\n"
