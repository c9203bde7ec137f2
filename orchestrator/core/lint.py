"""What can be said of a DAG before it runs: tasks that never will, joins that branches skip, schedules without a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations_with_replacement, product

from .due import next_run
from .graph import ancestors, topological
from .spec import DagSpec, TaskSpec
from .states import TaskState
from .timetables import TimetableError, from_json
from .trigger_rules import Counts, Verdict, judge

ENDS = frozenset({TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED, TaskState.UPSTREAM_FAILED})
MOST_COMBINATIONS = 20_000
"""Ways in which a task's upstream may end that are looked at; a task with more of them is taken to be reachable."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know; ``level`` is error or warning, ``kind`` a word for machines."""

    level: str
    kind: str
    text: str
    dag_id: str | None = None
    task_id: str | None = None


def lint(spec: DagSpec, *, pools: Mapping[str, int] | None, now: datetime) -> Iterator[Finding]:
    """Yield what is found in one DAG. ``pools``: slots by name, -1 = without limit; None: not known."""
    for task_id, reason in unreachable(spec).items():
        yield Finding("warning", "unreachable", f"task {task_id} can never run: {reason}", spec.dag_id, task_id)
    for task_id, branch in skipped_joins(spec):
        text = (
            f"task {task_id} joins paths of the branch {branch} by all_success: it is skipped whenever one path is; "
            "give it trigger_rule='none_failed_min_one_success'"
        )
        yield Finding("warning", "skipped_join", text, spec.dag_id, task_id)
    yield from _schedule(spec, now)
    for task in spec.tasks.values():
        yield from _pool(spec, task, pools)


def _schedule(spec: DagSpec, now: datetime) -> Iterator[Finding]:
    if not from_json(dict(spec.timetable)).periodic:
        return
    try:
        found = next_run(spec, last=None, now=now)
    except TimetableError as error:
        yield Finding("error", "schedule", f"the schedule never fires: {error}", spec.dag_id)
        return
    if found is None and (spec.end_date is None or spec.end_date > now):
        yield Finding("warning", "schedule", "the schedule has no run to come", spec.dag_id)


def _pool(spec: DagSpec, task: TaskSpec, pools: Mapping[str, int] | None) -> Iterator[Finding]:
    if pools is None:
        return
    slots = pools.get(task.pool)
    if slots is None:
        text = f"task {task.task_id} runs in the pool {task.pool!r}, which is not there"
        yield Finding("warning", "missing_pool", text, spec.dag_id, task.task_id)
    elif 0 <= slots < task.pool_slots:
        text = f"task {task.task_id} takes {task.pool_slots} slots of the pool {task.pool!r}, which has {slots}: it never runs"
        yield Finding("error", "pool_slots", text, spec.dag_id, task.task_id)


# ---- reachability


def unreachable(spec: DagSpec) -> dict[str, str]:
    """Return the tasks that no way of ending their upstream lets run, with the reason.

    A task that runs may succeed, fail or be skipped; one without user code only succeeds.
    """
    ends: dict[str, frozenset[TaskState]] = {}
    found: dict[str, str] = {}
    for task_id in topological(spec):
        task = spec.tasks[task_id]
        verdicts = _verdicts(task, [ends[each] for each in task.upstream])
        mine: set[TaskState] = set()
        if Verdict.RUN in verdicts:
            mine |= {TaskState.SUCCESS} if task.inline else {TaskState.SUCCESS, TaskState.FAILED, TaskState.SKIPPED}
        if Verdict.SKIP in verdicts or _may_be_left_out(spec, task):
            mine.add(TaskState.SKIPPED)
        if Verdict.UPSTREAM_FAILED in verdicts:
            mine.add(TaskState.UPSTREAM_FAILED)
        if Verdict.RUN not in verdicts:
            above = "; ".join(f"{each} ends as {' or '.join(sorted(ends[each]))}" for each in task.upstream)
            found[task_id] = f"{task.trigger_rule} needs another end of its upstream ({above})"
        ends[task_id] = frozenset(mine)
    return found


def _may_be_left_out(spec: DagSpec, task: TaskSpec) -> bool:
    """Whether a branch or short circuit above may skip it."""
    return any(
        spec.tasks[each].skips or spec.tasks[each].inline == "latest_only" for each in ancestors(spec, [task.task_id])
    )


def _verdicts(task: TaskSpec, ends: list[frozenset[TaskState]]) -> set[Verdict]:
    groups: dict[frozenset[TaskState], int] = {}
    for each in ends:
        groups[each] = groups.get(each, 0) + 1
    choices = [
        list(combinations_with_replacement(sorted(group), count)) for group, count in groups.items() if count <= 12
    ]
    size = 1
    for ways in choices:
        size *= len(ways)
    if len(choices) < len(groups) or size > MOST_COMBINATIONS:
        return {Verdict.RUN, Verdict.SKIP, Verdict.UPSTREAM_FAILED}
    return {judge(task.trigger_rule, _counts(states for part in way for states in part)) for way in product(*choices)}


def _counts(states: Iterable[TaskState]) -> Counts:
    found = list(states)
    return Counts(
        total=len(found),
        success=found.count(TaskState.SUCCESS),
        skipped=found.count(TaskState.SKIPPED),
        failed=found.count(TaskState.FAILED),
        upstream_failed=found.count(TaskState.UPSTREAM_FAILED),
    )


def skipped_joins(spec: DagSpec) -> Iterator[tuple[str, str]]:
    """Yield (task, branch): the task stands below several paths of the branch and wants all of them."""
    for branch in spec.tasks.values():
        if branch.skips != "branch":
            continue
        paths = spec.downstream[branch.task_id]
        below = {path: _only_through(spec, path) for path in paths}
        for task in spec.tasks.values():
            through = [path for path in paths if path in task.upstream or below[path] & set(task.upstream)]
            if task.trigger_rule == "all_success" and len(through) > 1 and task.task_id not in paths:
                yield task.task_id, branch.task_id


def _only_through(spec: DagSpec, path: str) -> set[str]:
    """Tasks below ``path`` that are skipped with it: reached by all_success alone."""
    found = {path}
    pending = [path]
    while pending:
        for other in spec.downstream[pending.pop()]:
            if other not in found and spec.tasks[other].trigger_rule == "all_success":
                found.add(other)
                pending.append(other)
    return found
