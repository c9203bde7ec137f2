"""What an ExternalTaskMarker ties to a task: runs of other DAGs that have to be done again with it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from dags_app.versions import load_spec
from orchestrator.core.concurrency_key import ConcurrencyKeyError, context_of, render
from orchestrator.core.spec import TaskSpec

from .exceptions import TooManyMarkers
from .models import DagRun, TaskInstance

log = logging.getLogger(__name__)

Tied = dict[int, set[str]]
"""Run -> the tasks of it."""
ISOFORMAT = re.compile(r"\{\{\s*(?:logical_date|execution_date)\.isoformat\(\)\s*\}\}")


def tied_to(run: DagRun, task_ids: Iterable[str]) -> Tied:
    """Return what markers among ``task_ids`` of ``run`` name in runs of other DAGs, and what those name in turn.

    Of each other run: the named task and all below it. The run itself is not among them.

    Raises:
        TooManyMarkers: more steps from DAG to DAG than the first marker's ``recursion_depth``.
    """
    found: Tied = {}
    for task in _markers(run, task_ids):
        _follow(run, task, task.display["marker"]["recursion_depth"], 1, found)
    found.pop(run.pk, None)
    return found


def rows_tied_to(run: DagRun, cleared: Iterable[TaskInstance], may: Callable[[str], bool]) -> list[TaskInstance]:
    """Return the task instances of other DAGs' runs that hang on what is cleared, of the DAGs that ``may`` allows.

    Raises:
        TooManyMarkers: see :func:`tied_to`.
    """
    tied = tied_to(run, {row.task_id for row in cleared})
    rows = TaskInstance.objects.filter(run__in=tied).select_related("run").order_by("run_id", "pk")
    return [row for row in rows if row.task_id in tied[row.run_id] and may(row.dag_id)]


def _markers(run: DagRun, task_ids: Iterable[str]) -> list[TaskSpec]:
    spec = load_spec(run.version_id)
    return [spec.tasks[each] for each in task_ids if each in spec.tasks and "marker" in spec.tasks[each].display]


def _follow(run: DagRun, task: TaskSpec, most: int, step: int, found: Tied) -> None:
    if step > most:
        raise TooManyMarkers(task.task_id, most)
    other = _other_run(run, task)
    if other is None:
        return
    from .actions import affected

    named = task.display["marker"]["external_task_id"]
    rows: list[TaskInstance] = affected(other, task_ids=[named], downstream=True, setups=True)
    new = {row.task_id for row in rows} - found.get(other.pk, set())
    if not new:
        return  # seen already: a ring of markers ends here
    found.setdefault(other.pk, set()).update(new)
    for each in _markers(other, sorted(new)):
        _follow(other, each, most, step + 1, found)


def _other_run(run: DagRun, task: TaskSpec) -> DagRun | None:
    """The run of the other DAG that a marker means; None where there is none (yet)."""
    date = _date(run, task)
    if date is None:
        return None
    return DagRun.objects.filter(dag_id=task.display.get("external_dag_id"), logical_date=date).first()


def _date(run: DagRun, task: TaskSpec) -> datetime | None:
    """The logical date that a marker names; worked out here without running anybody's code."""
    template = ISOFORMAT.sub("{{ ts }}", str(task.display["marker"]["logical_date"]))
    context: dict[str, Any] = context_of(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=run.run_type,
        logical_date=run.logical_date,
        interval=(run.data_interval_start, run.data_interval_end),
        conf=run.conf,
        params={},
    )
    try:
        found = datetime.fromisoformat(render(template, context).replace("Z", "+00:00"))
    except (ConcurrencyKeyError, ValueError) as error:
        log.warning("marker_not_followed dag=%s task=%s reason=%s", run.dag_id, task.task_id, error)
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
