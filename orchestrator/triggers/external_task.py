"""Waiting for runs, tasks and task groups of other DAGs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from datetime import datetime
from typing import Any

from orchestrator.sdk.comms import ask

from .base import BaseTrigger, TriggerEvent


class WorkflowTrigger(BaseTrigger):
    """Fires with ``{"status": "success" | "failed" | "skipped"}`` for runs of another DAG, or for tasks in them.

    Failed and skipped: as soon as one is in such a state. Success: when all are in an allowed state.
    ``poke_interval`` is in seconds.
    """

    def __init__(
        self,
        external_dag_id: str,
        run_ids: list[str] | None = None,
        execution_dates: list[datetime] | None = None,
        logical_dates: list[datetime] | None = None,
        external_task_ids: Collection[str] | None = None,
        external_task_group_id: str | None = None,
        failed_states: Iterable[str] | None = None,
        skipped_states: Iterable[str] | None = None,
        allowed_states: Iterable[str] | None = None,
        poke_interval: float = 2.0,
        soft_fail: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.external_dag_id = external_dag_id
        self.run_ids = run_ids
        self.logical_dates = logical_dates if logical_dates is not None else execution_dates
        self.external_task_ids = list(external_task_ids) if external_task_ids is not None else None
        self.external_task_group_id = external_task_group_id
        self.failed_states = _names(failed_states)
        self.skipped_states = _names(skipped_states)
        self.allowed_states = _names(allowed_states)
        self.poke_interval, self.soft_fail = poke_interval, soft_fail

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = (
            *("external_dag_id", "run_ids", "logical_dates", "external_task_ids", "external_task_group_id"),
            *("failed_states", "skipped_states", "allowed_states", "poke_interval", "soft_fail"),
        )
        return f"{__name__}.WorkflowTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        import asyncio

        while True:
            status = await asyncio.to_thread(self.status)
            if status is not None:
                yield TriggerEvent({"status": status})
                return
            await asyncio.sleep(self.poke_interval)

    def status(self) -> str | None:
        """What can be said now; None: wait on."""
        what = (self.external_dag_id, self.external_task_ids, self.external_task_group_id)
        where = {"run_ids": self.run_ids, "logical_dates": _dates(self.logical_dates)}
        if self.failed_states and is_any(*what, self.failed_states, where):
            return "failed"
        if self.skipped_states and is_any(*what, self.skipped_states, where):
            return "skipped"
        return "success" if are_all(*what, self.allowed_states or ["success"], where) else None


Where = dict[str, list[str] | None]
"""Which runs: ``{"run_ids": [...]}`` or ``{"logical_dates": [ISO text, ...]}``."""


def is_any(
    dag_id: str, task_ids: Collection[str] | None, group_id: str | None, states: list[str], where: Where
) -> bool:
    """Whether one of these runs, or of these tasks in them, is in one of ``states``."""
    return bool(_count(dag_id, task_ids, group_id, states, where))


def are_all(
    dag_id: str, task_ids: Collection[str] | None, group_id: str | None, states: list[str], where: Where
) -> bool:
    """Whether all of these runs, or of these tasks in each of them, are in one of ``states``; False where none is named.

    Each run is looked at by itself: many instances that are done in one must not stand for a run that has yet to come.
    """
    name = "run_ids" if where.get("run_ids") else "logical_dates"
    runs = where.get(name) or []
    if task_ids is None and group_id is None:
        return bool(runs) and _count(dag_id, None, None, states, {name: runs}) >= len(set(runs))
    for run in runs:
        least = len(task_ids) if task_ids else 1
        there = _count(dag_id, task_ids, group_id, None, {name: [run]})
        if there < least or _count(dag_id, task_ids, group_id, states, {name: [run]}) < there:
            return False
    return bool(runs)


def _count(
    dag_id: str, task_ids: Collection[str] | None, group_id: str | None, states: list[str] | None, where: Where
) -> int:
    """How many of these runs, or task instances in them, are in one of ``states`` (None: in any)."""
    if task_ids is None and group_id is None:
        return int(ask("dag_runs_count", dag_id=dag_id, states=states, **where))
    tasks = list(task_ids) if task_ids is not None else None
    return int(ask("ti_count", dag_id=dag_id, task_ids=tasks, task_group_id=group_id, states=states, **where))


class DagStateTrigger(BaseTrigger):
    """Fires when all the named runs of a DAG are in one of ``states``; the event is what ``serialize`` gives, with each run's state.

    ``poll_interval`` is in seconds.
    """

    def __init__(
        self,
        dag_id: str,
        states: Iterable[str],
        run_ids: list[str] | None = None,
        execution_dates: list[datetime] | None = None,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__()
        self.dag_id, self.states = dag_id, _names(states) or []
        self.run_ids, self.execution_dates, self.poll_interval = run_ids, execution_dates, poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("dag_id", "states", "run_ids", "execution_dates", "poll_interval")
        return f"{__name__}.DagStateTrigger", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        import asyncio

        while True:
            found = await asyncio.to_thread(self.found)
            if found is not None:
                classpath, data = self.serialize()
                yield TriggerEvent((classpath, data | found))
                return
            await asyncio.sleep(self.poll_interval)

    def found(self) -> dict[str, str] | None:
        """The state of each run once all of them are in a wanted one; None: wait on."""
        wanted = len(self.run_ids or self.execution_dates or ())
        dates = _dates(self.execution_dates) if not self.run_ids else None
        if (
            ask("dag_runs_count", dag_id=self.dag_id, states=self.states, run_ids=self.run_ids, logical_dates=dates)
            < wanted
        ):
            return None
        return {run_id: ask("run_state", dag_id=self.dag_id, run_id=run_id) for run_id in self.run_ids or ()}


def _names(states: Iterable[str] | None) -> list[str] | None:
    """States as plain text: they may come as members of an enum."""
    return None if states is None else [str(getattr(each, "value", each)) for each in states]


def _dates(dates: list[datetime] | None) -> list[str] | None:
    return None if dates is None else [each.isoformat() for each in dates]
