"""Addresses that would be one of ours but for a word where a number belongs: refused by that name, as Airflow does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.http import JsonResponse
from django.urls import URLPattern
from django.views.decorators.csrf import csrf_exempt

from .errors import Invalid, handle, problem

PART = re.compile(r"<(\w+):(\w+)>")
WHOLE = re.compile(r"-?\d+")
TAKEN = {"path": ".+"}
MESSAGE = "Input should be a valid integer, unable to parse string as an integer"


class Misfits:
    """Answers for what no address took: 422 where only a number was none, 404 otherwise."""

    def __init__(self, patterns: Iterable[URLPattern]) -> None:
        self._routes: list[tuple[re.Pattern[str], tuple[str, ...]]] = []
        for route in (str(each.pattern) for each in patterns):
            numbers = tuple(name for kind, name in PART.findall(route) if kind in ("int", "index"))
            if numbers:
                self._routes.append((re.compile(PART.sub(_as_text, route)), numbers))

    def problems(self, path: str) -> list[dict[str, Any]]:
        """Return what is no number in ``path`` (without its first slash); nothing where it is like none of ours."""
        for pattern, numbers in self._routes:
            if match := pattern.fullmatch(path):
                return [
                    problem("path", name, MESSAGE, match[name][:200], "int_parsing")
                    for name in numbers
                    if not WHOLE.fullmatch(match[name])
                ]
        return []

    def view(self) -> Any:
        """Return the view of all addresses under /api/ and /auth/ that are none."""

        @csrf_exempt
        def not_found(request: Any, *args: Any, **kwargs: Any) -> JsonResponse:
            if problems := self.problems(request.path_info.removeprefix("/")):
                answer = handle(Invalid(*problems), {"request": request})
                return JsonResponse(answer.data, status=answer.status_code)
            return JsonResponse({"detail": "Not Found"}, status=404)

        return not_found


def _as_text(part: re.Match[str]) -> str:
    return f"(?P<{part[2]}>{TAKEN.get(part[1], '[^/]+')})"
