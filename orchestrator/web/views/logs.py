"""Logs of one try for the viewer: lines from a place on, and the whole as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from orchestrator.core.states import FINISHED
from orchestrator.logs.store import key_for
from orchestrator.streaming import streamed
from orchestrator.web.page import instance_for, run_for, whole_number
from runs_app import logs
from runs_app.models import Attempt, TaskInstance

CHUNK_BYTES = 256 * 1024
TAIL_BYTES = 512 * 1024
"""A longer log starts with its end: who opens it wants to see how it ended, not to wait for a gigabyte."""


@require_safe
def lines(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> JsonResponse:
    """Answer ``{lines, place, offset, start, size, more, ended}``.

    ``place`` counts the attempts of the try, ``offset`` is bytes into that attempt's log; give both back to go on.
    Without them the answer starts at the end of a long log, and ``start`` says where.
    """
    instance, tokens, number = _found(request, dag_id, run_id, task_id, map_index)
    place = whole_number(request, "place", 0, 0, max(len(tokens) - 1, 0))
    offset = whole_number(request, "offset", 0, 0, 2**62)
    until = whole_number(request, "until", 0, 0, 2**62)
    start = offset
    size = logs.store().size(_key(instance, tokens[place])) if tokens else 0
    skip = False
    if tokens and "offset" not in request.GET and size > TAIL_BYTES:
        start = offset = size - TAIL_BYTES
        skip = True
    found: list[Any] = []
    room = CHUNK_BYTES if until <= 0 else min(CHUNK_BYTES, max(until - offset, 1))
    while place < len(tokens) and room > 0:
        data, after = logs.read_lines(instance.run_id, instance.pk, tokens[place], offset, room)
        if skip and data:  # the first line of a tail is cut
            start = offset + len(data[0]) + 1
            data, skip = data[1:], False
        found.extend(_record(line) for line in data)
        room -= after - offset
        if after == offset:
            if place + 1 >= len(tokens):
                break
            place, offset = place + 1, 0
        else:
            offset = after
    ended = instance.state in FINISHED or (bool(tokens) and tokens[-1] != instance.token)
    return JsonResponse(
        {
            "lines": found,
            "place": place,
            "offset": offset,
            "start": start,
            "size": size,
            "more": room <= 0,
            "ended": ended,
            "token": tokens[-1] if tokens else None,
            "try": number,
        }
    )


def _key(instance: TaskInstance, token: int) -> str:
    return key_for(instance.run_id, instance.pk, token)


def _found(
    request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int
) -> tuple[TaskInstance, list[int], int]:
    run = run_for(request, dag_id, run_id)
    instance = instance_for(request, run, task_id, map_index)
    attempts = Attempt.objects.filter(task_instance=instance).order_by("token")
    number = whole_number(request, "try_number", instance.try_number)
    tokens = list(attempts.filter(try_number=number).values_list("token", flat=True))
    if not tokens and number not in {0, instance.try_number}:
        raise Http404(f"“{task_id}” has had no try {number}.")
    return instance, tokens, number


def _record(line: bytes) -> Any:
    """A line as the viewer takes it; one that is no record of ours is shown as it is."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"event": line.decode("utf-8", "replace")}


@require_safe
def download(
    request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1
) -> StreamingHttpResponse:
    instance, tokens, number = _found(request, dag_id, run_id, task_id, map_index)
    response = streamed(request, _text(instance, tokens), "text/plain; charset=utf-8")
    index = f"[{map_index}]" if map_index >= 0 else ""
    name = f"{dag_id}-{run_id}-{task_id}{index}-try{number}.log"
    safe = "".join(each if each.isprintable() and each not in '/\\"' else "_" for each in name)
    response["Content-Disposition"] = content_disposition_header(True, safe) or "attachment"
    return response


def _text(instance: TaskInstance, tokens: list[int]) -> Iterator[str]:
    """The log as text, a chunk at a time."""
    for token in tokens:
        offset = 0
        while True:
            data, after = logs.read_lines(instance.run_id, instance.pk, token, offset, CHUNK_BYTES)
            if after == offset:
                break
            yield "".join(_line(_record(line)) for line in data)
            offset = after


def _line(record: dict[str, Any]) -> str:
    level = str(record.get("level") or "").upper()
    return f"{record.get('timestamp') or ''} {level:<8} {record.get('event') or ''}\n"
