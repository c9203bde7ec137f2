"""Logs of one try for the viewer: any lines of it, a search over all of it, and the whole as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from orchestrator.core.states import FINISHED
from orchestrator.logs.match import LEVELS, LONGEST_SEARCH, BadPattern, Query, record, said
from orchestrator.logs.scan import Scan
from orchestrator.streaming import streamed
from orchestrator.web.page import instance_for, run_for, whole_number
from runs_app import logs
from runs_app.models import Attempt, TaskInstance

CHUNK_BYTES = 256 * 1024
MOST_LINES = 1000
MOST_BYTES = 512 * 1024
"""Of lines in one answer; the viewer asks for the rest."""
SCAN_SECONDS = 0.5
"""A request reads on in a long log for so long and tells how far it came: who closed the page costs no more than this."""
FIRST_SECONDS = 0.15
"""The first one of a page less long: it shows the end of the log meanwhile."""


@require_safe
def lines(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> JsonResponse:
    """Answer lines ``from`` on (or ``end``: the last ones) of those that ``level`` and ``source`` leave.

    ``lines`` are [number in the log, record]; a number is null while the log has not been counted through
    (``done``). ``marks`` are the groups' beginnings and ends from the ``marks``-th on.
    """
    instance, tokens, number = _found(request, dag_id, run_id, task_id, map_index)
    whole = logs.scan(instance, tokens, number, Query())
    done = whole.advance(FIRST_SECONDS if "end" in request.GET else SCAN_SECONDS)
    query = _query(request)
    view = logs.scan(instance, tokens, number, query) if query else whole
    done = done and (view is whole or view.advance(SCAN_SECONDS))  # one after the other: both cost a processor
    count = whole_number(request, "n", 300, 0, MOST_LINES)
    found, first = _lines(request, view, done, count)
    known = whole_number(request, "marks", 0)
    ended = instance.state in FINISHED or (bool(tokens) and tokens[-1] != instance.token)
    return JsonResponse(
        {
            **{"try": number, "token": tokens[-1] if tokens else None, "ended": ended},
            **{"done": done, "read": view.read_bytes, "size": logs.size(instance, tokens)},
            **{"total": view.hits, "first": first, "lines": found, "whole": whole.total},
            **{"errors": whole.errors, "first_error": whole.first_error, "sources": sorted(whole.sources)},
            "marks": whole.marks[known:],
            "end": _end(instance, number) if ended else None,
        }
    )


def _lines(request: HttpRequest, view: Scan, done: bool, count: int) -> tuple[list[Any], int]:
    if not count:
        return [], 0
    if "end" not in request.GET:
        first = whole_number(request, "from", 0, 0, 2**53)
    elif done:
        first = max(view.hits - count, 0)
    else:  # it is shown before it has been counted
        return [[None, record(line)] for line in view.last_lines(count, MOST_BYTES)], 0
    found = view.lines(first, count, MOST_BYTES if "end" not in request.GET else 2**40)
    return [[number, record(line)] for number, line in found], first


def _query(request: HttpRequest) -> Query:
    level, source = request.GET.get("level", ""), request.GET.get("source", "")[:250]
    return Query(level if level in LEVELS else "", source.replace("\0", ""))


def _end(instance: TaskInstance, number: int) -> dict[str, str] | None:
    last = Attempt.objects.filter(task_instance=instance, try_number=number).order_by("-token").first()
    return {"outcome": last.outcome or "", "reason": last.reason[:2000]} if last is not None else None


@require_safe
def find(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> JsonResponse:
    """Answer how many lines have ``q`` in them, and where the ``k``-th of these is, or the first from ``near`` on."""
    instance, tokens, number = _found(request, dag_id, run_id, task_id, map_index)
    shown = _query(request)
    query = Query(shown.level, shown.source, request.GET.get("q", "")[:LONGEST_SEARCH], request.GET.get("regex") == "1")
    try:
        query.check()
    except BadPattern as error:
        return JsonResponse({"error": str(error)}, status=422)
    if not query.text:
        return JsonResponse({"done": True, "count": 0, "k": None, "line": None, "index": None, "read": 0, "size": 0})
    scan = logs.scan(instance, tokens, number, query)
    done = scan.advance(SCAN_SECONDS)
    k = whole_number(request, "k", -1, -1, 2**53)
    if k < 0 and scan.hits:
        k = scan.rank_of(whole_number(request, "near", 0, 0, 2**53))
        k = 0 if k >= scan.hits and done else k
    line = scan.line_of(k)
    index = line
    if line is not None and shown:
        view = logs.scan(instance, tokens, number, shown)
        index = view.rank_of(line) if view.advance(SCAN_SECONDS) else None
    place = {"k": k if line is not None else None, "line": line, "index": index}
    size = logs.size(instance, tokens)
    return JsonResponse({"done": done, "count": scan.hits, **place, "read": scan.read_bytes, "size": size})


def _found(
    request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int
) -> tuple[TaskInstance, list[int], int]:
    run = run_for(request, dag_id, run_id)
    instance = instance_for(request, run, task_id, map_index)
    attempts = Attempt.objects.filter(task_instance=instance).order_by("token")
    number = whole_number(request, "try_number", instance.try_number)
    tokens = list(attempts.filter(try_number=number).values_list("token", flat=True))
    if not tokens and number not in {0, instance.try_number}:
        raise Http404(gettext("“{task_id}” has had no try {number}.").format(task_id=task_id, number=number))
    return instance, tokens, number


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
            yield "".join(_line(record(line)) for line in data)
            offset = after


def _line(record: dict[str, Any]) -> str:
    level = str(record.get("level") or "").upper()
    return f"{record.get('timestamp') or ''} {level:<8} {record.get('event') or ''}\n"


def last_part(instance: TaskInstance, tokens: list[int], before: int) -> dict[str, Any]:
    """The end of the log, or what lies before byte ``before``, as rows: shown at once, and without a script."""
    found, start = logs.last_lines(instance, tokens, before if before >= 0 else None)
    rows = [(record(line), said(line)) for line in found]
    return {"log_rows": rows, "log_before": start, "log_is_part": before >= 0}
