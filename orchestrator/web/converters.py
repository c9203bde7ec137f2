"""Parts of addresses."""

from __future__ import annotations

from django.urls import register_converter

ANY = "any"
"""Name of :class:`AnyText` in routes."""


class AnyText:
    """An id as it is: slashes and line breaks in a run id must not turn a page into an error."""

    regex = r"[^\0]+?"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(AnyText, ANY)
