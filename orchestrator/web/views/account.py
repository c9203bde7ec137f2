"""Signing in and out, and one's own password."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model, login, logout, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from redis import RedisError

from orchestrator import oidc
from orchestrator.signin import TooManyAttempts, has_one_time_password, may_use_password, throttle
from orchestrator.web.page import done, page

WRONG = gettext_lazy("That user name and password do not belong together.")
CHOOSING = "choosing_password"
ID_TOKEN = "oidc_id_token"
"""Of a session that a provider signed in: the provider wants to see it again when that ends."""
CHOOSING_SECONDS = 600


def target(request: HttpRequest) -> str:
    """Where to go after signing in: ``next`` if it stays on this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else "/"


@sensitive_post_parameters("password")
@csrf_protect
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Check name and password. Somebody who never signed in before chooses a password of her own first."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(target(request))
    name, error, status, wait = request.POST.get("username", "").replace("\0", "")[:150], "", 200, 0
    if request.method == "POST":
        try:
            user = _checked(request, name, request.POST.get("password", ""))
        except TooManyAttempts as problem:
            error, status, wait = f"{problem}.", 429, problem.wait
        except RedisError:
            error, status = (
                gettext("Sign-ins cannot be checked right now: Redis does not answer. Try again in a moment."),
                503,
            )
        else:
            if user is not None and has_one_time_password(user):
                request.session.cycle_key()
                request.session[CHOOSING] = [user.pk, user.get_session_auth_hash(), time.time(), target(request)]
                return HttpResponseRedirect("/sign-in/password")
            if user is not None:
                login(request, user)
                return HttpResponseRedirect(target(request))
            error, status = WRONG, 403
    context = {"provider": settings.ORCH.oidc_label if oidc.is_on() else "", "local": settings.ORCH.local_sign_in}
    response = page(request, "account/sign_in.html", status, error=error, name=name, next=target(request), **context)
    if wait:
        response.headers["Retry-After"] = str(wait)
    return response


def _checked(request: HttpRequest, name: str, password: str) -> Any:
    with throttle(name, request.META.get("REMOTE_ADDR", "")) as attempt:
        user = authenticate(request, username=name, password=password)
        if user is None or not may_use_password(user):
            user = None
            attempt.failed()
    return user


@sensitive_post_parameters()
@csrf_protect
@never_cache
@require_http_methods(["GET", "POST"])
def choose_password(request: HttpRequest) -> HttpResponse:
    """Replace a one-time password. One is signed in only by having done so."""
    pk, mark, since, after = request.session.get(CHOOSING) or (None, "", 0, "/")
    user = get_user_model().objects.filter(pk=pk, is_active=True).first() if pk else None
    if user is None or user.get_session_auth_hash() != mark or time.time() - since > CHOOSING_SECONDS:
        request.session.pop(CHOOSING, None)
        return HttpResponseRedirect("/sign-in")
    form = SetPasswordForm(user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if user.check_password(form.cleaned_data["new_password1"]):
            form.add_error("new_password1", gettext("Choose another one than the one-time password."))
        else:
            form.save()
            request.session.pop(CHOOSING, None)
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
            return HttpResponseRedirect(after)
    status = 422 if form.errors else 200
    return page(request, "account/choose_password.html", status, form=form, name=user.get_username())


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session; who came by a provider is led on to end that one's, too."""
    id_token = request.session.get(ID_TOKEN, "")
    logout(request)
    further = oidc.end_session_url(id_token, request.build_absolute_uri("/sign-in")) if id_token else ""
    if not further:
        return HttpResponseRedirect("/sign-in")
    # Not as a redirect: the content security policy lets no form lead to another site.
    response = page(request, "account/signed_out.html", further=further, label=settings.ORCH.oidc_label)
    response.headers["Refresh"] = f"0; url={further}"
    return response


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def change_password(request: HttpRequest) -> HttpResponse:
    """Change one's own password; other sessions of the account end by it."""
    form: Any = PasswordChangeForm(request.user, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        form.save()
        update_session_auth_hash(request, form.user)
        return done(request, gettext("Password changed. Other sessions of yours are signed out."), "/")
    return page(request, "account/password.html", 422 if form.errors else 200, form=form)
