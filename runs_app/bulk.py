"""One action on many things: each by itself, so that what one refuses leaves the others done, and is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.states import FAILED_STATES, RunState

from . import actions, cancel, choice, deleting
from .exceptions import OrchestratorError
from .models import DagRun, TaskInstance

MOST = 10_000
"""Things that one request acts on."""


@dataclass
class Outcome:
    """What came of it: how many were done, and (what, why not) of the others."""

    done: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


def on_each(things: Iterable[Any], act: Callable[[Any], int | None], name: Callable[[Any], str] = str) -> Outcome:
    """Do ``act`` to each; it returns how many it changed, None for one."""
    outcome = Outcome()
    for each in things:
        try:
            count = act(each)
        except OrchestratorError as problem:
            outcome.refused.append((name(each), str(problem)))
        else:
            outcome.done += 1 if count is None else count
    return outcome


def pause(dags: Iterable[Dag], paused: bool, *, user: Any) -> Outcome:
    def act(dag: Dag) -> int:
        if dag.is_paused == paused:
            return 0
        actions.pause(dag.dag_id, paused, user=user)
        return 1

    return on_each(dags, act)


def trigger(dags: Iterable[Dag], *, user: Any) -> Outcome:
    return on_each(dags, lambda dag: actions.trigger_dag(dag.dag_id, user=user) and None)


def delete_dags(dags: Iterable[Dag], *, user: Any) -> Outcome:
    return on_each(dags, lambda dag: actions.delete_dag(dag.dag_id, user=user))


def clear_failed(dags: Iterable[Dag], *, user: Any) -> Outcome:
    """Run the failed tasks of each DAG's last run again."""

    def act(dag: Dag) -> int:
        last = DagRun.objects.filter(dag=dag).order_by("-run_after", "-pk").first()
        if last is None or last.state not in {RunState.FAILED, RunState.CANCELLED, RunState.RUNNING}:
            return 0
        return 1 if actions.clear(last.pk, only_failed=True, user=user) else 0

    return on_each(dags, act)


def clear_runs(runs: Iterable[DagRun], *, only_failed: bool = False, note: str = "", user: Any) -> Outcome:
    def act(run: DagRun) -> int:
        found = actions.clear(run.pk, only_failed=only_failed, user=user)
        if note and found:
            actions.set_note(run.pk, note, user=user)
        return 1 if found else 0

    return on_each(runs, act)


def mark_runs(runs: Iterable[DagRun], state: str, *, note: str = "", user: Any) -> Outcome:
    def act(run: DagRun) -> None:
        actions.set_run_state(run.pk, state, user=user)
        if note:
            actions.set_note(run.pk, note, user=user)

    return on_each(runs, act)


def cancel_runs(runs: Iterable[DagRun], *, user: Any) -> Outcome:
    return on_each(runs, lambda run: cancel.cancel_run(run.pk, user=user))


def delete_runs(runs: Iterable[DagRun], *, user: Any) -> Outcome:
    return on_each(runs, lambda run: actions.delete_run(run.pk, user=user))


def delete_instances(rows: Iterable[TaskInstance], *, user: Any) -> Outcome:
    return on_each(rows, lambda row: deleting.delete_instance(row.pk, user=user))


def _by_run(rows: Iterable[TaskInstance]) -> list[tuple[DagRun, list[TaskInstance]]]:
    found: dict[int, tuple[DagRun, list[TaskInstance]]] = {}
    for row in rows:
        found.setdefault(row.run_id, (row.run, []))[1].append(row)
    return list(found.values())


def _run_name(pair: tuple[DagRun, list[TaskInstance]]) -> str:
    return f"{len(pair[1])} of {pair[0]}"


@dataclass(frozen=True, slots=True)
class Reach:
    """How far from the chosen task instances an action goes. ``around`` gives a run's earlier and later ones."""

    downstream: bool = False
    upstream: bool = False
    past: bool = False
    future: bool = False
    only_failed: bool = False
    around: Callable[..., list[DagRun]] = lambda run, **_: [run]

    def runs(self, run: DagRun) -> list[DagRun]:
        return self.around(run, past=self.past, future=self.future)


def to_clear(rows: Iterable[TaskInstance], reach: Reach = Reach()) -> list[TaskInstance]:
    """Return the task instances that a clear of these reaches, each once, with their setups."""
    found: dict[int, TaskInstance] = {}
    for run, chosen in _by_run(rows):
        named = [row.task_id if row.map_index == -1 else (row.task_id, row.map_index) for row in chosen]
        spec = load_spec(run.version_id)
        wanted = choice.to_clear(run, spec, named, upstream=reach.upstream, downstream=reach.downstream)
        each = wanted.of(reach.runs(run)).select_related("run", "run__dag")
        if reach.only_failed:
            each = each.filter(state__in=sorted(FAILED_STATES))
        found |= {row.pk: row for row in each}
    return list(found.values())


def clear_instances(rows: Iterable[TaskInstance], *, reach: Reach = Reach(), note: str = "", user: Any) -> Outcome:
    """Clear task instances and what is reached from them, run by run."""

    def act(pair: tuple[DagRun, list[TaskInstance]]) -> int:
        found = actions.clear(pair[0].pk, chosen=pair[1], user=user)
        return _noted(found, note, user)

    return on_each(_by_run(to_clear(rows, reach)), act, _run_name)


def to_mark(rows: Iterable[TaskInstance], state: str, reach: Reach = Reach()) -> list[TaskInstance]:
    """Return the task instances that a mark of these reaches, and that are in another state."""
    found: dict[int, TaskInstance] = {}
    for pair in _by_run(rows):
        found |= {row.pk: row for row in _of_one(pair, state, reach).select_related("run", "run__dag")}
    return list(found.values())


def _of_one(pair: tuple[DagRun, list[TaskInstance]], state: str, reach: Reach) -> QuerySet[TaskInstance]:
    run, chosen = pair
    keys = {(row.task_id, row.map_index) for row in chosen}
    spec = load_spec(run.version_id)
    wanted = choice.to_mark_each(spec, keys, upstream=reach.upstream, downstream=reach.downstream)
    return wanted.of(reach.runs(run)).exclude(state=state)


def mark_instances(
    rows: Iterable[TaskInstance], state: str, *, reach: Reach = Reach(), note: str = "", user: Any
) -> Outcome:
    def act(pair: tuple[DagRun, list[TaskInstance]]) -> int:
        found = {row.pk: row for row in _of_one(pair, state, reach).select_related("run")}
        if not found:
            return 0
        named = {row.task_id for row in pair[1]}
        runs = sorted({row.run for row in found.values()}, key=lambda run: run.pk)
        moved = actions.set_task_state(list(found), state, named=named, runs=runs, user=user)
        return _noted([found[pk] for pk in moved], note, user)

    return on_each(_by_run(rows), act, _run_name)


def _noted(rows: list[TaskInstance], note: str, user: Any) -> int:
    if note and rows:
        actions.set_task_note([row.pk for row in rows], note, user=user)
    return len(rows)
