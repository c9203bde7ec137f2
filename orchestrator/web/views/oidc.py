"""Signing in by an OpenID Connect provider: there, and back."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orchestrator import access, oidc
from orchestrator.web.page import page
from runs_app import identities
from runs_app.exceptions import OrchestratorError

from .account import ID_TOKEN, target

log = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
FAILURES = (
    (
        oidc.StaleSignIn,
        gettext_lazy("This sign-in was begun in another window, or too long ago."),
        gettext_lazy("Begin it again."),
    ),
    (
        oidc.Refused,
        gettext_lazy("The provider let nobody in."),
        gettext_lazy("Sign in there again; if that goes wrong too, ask who looks after it."),
    ),
    (
        oidc.ProviderError,
        gettext_lazy("The provider does not answer, or what it sent does not hold."),
        gettext_lazy("Try again in a moment. The reason is in the log of the web server."),
    ),
    (identities.NoEntry, "", gettext_lazy("Ask an administrator of this installation.")),
)
"""Kind of failure, what it is ("" = what the error says), and what to do about it."""


@never_cache
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider."""
    _must_be_on()
    if request.user.is_authenticated:
        return HttpResponseRedirect(target(request))
    try:
        return HttpResponseRedirect(oidc.begin(request, _callback(request), target(request)))
    except OrchestratorError as problem:
        return _refused(request, problem)


@never_cache
@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Take what the browser brings back, and sign its owner in."""
    _must_be_on()
    try:
        person, after = oidc.finish(request)
        account = identities.enter(
            person.issuer,
            person.subject,
            name=person.name,
            email=person.email,
            groups=person.groups,
            policy=_policy(),
            now=timezone.now(),
        )
    except OrchestratorError as problem:
        return _refused(request, problem)
    login(request, account, backend=BACKEND)  # gives the session another key, so that one known before is worth nothing
    request.session.set_expiry(timezone.now() + timedelta(hours=settings.ORCH.oidc_session_hours))
    request.session[ID_TOKEN] = person.id_token
    safe = url_has_allowed_host_and_scheme(after, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(after if safe else "/")


def _must_be_on() -> None:
    if not oidc.is_on():
        raise Http404(gettext("Signing in by OpenID Connect is not set up here."))


def _callback(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("oidc-callback"))


def _policy() -> identities.Policy:
    conf = settings.ORCH
    return identities.Policy(
        roles=access.ROLES,
        of_groups=conf.oidc_roles,
        teams_of_groups=conf.oidc_teams,
        create=conf.oidc_create_users,
        link=conf.oidc_link_users,
    )


def _refused(request: HttpRequest, problem: OrchestratorError) -> HttpResponse:
    log.warning("oidc_sign_in_failed error=%s", problem)
    text, advice = next(((what, do) for kind, what, do in FAILURES if isinstance(problem, kind)), ("", ""))
    context = {"text": text or f"{problem}.", "advice": advice, "label": settings.ORCH.oidc_label}
    return page(request, "account/refused.html", problem.status, **context)
