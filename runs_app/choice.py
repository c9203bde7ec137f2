"""Which task instances a request is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from orchestrator.core.clear import Key, around, widened
from orchestrator.core.graph import ancestors, descendants
from orchestrator.core.spec import DagSpec

from .models import DagRun, TaskInstance


@dataclass(frozen=True, slots=True)
class Choice:
    """Whole tasks by id, and single instances of others; without ``names`` everything."""

    names: frozenset[str] | None = None
    keys: frozenset[Key] = frozenset()

    def of(self, runs: Iterable[DagRun]) -> QuerySet[TaskInstance]:
        """Return the task instances of these runs, in the order in which they were made."""
        rows = TaskInstance.objects.filter(run__in=[run.pk for run in runs])
        if self.names is None:
            return rows.order_by("pk")
        chosen = Q(task_id__in=self.names)
        by_index: dict[int, set[str]] = {}
        for task_id, index in self.keys:
            by_index.setdefault(index, set()).add(task_id)
        for index, task_ids in by_index.items():
            chosen |= Q(map_index=index, task_id__in=task_ids)
        return rows.filter(chosen).order_by("pk")


def to_clear(
    run: DagRun | None,
    spec: DagSpec,
    named: Collection[str | Key] | None,
    *,
    upstream: bool = False,
    downstream: bool = False,
) -> Choice:
    """Return what to clear along with what was named: ids, or (id, map index). ``run`` None: of many, index aside."""
    if named is None:
        return Choice()
    names = {each for each in named if isinstance(each, str)}
    keys = {each for each in named if not isinstance(each, str)}
    counts = _counts(run) if run is not None and keys else {}
    for wanted, above in ((upstream, True), (downstream, False)):
        if wanted:
            more, more_keys = widened(spec, names, keys, counts, above=above)
            names |= more
            keys |= more_keys
    if not (upstream or downstream):
        names |= around(spec, [*names, *(task_id for task_id, _ in keys)], upstream=False, downstream=False)
    return Choice(frozenset(names), frozenset(key for key in keys if key[0] not in names))


def _counts(run: DagRun) -> dict[str, int]:
    rows = TaskInstance.objects.filter(run=run, map_index__gte=0).order_by()
    return dict(rows.values_list("task_id").annotate(Count("pk")))


def to_mark(
    spec: DagSpec, task_ids: Collection[str], map_index: int | None, *, upstream: bool = False, downstream: bool = False
) -> Choice:
    """Return what to mark along with tasks, or one instance of each: whole tasks; what tears down is for the engine."""
    known, names = set(task_ids) & spec.tasks.keys(), set[str]()
    names |= ancestors(spec, known) if upstream else set()
    if downstream:
        names |= {task_id for task_id in descendants(spec, known) if not spec.tasks[task_id].is_teardown}
    if map_index is None:
        return Choice(frozenset(names.union(task_ids)))
    return Choice(frozenset(names), frozenset((task_id, map_index) for task_id in task_ids))
