"""What the grid shows of each run: its states, one character a task.

A finished run's states change by recorded moves only, so what was worked out for it once stays true until its last
event is another one: it is kept, in each web process, for whoever looks next. That is what makes a year of runs cheap.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Aggregate, Case, OuterRef, QuerySet, Subquery, TextField, Value, When

from orchestrator.core.states import RUN_FINISHED
from runs_app.models import DagRun, StateEvent, TaskInstance

CODES = {
    "none": "n",
    "scheduled": "q",
    "running": "r",
    "deferred": "d",
    "awaiting_input": "i",
    "up_for_retry": "y",
    "up_for_reschedule": "z",
    "success": "s",
    "failed": "f",
    "skipped": "k",
    "upstream_failed": "u",
    "removed": "m",
    "cancelled": "c",
}
"""One character a state: a thousand tasks in one run are a thousand bytes."""
ABSENT, MANY = "-", "*"
MOST_KEPT = 16_000_000
"""So many characters of columns are kept in a process."""

Counts = dict[str, int]
CODE = Case(*(When(state=state, then=Value(code)) for state, code in CODES.items()), output_field=TextField())


class Joined(Aggregate):
    """All texts of a group in one; two of these in one query have them in the same order.

    A row a run: a year of a thousand tasks as rows of their own took the drivers longer than all the rest.
    """

    name, output_field = "joined", TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        return super().as_sql(compiler, connection, function="GROUP_CONCAT", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:
        return super().as_sql(compiler, connection, function="STRING_AGG", **extra)


@dataclass(slots=True)
class Column:
    """One run's states. ``many``: place -> counts of a mapped task; ``others``: tasks that the layout does not have."""

    states: str
    many: dict[int, Counts] = field(default_factory=dict)
    others: dict[str, Counts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """The tasks of one version in the grid's order; ``key`` says which version."""

    key: object
    tasks: tuple[str, ...]
    mapped: frozenset[str]


def with_last_event(runs: QuerySet[DagRun]) -> QuerySet[Any]:
    """Give each run ``last_event``: the key of the last change of it or of one of its task instances."""
    last = StateEvent.objects.filter(run=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    return runs.annotate(last_event=Subquery(last))


class Kept:
    """Columns by run, last event and layout; those that were not asked for longest go first."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.most, self.size = most, 0
        self.found: OrderedDict[tuple[Any, ...], Column] = OrderedDict()
        self.lock = threading.Lock()

    def clear(self) -> None:
        with self.lock:
            self.found.clear()
            self.size = 0

    def get(self, key: tuple[Any, ...]) -> Column | None:
        with self.lock:
            if key in self.found:
                self.found.move_to_end(key)
            return self.found.get(key)

    def put(self, key: tuple[Any, ...], column: Column) -> None:
        with self.lock:
            if key in self.found:
                return
            self.found[key] = column
            self.size += _size(column)
            while self.size > self.most:
                self.size -= _size(self.found.popitem(last=False)[1])


def _size(column: Column) -> int:
    return len(column.states) + 60 * (len(column.many) + len(column.others)) + 100


kept = Kept()


def columns(runs: Sequence[Any], layout: Layout) -> dict[int, Column]:
    """Return the column of each of ``runs`` (see :func:`with_last_event`): one query for those that are not kept."""
    found: dict[int, Column] = {}
    missing: dict[int, tuple[Any, ...] | None] = {}
    for run in runs:
        key = (run.pk, run.last_event, layout.key) if run.state in RUN_FINISHED else None
        column = kept.get(key) if key else None
        if column is None:
            missing[run.pk] = key
        else:
            found[run.pk] = column
    for run_pk, column in _read(missing, layout):
        found[run_pk] = column
        if key := missing[run_pk]:
            kept.put(key, column)
    empty = ABSENT * len(layout.tasks)
    return {run.pk: found.get(run.pk) or Column(empty) for run in runs}


def _read(run_pks: Iterable[int], layout: Layout) -> Iterator[tuple[int, Column]]:
    pks = list(run_pks)
    if not pks:
        return
    cells = TaskInstance.objects.filter(run__in=pks).order_by().values("run_id")
    places = {task_id: place for place, task_id in enumerate(layout.tasks)}
    blank = [ABSENT] * len(layout.tasks)
    told = cells.annotate(tasks=Joined("task_id", Value(",")), codes=Joined(CODE, Value("")))
    for run_pk, tasks, codes in told.values_list("run_id", "tasks", "codes").iterator(chunk_size=50):
        yield run_pk, _column(zip(tasks.split(","), codes, strict=True), places, blank.copy(), layout.mapped)


def _column(
    cells: Iterable[tuple[str, str]], places: dict[str, int], states: list[str], mapped: frozenset[str]
) -> Column:
    many: dict[int, Counts] = {}
    others: dict[str, Counts] = {}
    for task_id, code in cells:
        place = places.get(task_id)
        if place is None:
            _add(others.setdefault(task_id, {}), STATES[code])
        elif states[place] == ABSENT and task_id not in mapped:
            states[place] = code
        else:
            if place not in many:
                many[place] = {}
                if states[place] != ABSENT:  # not mapped in this version, but in the run's
                    _add(many[place], STATES[states[place]])
                states[place] = MANY
            _add(many[place], STATES[code])
    return Column("".join(states), many, others)


STATES = {code: state for state, code in CODES.items()}


def _add(counts: Counts, state: str) -> None:
    counts[state] = counts.get(state, 0) + 1
