"""Signing in for programs."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from django.contrib.auth import authenticate
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from orchestrator.api import auth
from orchestrator.api.base import Json, OpenView
from orchestrator.api.body import Part, limited_text, read_body
from orchestrator.api.errors import BadRequest
from orchestrator.signin import OneTimePassword, has_one_time_password, may_use_password, throttle

CREDENTIALS = {
    "username": Part(limited_text(150), required=True, nullable=False),
    "password": Part(limited_text(4096), required=True, nullable=False),
}


class TokenView(OpenView):
    """POST /auth/token with a name and a password, as JSON or as a form, gives a bearer token of one day."""

    parser_classes = (Json, FormParser)
    life: timedelta = auth.TOKEN_LIFE

    def post(self, request: Request) -> Response:
        values = read_body(request, CREDENTIALS)
        with throttle(values["username"], request.META.get("REMOTE_ADDR", "")) as attempt:
            user = authenticate(request, username=values["username"], password=values["password"])
            if user is None or not may_use_password(user):
                attempt.failed()
                raise AuthenticationFailed("Invalid credentials")
        if has_one_time_password(user):
            raise OneTimePassword(
                "This is a one-time password: sign in on the page and choose your own, then ask again"
            )
        return Response({"access_token": auth.issue_token(user, self.life)}, status=201)


class CliTokenView(TokenView):
    """POST /auth/token/cli: the same, for one hour."""

    life = auth.CLI_TOKEN_LIFE


class LoginView(OpenView):
    """GET /auth/login: to the page that signs in, and from there to ``next``."""

    def get(self, request: Request) -> HttpResponseRedirect:
        address, next_page = reverse("sign-in"), request.GET.get("next", "")
        if next_page:
            if not url_has_allowed_host_and_scheme(next_page, {request.get_host()}, request.is_secure()):
                raise BadRequest("Invalid or unsafe next URL")
            address += "?" + urlencode({"next": next_page})
        return SeeThere(address)


class LogoutView(OpenView):
    """GET /auth/logout: ends the bearer token that it is asked with.

    A session goes on: a link of another site could end it, so signing out of the pages is a form.
    """

    def get(self, request: Request) -> HttpResponseRedirect:
        kind, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() == "bearer" and token:
            with suppress(AuthenticationFailed):  # what is no token any more has ended already
                auth.revoke(token.strip())
        return SeeThere(reverse("sign-in"))


class SeeThere(HttpResponseRedirect):
    """Airflow's status for these."""

    status_code = 307
