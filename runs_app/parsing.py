"""Asking the DAG processor to read a file again."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from dags_app.models import DagFile

from .actions import audit


def ask(file_pk: int, *, user: Any) -> None:
    """Have a file read again; the processor looks for such files as for those whose timetables are to be asked."""
    with transaction.atomic():
        DagFile.objects.filter(pk=file_pk).update(parse_asked=True)
        path = DagFile.objects.values_list("relative_path", flat=True).get(pk=file_pk)
        audit(user, "reparse_dag_file", file=path)
