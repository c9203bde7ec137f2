"""Loading what :func:`orchestrator.core.decide.decide` looks at."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from orchestrator.core.branches import Path, depth_of, maps_of, ranges, shared
from orchestrator.core.decide import Instance, RunView
from orchestrator.core.due import is_latest
from orchestrator.core.mapping import Length, sources
from orchestrator.core.near import Beside
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import WAITING, RunType, TaskState
from orchestrator.core.timetables import DataInterval

from . import group_retries, past, stopping
from .locking import fetch, is_postgresql, moment, placeholders
from .models import DagRun

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
    branches: Collection[Path] = (),
    rows: Iterable[tuple[Any, ...]] | None = None,
) -> Loaded:
    """Load the instances of ``tasks`` (None: of the whole run). ``run`` is a row of :data:`RUN_COLUMNS`.

    ``beside``: those of its tasks instead, in these ``branches`` of their mapped groups where they stand in them.
    ``rows``: they are known, as :data:`INSTANCE_COLUMNS`.
    """
    sql = f"SELECT {', '.join(INSTANCE_COLUMNS)} FROM runs_app_taskinstance WHERE run_id = %s"
    values: list[Any] = [run["id"]]
    if beside is not None:
        condition, more = _in_branches(spec, beside.levels, branches)
        sql += f" AND ({condition})"
        values += more
    elif tasks is not None and len(tasks) < WHOLE_RUN:
        sql += f" AND task_id IN ({placeholders(list(tasks))})"
        values += sorted(tasks)
    instances: dict[str, dict[int, Instance]] = {}
    pks: dict[tuple[str, int], int] = {}
    if rows is None:
        rows = fetch(sql, values)
    for pk, task_id, map_index, state, try_number, not_before, note, held in rows:
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
    asking = _asking(instances, known)
    if beside is not None:  # nothing but what its branches branch into depends on lengths
        asking = [task_id for task_id in asking if beside.level < depth_of(spec, task_id) and task_id in beside.own]
    view = RunView(
        spec=spec,
        instances=instances,
        lengths=_lengths(run["id"], spec, asking, beside, branches),
        logical_date=run["logical_date"],
        run_type=run["run_type"],
        run_after=run["run_after"],
        is_latest=_is_latest(run, spec, known, now),
        past=past.blocked(run, spec, known, instances),
        complete=tasks is None and beside is None,
        groups=group_retries.states_of(run, spec, now),
        left_out=frozenset() if beside is None else beside.below,
        level=0 if beside is None else beside.level,
        totals={} if beside is None else _totals(run["id"], spec, instances, asking),
        most_instances=settings.ORCH.max_mapped_instances,
        stopping=_stopping(run["id"], spec, instances, known),
    )
    return Loaded(view, pks)


def _stopping(
    run_pk: int, spec: DagSpec, instances: Mapping[str, Mapping[int, Instance]], known: Iterable[str]
) -> frozenset[str]:
    """Tasks that were ended and have not stopped yet; only teardowns that may go ask for them."""
    teardowns = [task_id for task_id in known if spec.tasks[task_id].is_teardown]
    return stopping.tasks_of(run_pk) if _asking(instances, teardowns) else frozenset()


def _asking(instances: Mapping[str, Mapping[int, Instance]], known: Iterable[str]) -> list[str]:
    """The tasks that may be expanded, or widened: others ask for no length, and there may be thousands of them."""
    return [task_id for task_id in known if any(each.state in WAITING for each in instances[task_id].values())]


def _in_branches(spec: DagSpec, levels: Mapping[str, int], branches: Collection[Path]) -> tuple[str, list[Any]]:
    """The condition for rows of tasks in branches; ``levels``: how much of the branches' paths each task has."""
    groups: dict[tuple[int, int], list[str]] = {}
    for task_id, level in levels.items():
        groups.setdefault((level, depth_of(spec, task_id) if level else 0), []).append(task_id)
    parts, values = [], list[Any]()
    for (level, depth), task_ids in sorted(groups.items()):
        part = f"task_id IN ({placeholders(task_ids)})"
        values += sorted(task_ids)
        if level:
            spans = {span for path in branches for span in ranges(path[:level], depth)}
            single = sorted(first for first, last in spans if first == last)
            wide = sorted(span for span in spans if span[0] != span[1])
            places = [f"map_index IN ({placeholders(single)})"] * bool(single)
            places += ["map_index BETWEEN %s AND %s"] * len(wide)
            part += f" AND ({' OR '.join(places)})"
            values += [*single, *(each for span in wide for each in span)]
        parts.append(part)
    return " OR ".join(parts), values


def _lengths(
    run_pk: int, spec: DagSpec, tasks: Iterable[str], beside: Beside | None, branches: Collection[Path]
) -> dict[tuple[str, int, str], Length]:
    """How long the XComs are that ``tasks``, or the mapped groups around them, expand over."""
    levels: dict[str, int] = {}
    for task_id in tasks:
        for source in {each for mapped in maps_of(spec, task_id) for each in sources(mapped)}:
            level = 0 if beside is None else min(beside.level, shared(spec, task_id, source))
            levels[source] = min(level, levels.get(source, level))
    if not levels:
        return {}
    condition, values = _in_branches(spec, levels, branches)
    rows = fetch(
        f"SELECT task_id, map_index, key, length, shape FROM runs_app_xcom WHERE run_id = %s AND ({condition})",
        [run_pk, *values],
    )
    return {
        (task_id, map_index, key): {"": length, **json.loads(shape)} if shape else length
        for task_id, map_index, key, length, shape in rows
    }


def _totals(
    run_pk: int, spec: DagSpec, instances: Mapping[str, Mapping[int, Instance]], tasks: Iterable[str]
) -> dict[str, int]:
    """How many instances the run has of nested tasks that are about to be expanded in a branch."""
    asked = [each for each in tasks if depth_of(spec, each) > 1 and any(index < 0 for index in instances[each])]
    if not asked:
        return {}
    rows = fetch(
        f"SELECT task_id, count(*) FROM runs_app_taskinstance WHERE run_id = %s AND task_id IN ({placeholders(asked)}) "
        "GROUP BY task_id",
        [run_pk, *asked],
    )
    return dict(rows)


def _is_latest(run: dict[str, Any], spec: DagSpec, tasks: Iterable[str], now: datetime) -> bool | None:
    """Whether now is the run's time; one made by hand always counts as such. None where no task of the view asks."""
    if not any(spec.tasks[task_id].inline == "latest_only" for task_id in tasks):
        return None
    if run["run_type"] == RunType.MANUAL:
        return True
    date = run["logical_date"] or run["run_after"]
    interval = DataInterval(run["data_interval_start"] or date, run["data_interval_end"] or date)
    return is_latest(spec, interval, now)


INSTANCE_COLUMNS = ("id", "task_id", "map_index", "state", "try_number", "not_before", "skip_note", "held")
RUN_COLUMNS = (
    *("id", "dag_id", "run_id", "version_id", "state", "run_type", "logical_date", "run_after", "generation"),
    *("data_interval_start", "data_interval_end", "cancelled_at"),
)


def row_of(run: DagRun) -> dict[str, Any]:
    """Return a run that was just made as :func:`run_row` would."""
    return {name: getattr(run, name) for name in RUN_COLUMNS}


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
