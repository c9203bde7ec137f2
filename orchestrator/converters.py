"""Parts of addresses that pages and API have in common."""

from __future__ import annotations

from django.urls import register_converter


class MapIndex:
    """A map index: -1 is the task that is not mapped, below it what is not expanded yet in one branch of nested mappings."""

    regex = r"-?\d{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(MapIndex, "index")
