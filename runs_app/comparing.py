"""Two runs of a DAG side by side: reads what they left behind, :mod:`orchestrator.core.comparing` says what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import MD5, Cast, Coalesce

from dags_app.versions import load_spec
from orchestrator.core.changes import Change
from orchestrator.core.changes import compare as compare_specs
from orchestrator.core.comparing import Difference, Facts, Key, Taken, compare, in_order
from orchestrator.core.log_lines import first_difference
from orchestrator.core.states import FINISHED, RunState, TaskState
from orchestrator.logs.match import said
from orchestrator.logs.store import key_for

from . import logs
from .models import Attempt, DagRun, TaskInstance, XCom

MOST_INSTANCES = 5000
"""Of each run; a page that reads more would take seconds."""
MOST_LOGS = 200
LOG_BYTES = 64 * 1024
"""Read of each log from its beginning: what goes wrong later in it mostly shows in its state."""
LONGEST_LINE = 500


@dataclass(frozen=True, slots=True)
class Comparison:
    """``delay`` is how much longer the run took, None where one has not begun; ``is_whole``: all of both was looked at."""

    before: DagRun
    after: DagRun
    differences: list[Difference]
    changes: list[Change]
    delay: float | None
    is_whole: bool


def last_good(run: DagRun, among: QuerySet[DagRun]) -> DagRun | None:
    """Return the last run before this one that succeeded."""
    good = among.filter(dag_id=run.dag_id, state=RunState.SUCCESS, run_after__lt=run.run_after).exclude(pk=run.pk)
    return good.order_by("-run_after", "-pk").first()


def compared(before: DagRun, after: DagRun, now: datetime) -> Comparison:
    """Return what differs between two runs of one DAG."""
    old, new = _instances(before), _instances(after)
    one, other = _facts(before, old, now), _facts(after, new, now)
    found = compare(one, other)
    both = [key for key in new if key in old]
    told = dict.fromkeys((each.task_id, each.map_index) for each in found)
    ordered = sorted(both, key=lambda key: key not in told)  # those that differ already, first
    found = in_order([*found, *_logs(before, after, [(old[key], new[key]) for key in ordered[:MOST_LOGS]])])
    changes = compare_specs(one.spec, other.spec) if before.version_id != after.version_id else []
    delay = other.seconds - one.seconds if one.seconds is not None and other.seconds is not None else None
    if delay is not None and delay < 0 and not (before.ended_at and after.ended_at):
        delay = None  # what goes on is not faster yet
    whole = max(len(old), len(new)) < MOST_INSTANCES and len(both) <= MOST_LOGS
    return Comparison(before, after, found, changes, delay, whole)


COLUMNS = ("pk", "task_id", "map_index", "state", "started_at", "ended_at", "try_number", "hostname")


def _instances(run: DagRun) -> dict[Key, Any]:
    rows = TaskInstance.objects.filter(run=run).order_by("pk").values_list(*COLUMNS, named=True)
    return {(each.task_id, each.map_index): each for each in rows[:MOST_INSTANCES]}


def _facts(run: DagRun, instances: Mapping[Key, Any], now: datetime) -> Facts:
    xcoms = _xcoms(run)
    order = {task_id: number for number, task_id in enumerate(load_spec(run.version_id).tasks)}
    keys = sorted(instances, key=lambda key: (order.get(key[0], len(order)), key))
    return Facts(
        state=run.state,
        version=run.version.version_number,
        spec=load_spec(run.version_id),
        conf=run.conf if isinstance(run.conf, dict) else {},
        due=max(run.run_after, run.queued_at),  # a backfill's runs are made long after their time
        started=run.started_at,
        ended=run.ended_at or now,
        instances={key: _taken(instances[key], xcoms.get(key, {}), now) for key in keys},
    )


def _taken(row: Any, xcoms: Mapping[str, str], now: datetime) -> Taken:
    over = row.state in FINISHED
    goes_on = row.started_at is not None and row.state == TaskState.RUNNING
    return Taken(
        row.task_id,
        row.map_index,
        row.state,
        started=row.started_at,
        ended=row.ended_at or (now if goes_on else None),
        is_over=over,
        tries=row.try_number,
        worker=row.hostname,
        xcoms=xcoms,
    )


def _xcoms(run: DagRun) -> dict[Key, dict[str, str]]:
    """Hash every value where it lies: a run may have left megabytes."""
    found: dict[Key, dict[str, str]] = {}
    text = Coalesce(Cast(F("value"), TextField()), Value(""), output_field=TextField())
    rows = XCom.objects.filter(run=run).annotate(digest=MD5(text)).order_by("pk")
    for task_id, index, key, digest in rows.values_list("task_id", "map_index", "key", "digest")[:MOST_INSTANCES]:
        found.setdefault((task_id, index), {})[key] = digest
    return found


def _logs(before: DagRun, after: DagRun, pairs: list[tuple[Any, Any]]) -> Iterable[Difference]:
    """Compare the logs of both sides' last tries, where both have one."""
    old, new = _keys(before, [one for one, _ in pairs]), _keys(after, [other for _, other in pairs])
    own = ({before.run_id: "<run>"}, {after.run_id: "<run>"})
    for one, other in pairs:
        if one.pk not in old or other.pk not in new:
            continue
        (first, cut), (second, cut_too) = _lines(old[one.pk]), _lines(new[other.pk])
        lines = first_difference(first, second, own, cut=cut or cut_too)
        if lines is not None:
            shown = [line[:LONGEST_LINE] if line is not None else None for line in lines]
            yield Difference("log", shown[0], shown[1], other.task_id, other.map_index)


def _keys(run: DagRun, instances: list[Any]) -> dict[int, list[str]]:
    """Return the log files of each instance's last try: several where it was deferred or rescheduled."""
    tries = {each.pk: each.try_number for each in instances}
    found: dict[int, list[str]] = {}
    rows = Attempt.objects.filter(task_instance__in=tries).order_by("task_instance", "token")
    for pk, number, token in rows.values_list("task_instance_id", "try_number", "token"):
        if number == tries[pk]:
            found.setdefault(pk, []).append(key_for(run.pk, pk, token))
    return found


def _lines(keys: list[str]) -> tuple[Iterator[str], bool]:
    """Return what a log says from its beginning, read line by line as far as anybody asks, and whether there is more of it."""
    read: list[bytes] = []
    left, cut = LOG_BYTES, False
    for key in keys:
        data, after = logs.store().read_lines(key, 0, left)
        read += data.split(b"\n")[:-1]
        left -= after
        cut = after < logs.store().size(key) or (left <= 0 and key != keys[-1])
        if cut or left <= 0:
            break
    return map(said, read), cut
