"""Running task groups again, and what is known of how often that was done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction

from orchestrator import wake
from orchestrator.core.branches import chain, depth_of, path_of, ranges, whole_range
from orchestrator.core.branches import name as name_of
from orchestrator.core.group_retries import GroupRetry as Wanted
from orchestrator.core.group_retries import GroupState, around, instance_of, members, with_retries
from orchestrator.core.spec import DagSpec
from orchestrator.core.states import UNFINISHED, TaskState

from . import transitions
from .locking import fetch, moment, placeholders
from .models import GroupRetry, TaskInstance

ACTOR = "engine:group_retry"
_OPEN = sorted(UNFINISHED)


def states_of(run: Mapping[str, Any], spec: DagSpec, now: datetime) -> dict[tuple[str, int], GroupState] | None:
    """Return what a decision has to know of a run's groups; None where none is run again: the run is being cancelled."""
    if not with_retries(spec):
        return {}
    if run["cancelled_at"] is not None:
        return None
    rows = fetch(
        "SELECT group_id, map_index, retried, not_before FROM runs_app_groupretry WHERE run_id = %s", [run["id"]]
    )
    found = {}
    for group_id, map_index, retried, not_before in rows:
        at = moment(not_before)
        found[group_id, map_index] = GroupState(retried, None if at is None else at <= now)
    return found


@dataclass(frozen=True, slots=True)
class Listed:
    """How often a group instance was run again, and of how many times it may be."""

    group_id: str
    map_index: int
    retried: int
    retries: int
    not_before: datetime | None
    name: str


def listed(run_pk: int, spec: DagSpec) -> list[Listed]:
    """Return the group instances of a run that failed at least once; no query where no group has retries."""
    if not with_retries(spec):
        return []
    rows = GroupRetry.objects.filter(run_id=run_pk).order_by("group_id", "map_index")
    return [
        Listed(
            row.group_id,
            row.map_index,
            row.retried,
            spec.groups[row.group_id].retries,
            row.not_before,
            name_of(row.group_id, row.map_index, len(chain(spec, row.group_id))),
        )
        for row in rows
        if row.group_id in spec.groups
    ]


def may_be_over(run_pk: int, spec: DagSpec, changed: Iterable[tuple[str, int, TaskState]]) -> bool:
    """Whether one of these ends may have been the last in a group that others wait for."""
    asked = set()
    for task_id, map_index, _ in changed:
        for group_id in around(spec, task_id)[:1]:
            asked.add((group_id, instance_of(spec, group_id, task_id, map_index)))
    return any(not _is_open(run_pk, spec, *each) for each in asked)


def _is_open(run_pk: int, spec: DagSpec, group_id: str, map_index: int) -> bool:
    tasks = members(spec, group_id)
    path = path_of(map_index, len(chain(spec, group_id)))
    by_depth: dict[int, list[str]] = {}
    for task_id in tasks:
        by_depth.setdefault(depth_of(spec, task_id), []).append(task_id)
    places, values = [], list[Any]()
    for depth, names in by_depth.items():
        place = f"task_id IN ({placeholders(names)})"
        values += names
        if path:
            spans = list(ranges(path, depth))
            place += f" AND ({' OR '.join(['map_index BETWEEN %s AND %s'] * len(spans))})"
            values += [each for span in spans for each in span]
        places.append(f"({place})")
    return bool(
        fetch(
            f"SELECT 1 FROM runs_app_taskinstance WHERE run_id = %s AND ({' OR '.join(places)}) "
            f"AND state IN ({placeholders(_OPEN)}) LIMIT 1",
            [run_pk, *values, *_OPEN],
        )
    )


def carry_out(
    run: Mapping[str, Any],
    spec: DagSpec,
    pks: Mapping[tuple[str, int], int],
    groups: Mapping[tuple[str, int], GroupState] | None,
    wanted: Collection[Wanted],
    now: datetime,
) -> bool:
    """Run groups again, or note when; in the transaction of the decision. True: decide again, tasks are open again.

    ``groups`` is what the decision knew. A retry that is due, but whose group did not fail after all, is forgotten.
    """
    due = {key for key, each in (groups or {}).items() if each.due}
    for group_id, map_index in due - {(each.group_id, each.map_index) for each in wanted}:
        GroupRetry.objects.filter(run_id=run["id"], group_id=group_id, map_index=map_index).update(not_before=None)
    for each in wanted:
        at = None if each.keys else now + timedelta(seconds=each.delay)
        if each.keys:
            _open(run, spec, pks, each, now)
        else:
            transaction.on_commit(partial(wake.due, at))
        GroupRetry.objects.update_or_create(
            run_id=run["id"],
            group_id=each.group_id,
            map_index=each.map_index,
            defaults={"retried": each.number if each.keys else each.number - 1, "not_before": at},
        )
    return any(each.keys for each in wanted)


def _open(
    run: Mapping[str, Any], spec: DagSpec, pks: Mapping[tuple[str, int], int], wanted: Wanted, now: datetime
) -> None:
    """Open the task instances of a group again, with all their own retries and those of the groups in it."""
    rows = list(TaskInstance.objects.filter(pk__in=[pks[key] for key in wanted.keys]))
    tries = {row.pk: row.try_number + spec.tasks[row.task_id].retries for row in rows}
    levels = len(chain(spec, wanted.group_id))
    group = name_of(wanted.group_id, wanted.map_index, levels)
    reason = f"group {group} failed: retry {wanted.number} of {wanted.most}"
    transitions.reset(rows, actor=ACTOR, reason=reason, at=now, max_tries=tries, version_pk=None)
    inner = {each for task_id, _ in wanted.keys for each in _inside(around(spec, task_id), wanted.group_id)}
    for each in inner:
        rest = GroupRetry.objects.filter(run_id=run["id"], group_id=each)
        if wanted.map_index >= 0:
            span = whole_range(path_of(wanted.map_index, levels), len(chain(spec, each)))
            rest = rest.filter(map_index__range=span)
        rest.delete()


def _inside(groups: Sequence[str], group_id: str) -> Sequence[str]:
    """Of the groups around a task, the innermost first, those in a group around it."""
    return groups[: groups.index(group_id)]


def forget(run_pk: int, spec: DagSpec, rows: Iterable[TaskInstance]) -> None:
    """Somebody cleared these: the groups they stand in have all their retries again."""
    indexes: dict[str, set[int]] = {}
    for row in rows:
        for group_id in around(spec, row.task_id):
            indexes.setdefault(group_id, set()).add(instance_of(spec, group_id, row.task_id, row.map_index))
    for group_id, found in indexes.items():
        known = GroupRetry.objects.filter(run_id=run_pk, group_id=group_id)
        wanted = [row.pk for row in known if row.map_index in found or -1 in found]
        if wanted:
            GroupRetry.objects.filter(pk__in=wanted).delete()
