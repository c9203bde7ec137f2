"""Which version of a DAG a page shows."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest

from dags_app.models import Dag, DagVersion

LISTED = 200
"""Versions offered to choose from, newest first; older ones have their addresses still."""


def picked(request: HttpRequest, dag: Dag, name: str = "version_number") -> DagVersion | None:
    """Return the version that the query names, None where it names none.

    Raises:
        Http404: the DAG has no such version.
    """
    number = request.GET.get(name, "")
    if not number:
        return None
    found = dag.versions.filter(version_number=int(number)).first() if _is_number(number) else None
    if found is None:
        raise Http404(f"DAG “{dag.dag_id}” has no version “{number}”.")
    return found


def numbers(dag: Dag) -> list[dict[str, Any]]:
    """Return number and time of the versions to choose from, newest first."""
    return list(dag.versions.order_by("-version_number").values("version_number", "created_at")[:LISTED])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 9
