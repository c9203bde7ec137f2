"""Loading what :func:`orchestrator.core.decide.decide` looks at."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.core.decide import Beside, Instance, RunView
from orchestrator.core.due import is_latest
from orchestrator.core.spec import DagSpec, InputSpec
from orchestrator.core.states import WAITING, RunType, TaskState
from orchestrator.core.timetables import DataInterval

from . import group_retries, past
from .locking import fetch, is_postgresql, moment, placeholders

WHOLE_RUN = 200
"""From so many tasks on, all task instances are read instead of naming each task."""


@dataclass(slots=True)
class Loaded:
    """A view, and the row behind each instance of it."""

    view: RunView
    pks: dict[tuple[str, int], int]


def load(
    run: dict[str, Any],
    spec: DagSpec,
    tasks: Collection[str] | None,
    now: datetime,
    *,
    beside: Beside | None = None,
    indexes: Collection[int] = (),
) -> Loaded:
    """Load the instances of ``tasks`` (None: of the whole run). ``run`` is a row of :data:`RUN_COLUMNS`.

    ``beside``: also those of its tasks at these indexes of their mapped group, and the unexpanded.
    """
    sql = "SELECT id, task_id, map_index, state, try_number, not_before, skip_note, held FROM runs_app_taskinstance WHERE run_id = %s"
    values: list[Any] = [run["id"]]
    if beside is not None:
        own, at = sorted(beside.own), sorted({-1, *indexes})
        sql += f" AND (task_id IN ({placeholders(own)}) AND map_index IN ({placeholders(at)})"
        sql += f" OR task_id IN ({placeholders(sorted(tasks or ('',)))}))"
        values += [*own, *at, *sorted(tasks or ("",))]
    elif tasks is not None and len(tasks) < WHOLE_RUN:
        sql += f" AND task_id IN ({placeholders(list(tasks))})"
        values += sorted(tasks)
    instances: dict[str, dict[int, Instance]] = {}
    pks: dict[tuple[str, int], int] = {}
    for pk, task_id, map_index, state, try_number, not_before, note, held in fetch(sql, values):
        due = not_before is None or moment(not_before) <= now  # type: ignore[operator]
        instances.setdefault(task_id, {})[map_index] = Instance(
            state=TaskState(state),
            due=due,
            skip_note=json.loads(note) if note else None,
            try_number=try_number,
            held=bool(held),
        )
        pks[task_id, map_index] = pk
    known = [task_id for task_id in instances if task_id in spec.tasks]
    view = RunView(
        spec=spec,
        instances=instances,
        lengths={} if beside is not None else _lengths(run["id"], spec, _asking(instances, known)),
        logical_date=run["logical_date"],
        run_type=run["run_type"],
        run_after=run["run_after"],
        is_latest=_is_latest(run, spec, known, now),
        past=past.blocked(run, spec, known, instances),
        complete=tasks is None,
        groups=group_retries.states_of(run, spec, now),
        left_out=frozenset() if beside is None else beside.below,
    )
    return Loaded(view, pks)


def _asking(instances: Mapping[str, Mapping[int, Instance]], known: Iterable[str]) -> list[str]:
    """The tasks that may be expanded, or widened: others ask for no length, and there may be thousands of them."""
    return [task_id for task_id in known if any(each.state in WAITING for each in instances[task_id].values())]


def _lengths(run_pk: int, spec: DagSpec, tasks: Iterable[str]) -> dict[tuple[str, int, str], int | None]:
    """How long the XComs are that ``tasks``, or the mapped groups around them, expand over."""
    sources: set[str] = set()
    for task_id in tasks:
        if (mapped := spec.tasks[task_id].map) is not None:
            sources.update(_sources(mapped.inputs.values()))
        group_id = spec.mapped_group_of[task_id]
        while group_id is not None:
            group = spec.groups[group_id]
            if group.map is not None:
                sources.update(_sources(group.map.inputs.values()))
            group_id = group.parent_id
    if not sources:
        return {}
    rows = fetch(
        f"SELECT task_id, map_index, key, length FROM runs_app_xcom WHERE run_id = %s AND task_id IN ({placeholders(list(sources))})",
        [run_pk, *sorted(sources)],
    )
    return {(task_id, map_index, key): length for task_id, map_index, key, length in rows}


def _sources(inputs: Iterable[InputSpec]) -> set[str]:
    found: set[str] = set()
    pending = list(inputs)
    while pending:
        each = pending.pop()
        if each.task_id is not None:
            found.add(each.task_id)
        pending.extend(each.parts)
    return found


def _is_latest(run: dict[str, Any], spec: DagSpec, tasks: Iterable[str], now: datetime) -> bool | None:
    """Whether now is the run's time; one made by hand always counts as such. None where no task of the view asks."""
    if not any(spec.tasks[task_id].inline == "latest_only" for task_id in tasks):
        return None
    if run["run_type"] == RunType.MANUAL:
        return True
    date = run["logical_date"] or run["run_after"]
    interval = DataInterval(run["data_interval_start"] or date, run["data_interval_end"] or date)
    return is_latest(spec, interval, now)


RUN_COLUMNS = (
    *("id", "dag_id", "run_id", "version_id", "state", "run_type", "logical_date", "run_after", "generation"),
    *("data_interval_start", "data_interval_end", "cancelled_at"),
)


def run_row(run_pk: int, *, lock: bool, wait: bool = False) -> dict[str, Any] | None:
    """Read a run, taking its lock; None where somebody else holds it (or it is gone)."""
    clause = ""
    if lock and is_postgresql():
        # NO KEY: who inserts an event or an attempt of the run must not wait for its lock; it may be waited for itself.
        clause = " FOR NO KEY UPDATE" if wait else " FOR NO KEY UPDATE SKIP LOCKED"
    rows = fetch(f"SELECT {', '.join(RUN_COLUMNS)} FROM runs_app_dagrun WHERE id = %s{clause}", [run_pk])
    if not rows:
        return None
    row = dict(zip(RUN_COLUMNS, rows[0], strict=True))
    for name in ("logical_date", "run_after", "data_interval_start", "data_interval_end"):
        row[name] = moment(row[name])
    return row
