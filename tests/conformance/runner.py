"""Runs of a DAG in memory: the real rules and the real attempts, between them dicts instead of a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.decide import Instance, RunView, decide
from orchestrator.core.due import next_run
from orchestrator.core.states import RunState, TaskState
from orchestrator.core.timetables import DataInterval
from orchestrator.runtime.child import Attempt
from orchestrator.sdk import DAG, comms
from orchestrator.sdk.xcom_json import decode

from .build import plain

Key = tuple[str, int]


@dataclass
class Row:
    """What the run remembers of one task instance."""

    instance: Instance = field(default_factory=lambda: Instance(TaskState.NONE))
    label: str | None = None
    xcoms: dict[str, tuple[Any, int | None]] = field(default_factory=dict)


class Run:
    """One run: ``look`` applies every decision that is due, ``attempt`` carries out one task instance."""

    def __init__(self, dag: DAG, run: dict[str, Any]) -> None:
        self.dag, self.spec = dag, dag.to_spec()
        self.run_type = run.get("run_type", "manual")
        self.date = datetime.fromisoformat(run["logical_date"]) if run.get("logical_date") else None
        after = run.get("run_after") or run.get("logical_date") or "2024-03-01T00:00:00+00:00"
        interval = run.get("data_interval") or [run.get("logical_date")] * 2
        self.run = {
            **{"run_id": run.get("run_id", "r"), "dag_id": dag.dag_id, "conf": run.get("conf") or {}},
            **{"logical_date": run.get("logical_date"), "run_after": after, "run_type": self.run_type},
            **{"data_interval_start": interval[0], "data_interval_end": interval[1]},
        }
        self.previous: dict[str, Any] | None = None  # the newest successful run before this one
        self.errors: dict[str, str] = {}  # by task
        self.state: RunState | None = None
        self.rows: dict[str, dict[int, Row]] = {}
        for task in self.spec.tasks.values():
            start, end = task.start_date, task.end_date
            inside = self.date is None or ((not start or self.date >= start) and (not end or self.date <= end))
            if inside:
                self.rows[task.task_id] = {-1: Row()}

    # ---- deciding

    def view(self) -> RunView:
        return RunView(
            spec=self.spec,
            instances={name: {at: row.instance for at, row in rows.items()} for name, rows in self.rows.items()},
            lengths={
                (name, at, key): length
                for name, rows in self.rows.items()
                for at, row in rows.items()
                for key, (_, length) in row.xcoms.items()
            },
            logical_date=self.date,
            run_type=self.run_type,
            is_latest=self._is_latest(),
        )

    def _is_latest(self) -> bool:
        if self.run_type == "manual" or self.date is None:
            return True
        start, end = (datetime.fromisoformat(self.run[f"data_interval_{name}"]) for name in ("start", "end"))
        now = datetime.now(UTC)
        following = next_run(replace(self.spec, catchup=True), last=DataInterval(start, end), now=now)
        return following is None or following.run_after > now

    def look(self) -> None:
        """Decide until nothing changes any more."""
        while self.state is None:
            found = decide(self.view())
            self.state = found.run_state
            for expansion in found.expansions:
                first = self.rows[expansion.task_id].pop(-1)
                self.rows[expansion.task_id] = {index: first if index == 0 else Row() for index in expansion.indexes}
            for move in found.moves:
                row = self.rows[move.task_id][move.map_index]
                assert row.instance.state == move.old
                # Airflow counts a try when it is scheduled, and a task without user code as tried once.
                counts = (
                    move.new in {TaskState.SUCCESS, TaskState.SCHEDULED} and move.old != TaskState.UP_FOR_RESCHEDULE
                )
                row.instance = replace(
                    row.instance,
                    state=move.new,
                    try_number=row.instance.try_number + counts,
                    skip_note=found.notes.get((move.task_id, move.map_index), row.instance.skip_note),
                )
            if not found.moves and not found.expansions:
                return

    def scheduled(self) -> list[Key]:
        return [
            (name, at)
            for name, rows in self.rows.items()
            for at, row in sorted(rows.items())
            if row.instance.state == TaskState.SCHEDULED
        ]

    def drive(self, order: str, most: int = 2000) -> None:
        """Run everything, in waves or one at a time (``first``, ``last``)."""
        for _ in range(most):
            self.look()
            ready = self.scheduled()
            if self.state is not None or not ready:
                return
            for key in self._chosen(ready, order):
                self.attempt(*key)
        raise AssertionError("the run does not end")

    def _chosen(self, ready: list[Key], order: str) -> Iterable[Key]:
        if order != "wave":
            return [ready[0 if order == "first" else -1]]
        return self._within_limits(ready)

    def _within_limits(self, ready: list[Key]) -> Iterator[Key]:
        taken: dict[str, int] = {}
        for name, at in ready:
            taken[name] = taken.get(name, 0) + 1
            limit = self.spec.tasks[name].max_active_tis_per_dagrun
            if limit is None or taken[name] <= limit:
                yield name, at

    # ---- one attempt

    def attempt(self, task_id: str, map_index: int) -> None:
        row, task = self.rows[task_id][map_index], self.spec.tasks[task_id]
        tries = row.instance.try_number
        row.xcoms = {}
        assignment = {
            **{"kind": "task", "dag_id": self.dag.dag_id, "task_id": task_id, "map_index": map_index},
            **{"try_number": tries, "max_tries": task.retries, "run": self.run},
            "started_at": datetime.now(UTC).isoformat(),
        }
        before = comms.use(lambda what, args: self.answer(row, map_index, task_id, what, args))
        try:
            result = Attempt(assignment, self.dag, _Deaf()).run()
        finally:
            comms.use(before)
        state = self._state_after(result, tries, task.retries)
        self.errors[task_id] = result.get("error", "")
        if state == TaskState.UP_FOR_RETRY:
            result.pop("skip_note", None)
        row.label = result.get("map_label")
        row.instance = Instance(state, True, result.get("skip_note"), tries)

    def _state_after(self, result: dict[str, Any], tries: int, retries: int) -> TaskState:
        if result["outcome"] == "failed":
            return TaskState.UP_FOR_RETRY if result["retry"] and tries <= retries else TaskState.FAILED
        return {
            "success": TaskState.SUCCESS,
            "skipped": TaskState.SKIPPED,
            "rescheduled": TaskState.UP_FOR_RESCHEDULE,
        }[result["outcome"]]

    # ---- what a task may ask

    def answer(self, row: Row, map_index: int, task_id: str, what: str, args: dict[str, Any]) -> Any:
        if what == "push_xcom":
            row.xcoms[args["key"]] = (args["value"], args["length"])
            return None
        if what == "xcom":
            return list(self._entries(**args))
        if what == "xcom_length":
            return len(self._pushed(**args))
        if what == "xcom_range":
            return self._pushed(args["task_id"], args["key"])[args["offset"] :][: args["count"]]
        if what == "map_length":
            return len(self.rows[args["task_id"]])
        assert what in {"previous_run", "variable", "connection"}, what
        return self.previous if what == "previous_run" else None

    def _pushed(self, task_id: str, key: str) -> list[Any]:
        rows = sorted(self.rows.get(task_id, {}).items())
        return [row.xcoms[key][0] for at, row in rows if at >= 0 and key in row.xcoms]

    def _entries(self, task_ids: list[str], key: str | None, map_indexes: Any) -> Iterator[dict[str, Any]]:
        wanted = [map_indexes] if isinstance(map_indexes, int) else map_indexes
        for name in task_ids:
            for at, row in sorted(self.rows.get(name, {}).items()):
                for found, (value, _) in row.xcoms.items():
                    if key in (None, found) and (wanted is None or at in wanted):
                        yield {"task_id": name, "map_index": at, "value": value}

    # ---- the answer about the run

    def report(self) -> dict[str, Any]:
        found = []
        for name, rows in self.rows.items():
            for at, row in sorted(rows.items()):
                state = row.instance.state
                each: dict[str, Any] = {
                    **{"task_id": name, "map_index": at, "try_number": row.instance.try_number},
                    "state": None if state == TaskState.NONE else state.value,
                }
                if row.label is not None or at >= 0:
                    each["rendered_map_index"] = row.label if row.label is not None else str(at)
                if row.xcoms:
                    each["xcom"] = {key: plain(decode(value)) for key, (value, _) in row.xcoms.items()}
                found.append(each)
        return {"run_state": self.state.value if self.state else "running", "task_instances": found}


class _Deaf:
    """Nobody listens to an attempt's log and rendered fields here."""

    def tell(self, message: dict[str, Any]) -> None:
        return None
