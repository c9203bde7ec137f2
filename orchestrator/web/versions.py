"""Which version of a DAG a page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext

from dags_app.models import Dag, DagVersion
from dags_app.versions import load_spec
from orchestrator.core.changes import Change, compare

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
        raise Http404(gettext("DAG “{dag_id}” has no version “{number}”.").format(dag_id=dag.dag_id, number=number))
    return found


def numbers(dag: Dag) -> list[dict[str, Any]]:
    """Return number and time of the versions to choose from, newest first."""
    return list(dag.versions.order_by("-version_number").values("version_number", "created_at")[:LISTED])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 9


@dataclass(frozen=True, slots=True)
class Listed:
    """One version as the list shows it: what it changed of the one before, and how many runs have it."""

    version: DagVersion
    before: int | None  # number of the version before
    changes: list[Change]
    files: list[tuple[str, str]]  # name, "comes", "goes" or ""
    runs: int


def listed(dag: Dag, rows: Sequence[DagVersion], counts: Mapping[int, int]) -> list[Listed]:
    """Say of versions, the newest first, what each changed. Specs never change, so each is read once a process."""
    if not rows:
        return []
    oldest = rows[-1].version_number
    older = dag.versions.filter(version_number__lt=oldest).select_related("tree").defer("spec")
    chain = [*rows, *older.order_by("-version_number")[:1]]
    found = []
    for version, before in zip_longest(rows, chain[1:]):
        changes = compare(load_spec(before.pk), load_spec(version.pk)) if before is not None else []
        files = changed_files(before, version) if before is not None else []
        number = before.version_number if before is not None else None
        found.append(Listed(version, number, changes, files, counts.get(version.pk, 0)))
    return found


def changed_files(old: DagVersion, new: DagVersion) -> list[tuple[str, str]]:
    """The files that differ between two versions, and whether one comes or goes."""
    before, after = old.tree.manifest, new.tree.manifest
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [(each, "comes" if each not in before else "goes" if each not in after else "") for each in names]
