"""Required actions: what tasks ask people, listed, and one at a time to be answered, by whoever signed in or by a link."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from orchestrator import access
from orchestrator.web import questions
from orchestrator.web.filters import Filter, Filters
from orchestrator.web.page import dag_for, done, live_part, must, page, run_for, whole_number
from runs_app import answer_links, answering
from runs_app.exceptions import AlreadyAnswered, NotAsked, NotAssigned, OrchestratorError
from runs_app.models import HITLDetail

from .task import Expanded, head

form_view = require_http_methods(["GET", "HEAD", "POST"])
PER_PAGE = 50
TI = "task_instance__"
FILTERS = (
    Filter("subject", gettext_lazy("Question"), "subject", first=True),
    Filter("dag_id", "DAG", TI + "dag_id", first=True),
    Filter("task_id", gettext_lazy("Task"), TI + "task_id", first=True),
    Filter("body", gettext_lazy("Text"), "body"),
    Filter("run_id", gettext_lazy("Run id"), TI + "run__run_id"),
    Filter("map_index", gettext_lazy("Map index"), TI + "map_index", "number"),
    Filter("created_at", gettext_lazy("Asked"), "created_at", "time"),
    Filter("responded_by_user_name", gettext_lazy("Answered by"), "responded_by_user_name"),
)


@require_safe
def list_page(request: HttpRequest, dag_id: str | None = None, run_id: str | None = None) -> HttpResponse:
    """What is asked, of all DAGs, of one or of one run; with ``answered`` what was."""
    dag = dag_for(request, dag_id) if dag_id is not None else None
    run = run_for(request, dag.dag_id, run_id) if dag is not None and run_id is not None else None
    answered = "answered" in request.GET
    rows = access.visible_questions(request.user, is_open=not answered)
    if answered:
        rows = rows.filter(responded_at__isnull=False)
    rows = rows.filter(task_instance__dag_id=dag.dag_id) if dag is not None else rows
    rows = rows.filter(task_instance__run=run) if run is not None else rows
    filters = Filters(request, FILTERS)
    rows = filters.narrow(rows)
    rows = rows.select_related("task_instance__run").order_by("-responded_at" if answered else "created_at", "pk")
    live = f"run:{run.pk}" if run is not None else f"dag:{dag.dag_id}" if dag is not None else "dags"
    chunk = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {"nav": "required", "dag": dag, "run": run, "chunk": chunk, "answered": answered, "live": live}
    return live_part(request, "required/list.html", {"rows": "required/_rows.html"}, filters=filters, **context)


@form_view
def question_page(request: HttpRequest, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> HttpResponse:
    """The question of one task instance: its form while it is open, its answer afterwards."""
    if map_index == -1:
        map_index = whole_number(request, "map_index", -1, least=-(10**18), most=10**18)  # as in Airflow's links
    try:
        context = head(request, dag_id, run_id, task_id, map_index, "required")
    except Expanded as elsewhere:
        return HttpResponseRedirect(str(elsewhere))
    details = list(context["instance"].hitl_details.order_by("-try_number"))
    if not details:
        raise Http404(gettext("“{task_id}” has asked nothing.").format(task_id=task_id))
    question, status = questions.of(details[0], request.GET), 200
    question.detail.task_instance = context["instance"]
    if request.method == "POST":
        must(request, "answer", context["instance"])
        status = _answer(question, request, request.user)
        if status == 200:
            return done(request, gettext("Answered: the task goes on."), context["to"]["required"])
    may_answer = access.can(request.user, "answer", context["instance"])
    context |= {
        "question": question,
        "may_answer": may_answer and answering.may_answer(question.detail, request.user),
        "earlier": [questions.of(each) for each in details[1:]],
    }
    template = "tasks/_question.html" if request.GET.get("part") == "question" else "tasks/required.html"
    parts = {"head": "tasks/_head.html", "rail": "tasks/_rail.html", "question": "tasks/_question.html"}
    if request.GET.get("part") in parts:
        return live_part(request, template, parts, **context)
    return page(request, template, status, **context)


@form_view
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """The question that a link is good for. Opening it changes nothing: mail scanners follow links, too."""
    try:
        invited = answer_links.read(token)
    except NotAsked as problem:
        return page(
            request, "errors/told.html", 403, title=gettext("This link is not good"), text=str(problem), status_code=403
        )
    instance = invited.asked.task_instance
    seen = access.visible_task_instances(invited.user).filter(pk=instance.pk).exists()
    if not seen or not access.can(invited.user, "answer", instance):
        raise PermissionDenied(gettext("The account that this link was made for may not answer any more."))
    question, status = questions.of(invited.asked, request.GET), 200
    if request.method == "POST":
        status = _answer(question, request, invited.user, how="link")
        if status == 200:
            return HttpResponseRedirect(reverse("answer-link", args=[token]))
    context = {"question": question, "may_answer": True, "person": invited.user, "instance": instance}
    return page(request, "required/link.html", status, **context)


def _answer(question: questions.Question, request: HttpRequest, user: Any, how: str = "page") -> int:
    """Give the answer that was sent; return the status of the page, 200 where it was taken."""
    given = questions.read(question, request.POST)
    if question.error and question.is_open:
        return 422
    try:
        answering.answer(question.detail.pk, user=user, how=how, **given)
    except OrchestratorError as problem:
        question.error = str(problem)
        kept = HITLDetail.objects.filter(pk=question.detail.pk).first()
        if kept is not None:
            kept.task_instance = question.detail.task_instance
            question.detail = kept
        return (
            409
            if isinstance(problem, (AlreadyAnswered, NotAsked))
            else 403
            if isinstance(problem, NotAssigned)
            else 422
        )
    return 200
