"""The page of a run's callbacks, and the log of each as a file."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from orchestrator.streaming import streamed
from orchestrator.web.callbacks import called, record_of
from orchestrator.web.page import live_part, run_for
from runs_app import logs
from runs_app.models import Callback

from .run import HEAD, head

PER_PAGE = 20
CHUNK_BYTES = 256 * 1024


@require_safe
def callbacks_page(request: HttpRequest, dag_id: str, run_id: str) -> HttpResponse:
    """What was called because of the run, the newest first."""
    context = head(request, dag_id, run_id, "callbacks")
    rows = Callback.objects.filter(run=context["run"]).order_by("-pk")
    chunk = Paginator(rows.select_related("task_instance", "deadline", "process"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    parts = HEAD | {"callbacks": "runs/_callbacks.html"}
    return live_part(request, "runs/callbacks.html", parts, chunk=chunk, callbacks=called(chunk), **context)


@require_safe
def download(request: HttpRequest, dag_id: str, run_id: str, callback_id: int) -> StreamingHttpResponse:
    run = run_for(request, dag_id, run_id)
    found = Callback.objects.filter(run=run, pk=callback_id).first()
    if found is None or not found.has_own_log:
        raise Http404(
            gettext("Run “{run_id}” has no callback {callback_id} with a log of its own.").format(
                run_id=run_id, callback_id=callback_id
            )
        )
    response = streamed(request, _text(logs.key_of_callback(found)), "text/plain; charset=utf-8")
    name = f"{dag_id}-{run_id}-{found.kind}-{callback_id}.log"
    safe = "".join(each if each.isprintable() and each not in '/\\"' else "_" for each in name)
    response["Content-Disposition"] = content_disposition_header(True, safe) or "attachment"
    return response


def _text(key: str) -> Iterator[str]:
    offset, rest = 0, b""
    while True:
        data, after, _ = logs.store().read(key, offset, CHUNK_BYTES)
        if after == offset:
            break
        lines = (rest + data).split(b"\n")
        rest, offset = lines.pop(), after
        yield "".join(map(_line, lines))
    if rest:
        yield _line(rest)


def _line(line: bytes) -> str:
    record = record_of(line)
    level = str(record.get("level") or "").upper()
    return f"{record.get('timestamp') or ''} {level:<8} {record.get('event') or ''}\n"
