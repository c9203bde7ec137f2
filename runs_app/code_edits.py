"""Editing a DAG file in the browser, as far as it is an action of somebody: checked, written, on record."""

from __future__ import annotations

import difflib
import time
from typing import Any

from django.db import transaction

from dags_app import editing
from dags_app.bundles.config import DEFAULT_NAME
from dags_app.models import Dag

from . import actions
from .exceptions import OrchestratorError

SEEN_WITHIN = 2.0
"""Seconds that a save waits for the DAG processor to see it; an edit takes it some 0.1 s."""


class EditRefused(OrchestratorError):
    """The text was not written; ``errors`` is what importing it gave."""

    status = 422

    def __init__(self, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        self.errors = errors or []
        super().__init__(message)


def save(dag: Dag, path: str, text: str, digest: str, *, user: Any, anyway: bool = False) -> list[str]:
    """Write a file of a DAG, if it can be imported; return the ids of the DAGs it defines now.

    ``anyway``: also where its DAG is no longer among them.

    Raises:
        EditRefused: it cannot be imported, loses the DAG, was changed meanwhile, or cannot be written.
    """
    try:
        bundle = dag.file.bundle_name if dag.file is not None else DEFAULT_NAME
        before = editing.read(path, bundle)
        if before.digest != digest:
            raise editing.ChangedMeanwhile(path)
        found = editing.check(path, text, bundle)
        if found.errors:
            raise EditRefused("It was not saved: importing it fails.", found.errors)
        is_its_file = dag.file is not None and dag.file.relative_path == path
        if is_its_file and dag.dag_id not in found.dag_ids and not anyway:
            raise EditRefused(
                f"It was not saved: it no longer defines {dag.dag_id}. Tick the box below if that is meant."
            )
        with transaction.atomic():
            changed = difflib.unified_diff(
                before.text.splitlines(), text.splitlines(), "before", "after", lineterm="", n=1
            )
            actions.audit(user, "edit_dag_file", dag_id=dag.dag_id, file=path, diff="\n".join(changed)[:20_000])
            editing.write(path, text, digest, bundle)
    except (editing.NotEditable, editing.ChangedMeanwhile) as error:
        raise EditRefused(f"It was not saved: {error}.") from error
    return found.dag_ids


def wait_until_seen(dag: Dag) -> bool:
    """Wait until the processor has made another version of the DAG, but not for long."""
    until = time.monotonic() + SEEN_WITHIN
    while time.monotonic() < until:
        if Dag.objects.values_list("version_id", flat=True).get(pk=dag.pk) != dag.version_id:
            return True
        time.sleep(0.05)
    return False
