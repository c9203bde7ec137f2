"""Search in all logs of a run: every try of every task instance, answered while it is looked for, and within bounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from orchestrator import access
from orchestrator.logs.match import LEVELS, LONGEST_SEARCH, BadPattern, Query, record, said
from orchestrator.logs.scan import Scan
from orchestrator.logs.store import LogStore, key_for
from orchestrator.streaming import streamed
from orchestrator.web.page import live_part
from runs_app import logs
from runs_app.models import Attempt, DagRun, TaskInstance

from .run import HEAD, head

MOST_LOGS = 5000
MOST_LINES = 500
LINES_OF_ONE = 20
"""Shown of one log; its own page has the rest."""
MOST_SHOWN = 4000
"""Characters of one of them."""
MOST_SECONDS = 20.0
CUT = "<!-- what is found -->"


@dataclass(frozen=True, slots=True)
class Log:
    """One try's log: its name, its page, and its files."""

    name: str
    address: str
    keys: tuple[str, ...]


@require_safe
def search_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponseBase:
    """The form, and below it what is found, in the order of the tasks' tries."""
    context = head(request, dag_id, run_id, "logs")
    text, level = request.GET.get("q", "").strip()[:LONGEST_SEARCH], request.GET.get("level", "")
    query = Query(level if level in LEVELS else "", "", text.replace("\0", ""), request.GET.get("regex") == "on")
    error = ""
    try:
        query.check()
    except BadPattern as problem:
        error = str(problem)
    searches = bool(query) and not error
    shown = {"query": query, "wrong": error, "searches": searches, "cut": CUT if searches else ""}
    page = live_part(request, "runs/logs.html", HEAD, **context, **shown)
    if not searches or "part" in request.GET:
        return page
    before, _, after = page.content.decode().partition(CUT)
    found = _found(logs.store(), _logs(request, context["run"]), query, time.monotonic)
    response = streamed(request, _around(before, found, after), "text/html; charset=utf-8", batch_bytes=1)
    for name, value in page.headers.items():
        if name not in {"Content-Length", "Content-Type"}:
            response[name] = value
    return response


def _around(before: str, found: Iterator[str], after: str) -> Iterator[str]:
    yield before
    yield from found
    yield after


def _logs(request: HttpRequest, run: DagRun) -> list[Log]:
    instances = access.visible_task_instances(request.user).filter(run=run)
    rows = Attempt.objects.filter(task_instance__in=instances).select_related("task_instance")
    tries: dict[tuple[int, int], tuple[TaskInstance, list[str]]] = {}
    for each in rows.order_by("task_instance", "token")[:MOST_LOGS]:
        instance = each.task_instance
        _, keys = tries.setdefault((instance.pk, each.try_number), (instance, []))
        keys.append(key_for(run.pk, instance.pk, each.token))
    return [_log(run, instance, number, tuple(keys)) for (_, number), (instance, keys) in tries.items()]


def _log(run: DagRun, instance: TaskInstance, number: int, keys: tuple[str, ...]) -> Log:
    mapped, args = ("-mapped", [instance.map_index]) if instance.map_index != -1 else ("", [])
    address = reverse(f"task{mapped}", args=[run.dag_id, run.run_id, instance.task_id, *args])
    return Log(
        gettext("{task_name} · try {number}").format(task_name=instance.task_name, number=number),
        f"{address}?try_number={number}",
        keys,
    )


def _cut(text: str) -> str:
    """The beginning of what a line says: a traceback of a hundred lines would hide what else was found."""
    lines = text[:MOST_SHOWN].split("\n")
    return "\n".join(
        [*lines[:6], gettext("… {count} more lines").format(count=len(lines) - 6)] if len(lines) > 8 else lines
    )


def _found(store: LogStore, among: list[Log], query: Query, clock: Callable[[], float]) -> Iterator[str]:
    """Look through logs until all are, or the bounds are reached; what is told at the end says which."""
    until, lines, looked = clock() + MOST_SECONDS, 0, 0
    for each in among:
        scan = Scan(store, each.keys, query)
        whole = scan.advance(max(0.0, until - clock()), clock)
        looked += whole
        if scan.hits:
            rows = [
                (number + 1, record(line), _cut(said(line))) for number, line in scan.lines(0, LINES_OF_ONE, 1 << 20)
            ]
            lines += len(rows)
            more = scan.hits - len(rows)
            yield render_to_string("runs/_log_hits.html", {"log": each, "rows": rows, "hits": scan.hits, "more": more})
        if not whole or lines >= MOST_LINES:
            break
    yield render_to_string("runs/_log_end.html", {"looked": looked, "of": len(among), "lines": lines})
