"""Backfills of a DAG: the list, and a dialog that shows what would be done before it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from dags_app.models import Dag
from dags_app.versions import reruns_with_latest
from orchestrator import access
from orchestrator.core.backfill import Action, Reprocess
from orchestrator.web.backfills import expected, open_one, with_progress
from orchestrator.web.page import dag_for, done, live_part, must
from runs_app import actions, backfills
from runs_app.exceptions import OrchestratorError
from runs_app.models import Backfill

from .dag import HEAD, head
from .dialogs import form_view, shown

MOST_LISTED = 200
WORDS = {
    Reprocess.NONE: gettext_lazy("leave them as they are"),
    Reprocess.FAILED: gettext_lazy("run failed ones again"),
    Reprocess.COMPLETED: gettext_lazy("run all finished ones again"),
}


@require_safe
def list_page(request: HttpRequest, dag_id: str) -> HttpResponse:
    context = head(request, dag_id, "backfills")
    rows = access.visible_backfills(request.user).filter(dag=context["dag"]).order_by("-pk")
    chunk = Paginator(rows, 25).get_page(request.GET.get("page"))
    parts = HEAD | {"backfills": "dags/_backfills.html"}
    return live_part(
        request, "dags/backfills.html", parts, chunk=chunk, rows=with_progress(list(chunk)), words=WORDS, **context
    )


@form_view
def create(request: HttpRequest, dag_id: str) -> HttpResponse:
    """The form; with ``?part=affected`` only what the values in the query would do."""
    dag = dag_for(request, dag_id)
    must(request, "trigger", dag)
    given = request.POST if request.method == "POST" else request.GET
    asked, error = _asked(dag, given) if given.get("from_date") and given.get("to_date") else (None, "")
    if request.method == "POST" and "preview" not in given and not error:
        try:
            if asked is None:
                raise ValueError(gettext("Give the first and the last date."))
            made = backfills.create(asked, user=request.user)
            if dag.is_paused and "unpause" in given:
                actions.pause(dag.dag_id, False, user=request.user)
        except (OrchestratorError, ValueError) as problem:
            error = str(problem)
        else:
            runs = backfills.progress([made])[made.pk].total
            return done(
                request,
                gettext("Backfill of {runs} partitions begun.").format(runs=runs)
                if dag.is_partitioned
                else gettext("Backfill of {runs} dates begun.").format(runs=runs),
                reverse("backfills", args=[dag_id]),
            )
    planned: list[backfills.Planned] = []
    if asked is not None and not error:
        try:
            planned = backfills.plan(asked)
        except OrchestratorError as problem:
            error = str(problem)
    preview = request.GET.get("part") == "affected"
    runs = sum(each.verdict.action != Action.SKIP for each in planned)
    return shown(
        request,
        "dialogs/_planned.html" if preview else "dialogs/_backfill.html",
        status=422 if error and not preview else 200,
        dag=dag,
        title=gettext("Backfill"),
        error=error,
        posted=given,
        planned=planned[:MOST_LISTED],
        counts=[(action, sum(each.verdict.action == action for each in planned)) for action in Action],
        total=len(planned),
        expected=expected(request, dag, runs, asked.max_active_runs) if asked is not None else None,
        other=open_one(request, dag)[0],
        behaviours=[(each, WORDS[each]) for each in Reprocess],
        latest=_with_latest(dag, given),
    )


def _with_latest(dag: Dag, given: Any) -> bool:
    """Whether the box is ticked: before the form was sent, as backfills of this DAG are unless one says otherwise."""
    return "run_on_latest_version" in given if "set" in given else reruns_with_latest(dag, unsaid=True)


def _asked(dag: Dag, given: Any) -> tuple[backfills.Request | None, str]:
    """Read the form; return it and what is wrong with it."""
    try:
        first, last = (_moment(given[name]) for name in ("from_date", "to_date"))
        most = int(given.get("max_active_runs") or 10)
        conf = json.loads(given["conf"]) if given.get("conf", "").strip() else None
        behaviour = Reprocess(given.get("reprocess_behavior") or Reprocess.NONE)
    except (ValueError, RecursionError):
        return None, gettext(
            "A date, a number or the configuration cannot be read: the configuration is a JSON object."
        )
    if most < 1 or most >= 2**31 or not (conf is None or isinstance(conf, dict)) or "\\u0000" in json.dumps(conf):
        return None, gettext(
            "Give one run at once or more, and as configuration a JSON object without null characters."
        )
    return backfills.Request(
        dag.dag_id, first, last, "run_backwards" in given, behaviour, most, conf, _with_latest(dag, given)
    ), ""


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _find(request: HttpRequest, dag_id: str, backfill_id: int) -> Backfill:
    dag = dag_for(request, dag_id)
    rows = access.visible_backfills(request.user).filter(dag=dag)
    found = rows.filter(pk=backfill_id).first() if backfill_id < 2**63 else None
    if found is None:
        raise Http404(
            gettext("DAG “{dag_id}” has no backfill {backfill_id} that you may see.").format(
                dag_id=dag_id, backfill_id=backfill_id
            )
        )
    must(request, "trigger", dag)
    return found


@require_POST
def pause(request: HttpRequest, dag_id: str, backfill_id: int) -> HttpResponse:
    return _pause(request, dag_id, backfill_id, True, gettext("Paused: no more runs of the backfill start."))


@require_POST
def unpause(request: HttpRequest, dag_id: str, backfill_id: int) -> HttpResponse:
    return _pause(request, dag_id, backfill_id, False, gettext("The backfill goes on."))


def _pause(request: HttpRequest, dag_id: str, backfill_id: int, paused: bool, text: str) -> HttpResponse:
    found = _find(request, dag_id, backfill_id)
    try:
        backfills.set_paused(found.pk, paused, user=request.user)
    except OrchestratorError as problem:
        text = str(problem)
    return done(request, text, reverse("backfills", args=[dag_id]))


@form_view
def cancel(request: HttpRequest, dag_id: str, backfill_id: int) -> HttpResponse:
    found = _find(request, dag_id, backfill_id)
    how_far = backfills.progress([found])[found.pk]
    error = ""
    if request.method == "POST":
        try:
            backfills.cancel(found.pk, user=request.user)
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return done(request, gettext("The backfill is cancelled."), reverse("backfills", args=[dag_id]))
    template, status = "dialogs/_cancel_backfill.html", 409 if error else 200
    return shown(
        request,
        template,
        status=status,
        dag=found.dag,
        title=gettext("Cancel the backfill?"),
        progress=how_far,
        error=error,
    )
