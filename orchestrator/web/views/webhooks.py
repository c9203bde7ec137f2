"""Webhooks: which addresses are told how runs end, and what came of each message."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from orchestrator import access
from orchestrator.web.page import done, live_part, must, page
from runs_app import webhooks
from runs_app.exceptions import OrchestratorError
from runs_app.models import Delivery, Webhook

from .dialogs import form_view, shown, text_of

PER_PAGE = 50
KINDS = (
    ("dag_run.running", gettext_lazy("a run has started")),
    ("dag_run.success", gettext_lazy("a run has succeeded")),
    ("dag_run.failed", gettext_lazy("a run has failed")),
    ("dag_run.cancelled", gettext_lazy("a run was cancelled")),
    ("task_instance.failed", gettext_lazy("a task has failed for good")),
)
NAV = "webhooks"


@require_safe
def list_page(request: HttpRequest) -> HttpResponse:
    must(request, "edit_webhooks")
    rows = access.visible_webhooks(request.user).select_related("owner")
    return page(request, "webhooks/list.html", nav=NAV, rows=rows)


@require_safe
def one_page(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """One webhook with what it was told, the newest first."""
    hook = _hook(request, webhook_id)
    chunk = Paginator(hook.deliveries.all(), PER_PAGE).get_page(request.GET.get("page"))
    parts = {"rows": "webhooks/_deliveries.html"}
    return live_part(request, "webhooks/webhook.html", parts, nav=NAV, hook=hook, chunk=chunk)


@form_view
def add(request: HttpRequest) -> HttpResponse:
    """Make one; its secret is shown once, on the page that answers."""
    must(request, "edit_webhooks")
    error, values = "", {"kinds": list(webhooks.DEFAULT_KINDS)}
    if request.method == "POST":
        values = _values(request)
        try:
            row, secret = webhooks.create(request.user, values, timezone.now())
        except OrchestratorError as problem:
            error = str(problem)
        else:
            return _once(request, row, secret)
    return _form(request, values, error, gettext("Add a webhook"), reverse("webhooks"))


@form_view
def edit(request: HttpRequest, webhook_id: str) -> HttpResponse:
    hook = _hook(request, webhook_id)
    error = ""
    values = {name: getattr(hook, name) for name in ("name", "url", "kinds", "dag_ids", "tags")}
    if request.method == "POST":
        values = _values(request)
        try:
            webhooks.change(hook, values, user=request.user, now=timezone.now())
        except OrchestratorError as problem:
            error = str(problem)
        else:
            text = gettext("{name} is changed.").format(name=hook.name)
            return done(request, text, reverse("webhook", args=[hook.pk]))
    title = gettext("Change {name}").format(name=hook.name)
    return _form(request, values, error, title, reverse("webhook", args=[hook.pk]), hook)


@form_view
def delete(request: HttpRequest, webhook_id: str) -> HttpResponse:
    hook = _hook(request, webhook_id)
    if request.method == "POST":
        webhooks.delete(hook, user=request.user)
        return done(request, gettext("{name} is deleted.").format(name=hook.name), reverse("webhooks"))
    return shown(request, "webhooks/_delete.html", nav=NAV, hook=hook, count=hook.deliveries.count())


@require_POST
def act(request: HttpRequest, webhook_id: str) -> HttpResponse:
    """Test it, switch it on or off, give it another secret, or send a message once more: which one says the button."""
    hook, now = _hook(request, webhook_id), timezone.now()
    what = text_of(request.POST, "act", 20)
    if what == "test":
        webhooks.send_test(hook, user=request.user, now=now)
        text = gettext("A test is on its way.")
    elif what in ("enable", "disable"):
        webhooks.change(hook, {"enabled": what == "enable"}, user=request.user, now=now)
        text = gettext("{name} is on.") if what == "enable" else gettext("{name} is off.")
        text = text.format(name=hook.name)
    elif what == "secret":
        return _once(request, hook, webhooks.renew_secret(hook, user=request.user))
    elif what == "resend":
        webhooks.resend(_delivery(hook, text_of(request.POST, "delivery", 32)), user=request.user, now=now)
        text = gettext("It is sent once more.")
    else:
        text = gettext("{action} is none of its actions.").format(action=what)
        return page(request, "errors/told.html", 422, title=gettext("No such action"), text=text, status_code=422)
    return done(request, text, reverse("webhook", args=[hook.pk]))


def _hook(request: HttpRequest, webhook_id: str) -> Webhook:
    must(request, "edit_webhooks")
    found = access.visible_webhooks(request.user).filter(pk=webhook_id).select_related("owner").first()
    if found is None:
        raise Http404(gettext("There is no such webhook."))
    return found


def _delivery(hook: Webhook, pk: str) -> Delivery:
    found = hook.deliveries.filter(pk=pk).select_related("webhook").first()
    if found is None:
        raise Http404(gettext("There is no such message."))
    return found


def _values(request: HttpRequest) -> dict[str, Any]:
    posted = request.POST
    return {
        "name": text_of(posted, "name", 100),
        "url": text_of(posted, "url", 1000),
        "kinds": [each for each in posted.getlist("kinds") if len(each) <= 50][:20],
        **{name: text_of(posted, name, 10_000).replace(",", " ").split() for name in ("dag_ids", "tags")},
    }


def _form(
    request: HttpRequest, values: dict[str, Any], error: str, title: str, back: str, hook: Webhook | None = None
) -> HttpResponse:
    status = 422 if error else 200
    context = {"values": values, "kinds": KINDS, "error": error, "title": title, "back": back, "hook": hook}
    return page(request, "webhooks/form.html", status, nav=NAV, **context)


def _once(request: HttpRequest, hook: Webhook, secret: str) -> HttpResponse:
    text = gettext("Who receives its messages verifies them with this. It cannot be shown again.")
    title = gettext("The secret of {name}").format(name=hook.name)
    back = reverse("webhook", args=[hook.pk])
    return page(request, "security/once.html", nav=NAV, title=title, secret=secret, text=text, back=back)
