"""One action on many things: each by itself, so that what one refuses leaves the others done, and is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dags_app.models import Dag
from dags_app.versions import load_spec
from orchestrator.core.states import RunState

from . import actions, cancel, choice
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


def clear_runs(runs: Iterable[DagRun], *, only_failed: bool = False, user: Any) -> Outcome:
    return on_each(runs, lambda run: 1 if actions.clear(run.pk, only_failed=only_failed, user=user) else 0)


def mark_runs(runs: Iterable[DagRun], state: str, *, user: Any) -> Outcome:
    return on_each(runs, lambda run: actions.set_run_state(run.pk, state, user=user))


def cancel_runs(runs: Iterable[DagRun], *, user: Any) -> Outcome:
    return on_each(runs, lambda run: cancel.cancel_run(run.pk, user=user))


def delete_runs(runs: Iterable[DagRun], *, user: Any) -> Outcome:
    return on_each(runs, lambda run: actions.delete_run(run.pk, user=user))


def _by_run(rows: Iterable[TaskInstance]) -> list[tuple[DagRun, list[TaskInstance]]]:
    found: dict[int, tuple[DagRun, list[TaskInstance]]] = {}
    for row in rows:
        found.setdefault(row.run_id, (row.run, []))[1].append(row)
    return list(found.values())


def _run_name(pair: tuple[DagRun, list[TaskInstance]]) -> str:
    return f"{len(pair[1])} of {pair[0]}"


def clear_instances(rows: Iterable[TaskInstance], *, downstream: bool = False, user: Any) -> Outcome:
    """Clear task instances, run by run, with their setups; ``downstream``: and what depends on them."""

    def act(pair: tuple[DagRun, list[TaskInstance]]) -> int:
        run, chosen = pair
        named = [row.task_id if row.map_index == -1 else (row.task_id, row.map_index) for row in chosen]
        found = choice.to_clear(run, load_spec(run.version_id), named, downstream=downstream)
        return len(actions.clear(run.pk, chosen=list(found.of([run])), user=user))

    return on_each(_by_run(rows), act, _run_name)


def mark_instances(rows: Iterable[TaskInstance], state: str, *, user: Any) -> Outcome:
    def act(pair: tuple[DagRun, list[TaskInstance]]) -> int:
        pks = [row.pk for row in pair[1] if row.state != state]
        return len(actions.set_task_state(pks, state, user=user)) if pks else 0

    return on_each(_by_run(rows), act, _run_name)
