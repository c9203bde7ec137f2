"""The engine without its processes: a slot that plays outcomes, and what tests ask about rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from orchestrator.core.states import RunType
from orchestrator.operators.python import PythonOperator
from orchestrator.sdk import DAG
from runs_app import advance, create
from runs_app.claim import Claimer, claim
from runs_app.finish import Finished, Outcome, finish
from runs_app.limits import Capacity
from runs_app.models import DagRun, Process, TaskInstance
from tests.support import factories


def python_dag(
    dag_id: str, arrows: Mapping[str, tuple[str, ...]], *, tasks: Mapping[str, Any] | None = None, **arguments: Any
) -> Any:
    """Make a DAG whose tasks need a process; ``tasks`` are arguments of every task, or of one by its id."""
    columns = {name: arguments.pop(name) for name in ("is_paused", "next_run_after") if name in arguments}
    with DAG(dag_id, **arguments) as dag:
        made: dict[str, Any] = {}
        for task_id, above in arrows.items():
            own = {**(tasks or {}), **(tasks or {}).get(task_id, {})}
            own = {name: value for name, value in own.items() if name not in arrows}
            made[task_id] = PythonOperator(task_id=task_id, python_callable=print, **own)
            for each in above:
                made[each] >> made[task_id]
    spec = dag.to_spec()
    fields = {"max_active_runs": spec.max_active_runs, "max_active_tasks": spec.max_active_tasks, **columns}
    return factories.make_dag(spec=spec, **fields)


def start(dag: Any, *, now: datetime | None = None, **arguments: Any) -> DagRun:
    """Make a run and start it."""
    now = now or timezone.now()
    values: dict[str, Any] = {"run_type": RunType.MANUAL, "logical_date": now, "interval": (now, now), **arguments}
    run = create.create_run(
        dag=dag,
        version_pk=dag.version_id,
        run_after=values["logical_date"] or now,
        triggered_by="test",
        now=now,
        **values,
    )
    advance.start_queued(dag.pk, now)
    run.refresh_from_db()
    return run


def slot(*queues: str, beat_at: datetime | None = None) -> Claimer:
    """Register a worker slot."""
    now = timezone.now()
    row = Process.objects.create(
        kind="slot",
        hostname="elsewhere",
        pid=7,
        queues=list(queues or ["default"]),
        started_at=now,
        beat_at=beat_at or now,
    )
    known = Capacity(patience=0.0)  # whatever is there has been there for a while
    return Claimer(row.pk, "elsewhere", 7, list(queues or ["default"]), known)


def take(claimer: Claimer, now: datetime | None = None) -> dict[str, Any] | None:
    claimer.capacity.read_at = -1e9  # pools and slots as they are now
    return claim(claimer, now or timezone.now())


def play(
    claimer: Claimer,
    outcome: Callable[[dict[str, Any]], Outcome | str] = lambda row: "success",
    *,
    now: datetime | None = None,
    limit: int = 1000,
) -> list[str]:
    """Claim and end until nothing is claimable; return the task ids in the order they ran."""
    order = []
    while len(order) < limit and (row := take(claimer, now)) is not None:
        order.append(row["task_id"])
        end(row, outcome(row), now=now)
    return order


def end(row: Mapping[str, Any], outcome: Outcome | str, *, now: datetime | None = None, **more: Any) -> Finished:
    found = outcome if isinstance(outcome, Outcome) else Outcome(outcome, **more)
    return finish(row, found, now or timezone.now())


def states(run: DagRun) -> dict[str, str]:
    """States by task id, mapped ones as task[index]."""
    rows = TaskInstance.objects.filter(run=run).order_by("pk").values_list("task_id", "map_index", "state")
    return {task if index < 0 else f"{task}[{index}]": state for task, index, state in rows}


def state_of(run: DagRun) -> str:
    return str(DagRun.objects.values_list("state", flat=True).get(pk=run.pk))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
