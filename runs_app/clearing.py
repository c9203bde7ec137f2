"""What a clear reaches, over several runs and into other DAGs, and doing it: a preview and the act from one choice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from dags_app.versions import load_spec
from orchestrator.core.states import FAILED_STATES, TaskState

from . import actions, choice, markers
from .exceptions import InvalidState
from .models import DagRun, TaskInstance


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants cleared; ``task_ids`` None = all of the run."""

    task_ids: Collection[str] | None = None
    map_index: int | None = None
    upstream: bool = False
    downstream: bool = False
    only_failed: bool = False
    only_running: bool = False
    prevent_running: bool = False
    latest: bool = False
    note: str = ""


def chosen(run: DagRun, runs: Iterable[DagRun], wanted: Wanted) -> list[TaskInstance]:
    """Return the task instances of ``runs`` that are wanted, as the version of ``run`` ties them together."""
    version = run.dag.version_id if wanted.latest else run.version_id
    named = wanted.task_ids
    if named is not None and wanted.map_index is not None:
        named = [(task_id, wanted.map_index) for task_id in named]
    found = choice.to_clear(run, load_spec(version), named, upstream=wanted.upstream, downstream=wanted.downstream)
    rows = found.of(runs).select_related("run")
    states = set(FAILED_STATES) if wanted.only_failed else set[str]()
    if wanted.only_running:
        states.add(TaskState.RUNNING)
    return list(rows.filter(state__in=sorted(states)) if states else rows)


def tied(rows: Iterable[TaskInstance], may: Callable[[str], bool]) -> list[TaskInstance]:
    """Return what markers among ``rows`` name in other DAGs' runs, of the DAGs that ``may`` allows.

    Raises:
        TooManyMarkers: the markers lead from DAG to DAG without end.
    """
    found = {row.pk: row for run, part in _by_run(rows) for row in markers.rows_tied_to(run, part, may)}
    for row in rows:
        found.pop(row.pk, None)
    return list(found.values())


def clear(
    run: DagRun, runs: Iterable[DagRun], wanted: Wanted, may: Callable[[str], bool], *, user: Any
) -> list[TaskInstance]:
    """Clear what is wanted, and what hangs on it in other DAGs; return all of it.

    Raises:
        InvalidState, TooManyMarkers: nothing was cleared.
    """
    rows = chosen(run, runs, wanted)
    running = next((row for row in rows if row.state == TaskState.RUNNING), None)
    if wanted.prevent_running and running is not None:
        raise InvalidState(
            f"Task {running.task_id} is running in {running.run.run_id}: end it first, or let it be cleared"
        )
    others = tied(rows, may)
    for each, part in _by_run(rows):
        actions.clear(each.pk, chosen=part, latest=wanted.latest, user=user)
    for each, part in _by_run(others):
        actions.clear(each.pk, chosen=part, user=user)
    if wanted.note and wanted.task_ids is None:
        actions.set_note(run.pk, wanted.note, user=user)
    elif wanted.note and rows:
        actions.set_task_note([row.pk for row in rows], wanted.note, user=user)
    return rows + others


def _by_run(rows: Iterable[TaskInstance]) -> list[tuple[DagRun, list[TaskInstance]]]:
    found: dict[int, tuple[DagRun, list[TaskInstance]]] = {}
    for row in rows:
        found.setdefault(row.run_id, (row.run, []))[1].append(row)
    return list(found.values())
