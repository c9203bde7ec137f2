"""What every endpoint does before its own work: who asks, in which form, and whether it can be stored at all."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from .errors import Invalid, TooLarge, problem

BODY_BYTES = 1024 * 1024
DEEPEST = 64
"""Levels of nesting in a body: far more than anybody writes, far less than any encoder's recursion limit."""


class Json(BaseParser):
    """Reads JSON bodies: UTF-8, at most 1 MiB, no NaN, not nested without end."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        data = stream.read(BODY_BYTES + 1)
        if len(data) > BODY_BYTES:
            raise TooLarge(f"The body is larger than {BODY_BYTES} bytes")
        try:
            value = json.loads(data.decode("utf-8"), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ParseError(str(error)[:200]) from error
        if _depth(value) > DEEPEST:
            raise ParseError(f"more than {DEEPEST} levels of nesting")
        return value


class AnyAccept(BaseContentNegotiation):
    """Answers are JSON whatever the Accept header says; views that can do more read it themselves."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        return next((each for each in parsers if sent == each.media_type or sent.endswith("+json")), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """Base of all endpoints."""

    parser_classes = (Json,)
    content_negotiation_class = AnyAccept
    metadata_class = None

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        if request.method in {"POST", "PUT", "PATCH"} and not request.META.get("CONTENT_LENGTH"):
            # A body in chunks has no length, and without one the framework would take it for none.
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # No row can hold NUL, and PostgreSQL refuses to be asked for it.
        if any("\0" in str(value) for value in kwargs.values()):
            raise Http404("Not Found")
        for name, values in request.GET.lists():
            if "\0" in name or any("\0" in value for value in values):
                raise Invalid(problem("query", name, "Input must not hold NUL characters", kind="string_unicode"))


class OpenView(ApiView):
    """Base of the endpoints that ask for no credentials."""

    authentication_classes = ()
    permission_classes = ()


def null(status: int = 200) -> JsonResponse:
    """Answer with nothing in JSON: clients read a body where Airflow has one, even if it is only ``null``."""
    return JsonResponse(None, safe=False, status=status)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _depth(value: Any) -> int:
    deepest = 0
    pending = [(value, 1)]
    while pending:
        each, depth = pending.pop()
        if isinstance(each, (dict, list)):
            deepest = max(deepest, depth)
            inner = each.values() if isinstance(each, dict) else each
            pending.extend((part, depth + 1) for part in inner)
    return deepest
