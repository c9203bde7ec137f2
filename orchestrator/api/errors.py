"""One map from what went wrong to the status and body that Airflow's clients expect.

Everything but a failed validation answers ``{"detail": text}``; a failed validation answers 422 with
``{"detail": [{"type", "loc", "msg", "input"}]}``.
"""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from runs_app.exceptions import OrchestratorError

log = logging.getLogger(__name__)


class Invalid(exceptions.APIException):
    """The request cannot be read as what the endpoint takes; carries one problem a wrong value."""

    status_code = 422

    def __init__(self, *problems: dict[str, Any]) -> None:
        super().__init__("invalid request")
        self.problems = list(problems)


class BadRequest(exceptions.APIException):
    """The request is well formed and asks for something that makes no sense."""

    status_code = 400


class Conflict(exceptions.APIException):
    """What was to be made is there already."""

    status_code = 409


class TooLarge(exceptions.APIException):
    """The body is larger than any that makes sense."""

    status_code = 413


def problem(where: str, name: str | int, message: str, value: Any = None, kind: str = "value_error") -> dict[str, Any]:
    """One entry of a 422 answer; ``where`` is body, query or path."""
    return {"type": kind, "loc": [where, name], "msg": message, "input": value}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: every error that is the asker's gets its status, the rest is ours (500, logged)."""
    answer = _answer(error, context)
    answer.data = _writable(answer.data)
    return answer


def _writable(value: Any) -> Any:
    """What was sent, as it can be sent back: half a character has no bytes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_writable(name): _writable(each) for name, each in value.items()}
    return [_writable(each) for each in value] if isinstance(value, (list, tuple)) else value


def _answer(error: Exception, context: dict[str, Any]) -> Response:
    if isinstance(error, Invalid):
        return Response({"detail": error.problems}, status=422)
    if isinstance(error, OrchestratorError):
        wait = getattr(error, "wait", None)
        return Response({"detail": str(error)}, error.status, headers={"Retry-After": str(wait)} if wait else None)
    if isinstance(error, Http404):
        return Response({"detail": str(error) or "Not Found"}, status=404)
    if isinstance(error, PermissionDenied):
        return Response({"detail": str(error) or "Forbidden"}, status=403)
    if isinstance(error, exceptions.ParseError):
        return Response(
            {"detail": [problem("body", 0, f"JSON decode error: {error.detail}", kind="json_invalid")]}, 422
        )
    if isinstance(error, exceptions.NotAuthenticated):
        return Response({"detail": "Not authenticated"}, status=401, headers={"WWW-Authenticate": "Bearer"})
    if isinstance(error, exceptions.MethodNotAllowed):
        return Response({"detail": "Method Not Allowed"}, status=405)
    if isinstance(error, exceptions.APIException):
        headers, status = {}, error.status_code
        if isinstance(error, exceptions.AuthenticationFailed):
            # Where a view has no authentication of its own, as the one that gives tokens, DRF would say 403.
            headers["WWW-Authenticate"], status = "Bearer", 401
        if isinstance(error, exceptions.Throttled) and error.wait:
            headers["Retry-After"] = str(int(error.wait) + 1)
        return Response({"detail": _text(error.detail)}, status=status, headers=headers)
    if isinstance(error, SuspiciousOperation):
        status = 413 if isinstance(error, RequestDataTooBig) else 400
        return Response({"detail": str(error) or "Bad Request"}, status=status)
    if isinstance(error, DataError):
        log.warning("data_refused path=%s error=%s", context["request"].path, error)
        return Response({"detail": "The database cannot hold or compare a value of this request."}, status=400)
    if isinstance(error, IntegrityError):
        log.error("data_contradicts path=%s error=%s", context["request"].path, error)
        return Response({"detail": "This contradicts what is there, perhaps since a moment ago: read it again."}, 409)
    if isinstance(error, (DatabaseError, InterfaceError)):
        log.error("database_unavailable path=%s error=%s", context["request"].path, error)
        return Response({"detail": "The database cannot be reached right now."}, 503, headers={"Retry-After": "2"})
    log.error("api_defect path=%s", context["request"].path, exc_info=error)
    return Response({"detail": "Internal Server Error: it was written to the server's log"}, status=500)


def _text(detail: Any) -> str:
    if isinstance(detail, (list, tuple)):
        return "; ".join(_text(each) for each in detail)
    if isinstance(detail, dict):
        return "; ".join(f"{name}: {_text(each)}" for name, each in detail.items())
    return str(detail)
