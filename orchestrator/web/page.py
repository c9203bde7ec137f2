"""What every view starts and ends with: the object a path names, as far as one may see it, and a page of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from dags_app.models import Dag
from orchestrator import access
from orchestrator.web import navigation
from runs_app import favorites
from runs_app.models import DagRun, TaskInstance
from runs_app.undo import keeping

ACTIONS = ("trigger", "pause", "clear", "mark", "note", "edit", "delete")


def dag_for(request: HttpRequest, dag_id: str) -> Dag:
    """Return a DAG the user may see, with its version, file and tags.

    Raises:
        Http404: there is none, or none for her.
    """
    dags = favorites.marked(access.visible_dags(request.user), request.user)
    dags = dags.select_related("version", "file", "file__import_error").defer("version__spec")
    dag = dags.prefetch_related("tags").filter(pk=dag_id).first()
    if dag is None:
        raise Http404(gettext("There is no DAG “{dag_id}” that you may see.").format(dag_id=dag_id))
    return dag


def run_for(request: HttpRequest, dag_id: str, run_id: str) -> DagRun:
    runs = access.visible_runs(request.user).select_related("version", "dag").defer("version__spec")
    run = None if "\0" in run_id else runs.filter(dag_id=dag_id, run_id=run_id).first()
    if run is None:
        raise Http404(
            gettext("DAG “{dag_id}” has no run “{run_id}” that you may see.").format(dag_id=dag_id, run_id=run_id)
        )
    return run


def instance_for(request: HttpRequest, run: DagRun, task_id: str, map_index: int = -1) -> TaskInstance:
    instances = access.visible_task_instances(request.user).select_related("version").defer("version__spec")
    found = instances.filter(run=run, task_id=task_id, map_index=map_index).first()
    if found is None:
        index = f"[{map_index}]" if map_index != -1 else ""
        raise Http404(
            gettext("Run “{run_id}” has no task instance “{task_id}{index}”.").format(
                run_id=run.run_id, task_id=task_id, index=index
            )
        )
    return found


def must(request: HttpRequest, verb: str, obj: Any = None) -> None:
    """Refuse with 403 unless the user may do this."""
    if not access.can(request.user, verb, obj):
        raise PermissionDenied(
            gettext("Your role does not allow you to {verb} here.").format(verb=verb.replace("_", " "))
        )


def must_somewhere(request: HttpRequest, verb: str) -> None:
    """Refuse with 403 whom no row would be allowed; each row is asked about by itself then."""
    if not access.can_somewhere(request.user, verb):
        must(request, verb)


def wants_part(request: HttpRequest) -> bool:
    """Whether a script of ours asks for a fragment of the page instead of the whole."""
    return request.headers.get("X-Requested-With") == "fetch"


def page(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    """Render a page; ``may`` in it says which actions to offer, never what is allowed (the views ask again)."""
    user = getattr(request, "user", None)  # an address refused at the door has none yet
    about = next(filter(None, map(context.get, ("run", "dag", "asset"))), None)
    may = {verb: access.can(user, verb, about) if about else access.can_somewhere(user, verb) for verb in ACTIONS}
    context |= {"own_role": access.highest_role(user), "may": may, "menus": navigation.bar(user)}
    context["instance_name"] = settings.ORCH.instance_name
    response = render(request, template, context, status=status)
    # A page behind a sign-in must not come back out of a shared computer's cache after signing out.
    response.headers.setdefault("Cache-Control", "no-store, private")
    return response


def live_part(request: HttpRequest, whole: str, parts: dict[str, str], **context: Any) -> HttpResponse:
    """Render ``whole``, or with ``?part=NAME`` only that template of ``parts``: one source for page and refresh."""
    name = request.GET.get("part", "")
    if name and name not in parts:
        raise Http404(gettext("This page has no part “{name}”.").format(name=name))
    return page(request, parts[name] if name else whole, **context)


def undoable(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Have what is done by a POST to this view kept, so that :func:`done` can offer to undo it."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **named)
        with keeping.keeping(request.user):
            return view(request, *args, **named)

    return answer


def form_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A dialog: GET shows its form, POST does what it is for."""
    return require_http_methods(["GET", "HEAD", "POST"])(undoable(view))


def done(request: HttpRequest, text: str, go: str) -> HttpResponse:
    """Answer an action: a script gets what to say and where to go, a plain form is sent there; both may offer Undo."""
    undo = keeping.offered(text)
    if wants_part(request):
        return JsonResponse({"toast": text, "go": go} | ({"undo": undo.pk} if undo else {}))
    messages.success(request, text, extra_tags=str(undo.pk) if undo else "")
    return HttpResponseRedirect(go)


def whole_number(request: HttpRequest, name: str, default: int, least: int = 0, most: int = 2**31) -> int:
    """Read a number from the query; nonsense counts as not given, since it is only a way of looking."""
    try:
        return min(max(int(request.GET.get(name, "")), least), most)
    except ValueError:
        return default
