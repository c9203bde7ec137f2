"""Which task instances a request is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from orchestrator.core.branches import depth_of, path_of, ranges
from orchestrator.core.clear import Key, around, widened
from orchestrator.core.graph import ancestors, descendants
from orchestrator.core.spec import DagSpec

from .models import DagRun, TaskInstance


@dataclass(frozen=True, slots=True)
class Choice:
    """Whole tasks by id, and single instances of others; without ``names`` everything."""

    names: frozenset[str] | None = None
    keys: frozenset[Key] = frozenset()
    spans: frozenset[tuple[str, int, int]] = frozenset()  # task id, its first and last map index

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
        by_span: dict[tuple[int, int], set[str]] = {}
        for task_id, first, last in self.spans:
            by_span.setdefault((first, last), set()).add(task_id)
        for span, task_ids in by_span.items():
            chosen |= Q(map_index__range=span, task_id__in=task_ids)
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
    single = run is not None
    branches = {(task_id, path_of(index, depth_of(spec, task_id)) if single else ()) for task_id, index in keys}
    for wanted, above in ((upstream, True), (downstream, False)):
        if wanted:
            more, beside = widened(spec, names, branches, above=above)
            names |= more
            branches |= beside
    if not (upstream or downstream):
        names |= around(spec, [*names, *(task_id for task_id, _ in keys)], upstream=False, downstream=False)
    named_keys = {(task_id, path_of(index, depth_of(spec, task_id))) for task_id, index in keys}
    spans = {
        (task_id, *span)
        for task_id, path in branches - named_keys
        if path and task_id not in names
        for span in ranges(path, depth_of(spec, task_id))
    }
    return Choice(frozenset(names), frozenset(key for key in keys if key[0] not in names), frozenset(spans))


def to_mark_each(spec: DagSpec, keys: Collection[Key], *, upstream: bool = False, downstream: bool = False) -> Choice:
    """Return what to mark along with many, each a task (map index -1) or one instance of it."""
    named = {task_id for task_id, _ in keys}
    beside = (to_mark(spec, named, None, upstream=upstream, downstream=downstream).names or frozenset()) - named
    whole = frozenset(task_id for task_id, index in keys if index == -1)
    return Choice(beside | whole, frozenset(key for key in keys if key[0] not in whole))


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
